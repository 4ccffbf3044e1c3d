// SPDX-License-Identifier: Apache-2.0

/* `rung container exists`: a question that a script asks. */

#include "base/error.h"
#include "engine/instance/instance.h"
#include "verbs/container/container.h"

static int run(struct invocation *invocation)
{
	struct instance instance;
	int r = instance_find(invocation->arguments[0], invocation->arena, &instance);
	if (r != -ENOENT)
		return r < 0 ? r : 0;
	error_clear();
	return 1;
}

const struct verb verb_container_exists = {
	.name = "exists",
	.summary = "say by the status whether a container exists",
	.arguments = "CONTAINER",
	.failure_status = 125,
	.description = "The status is 0 if there is such a container, and 1 if not.",
	.run = run,
};
