// SPDX-License-Identifier: Apache-2.0

/* `rung healthcheck run`, and `rung __health`, which the monitor runs at its times. */

#include "base/error.h"
#include "engine/instance/health.h"
#include "verbs/container/chosen.h"
#include "verbs/verbs.h"

#include <stdio.h>

static int check(struct invocation *invocation, bool aloud)
{
	struct instance instance;
	struct health_result result = {};
	int r = chosen_find(invocation, false, &instance, NULL);
	if (r == 0)
		r = health_check(&instance, invocation->arena, &result);
	if (r < 0)
		return r;
	if (!result.passed && aloud)
		puts("unhealthy");
	return result.passed ? 0 : 1;
}

static int run(struct invocation *invocation)
{
	return check(invocation, true);
}

static int run_quietly(struct invocation *invocation)
{
	return check(invocation, false);
}

static const struct verb verb_healthcheck_run = {
	.name = "run",
	.summary = "ask a container now whether it is healthy",
	.arguments = "CONTAINER",
	.failure_status = 125,
	.run = run,
	.description = "Runs the container's health check once. The status is 0 if it passed, 1 if "
		       "it did not, 125 if it could not be asked.",
	.examples = "In a script\n"
		    "$ rung healthcheck run db && echo fine\n",
};

static const struct verb_entry entries[] = {{.verb = &verb_healthcheck_run}, {}};

const struct verb verb_healthcheck = {
	.name = "healthcheck",
	.summary = "the health of containers",
	.failure_status = 125,
	.verbs = entries,
};

const struct verb verb_health = {
	.name = "__health",
	.summary = "check a container's health at its time",
	.arguments = "ID",
	.hidden = true,
	.failure_status = 125,
	.run = run_quietly,
};
