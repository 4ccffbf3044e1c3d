// SPDX-License-Identifier: Apache-2.0

/* `rung create`: everything that `run` does before the program runs. */

#include "base/error.h"
#include "verbs/container/options.h"
#include "verbs/container/request.h"
#include "verbs/verbs.h"

#include <stdio.h>

#include "engine/instance/instance.h"

struct create_options {
	struct run_request request;
};

static const struct option create_options[] = {{}};

static int run(struct invocation *invocation)
{
	struct create_options *options = options_of(invocation, create_options);
	int r = container_request(invocation, &options->request);
	if (r < 0)
		return r;
	struct instance instance;
	r = instance_create(&options->request, invocation->arena, &instance);
	if (r < 0) {
		run_resolve_undo(&options->request);
		return r;
	}
	puts(instance.id);
	return 0;
}

const struct verb verb_create = {
	.name = "create",
	.summary = "make a container without starting it",
	.arguments = "[IMAGE] [COMMAND [ARGUMENT...]]",
	.command = true,
	.failure_status = 125,
	verb_options(create_options, container_options(create_options, request)),
	.defaults = &(const struct create_options){.request = RUN_REQUEST_DEFAULTS},
	.description = "Makes a container as rung run would and prints its id. rung start runs it.",
	.examples = "In two steps\n"
		    "$ rung create --name job debian make\n"
		    "$ rung start -a job\n",
	.run = run,
};
