// SPDX-License-Identifier: Apache-2.0

/* `rung init`: everything that `start` does before the program runs. */

#include "base/error.h"
#include "verbs/container/attached.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"

struct init_options {
	struct several_wishes which;
};

static const struct option init_options[] = {
	{"-a, --all", "all that were never started", flag_in(init_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(init_options, which.latest)},
	{},
};

static int run(struct invocation *invocation)
{
	const struct init_options *options = options_of(invocation, init_options);
	struct several several;
	int r = several_find(invocation, &options->which, &several);
	if (r < 0)
		return r;
	for (size_t i = 0; i < several.count; i++) {
		struct instance *instance = &several.items[i];
		if (options->which.all && instance->state.status != INSTANCE_CREATED)
			continue;
		struct instance_start how = INSTANCE_START_DETACHED;
		how.only_initialize = true;
		how.passthrough = attached_passes_through(instance);
		r = instance_is_alive(instance)
			    ? refuse(-EBUSY, "container %s is %s already", instance->name,
				      instance_status_name(instance->state.status))
			    : instance_start(instance, invocation->arena, &how);
		several_said(&several, instance, r);
	}
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_init = {
	.name = "init",
	.summary = "prepare containers up to the point where the program runs",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(init_options),
	.description = "Makes namespaces, root and control groups of each container. Its first "
		       "process then waits for rung start.",
	.run = run,
};
