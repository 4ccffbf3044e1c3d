// SPDX-License-Identifier: Apache-2.0

/* `rung rename`: another name for a container. */

#include "base/error.h"
#include "engine/instance/instance.h"
#include "verbs/verbs.h"

static int run(struct invocation *invocation)
{
	struct instance instance;
	int r = instance_find(invocation->arguments[0], invocation->arena, &instance);
	return r < 0 ? r : instance_rename(&instance, invocation->arena, invocation->arguments[1]);
}

const struct verb verb_rename = {
	.name = "rename",
	.summary = "give a container another name",
	.arguments = "CONTAINER NAME",
	.failure_status = 125,
	.description = "Gives a container another name, also while it runs.",
	.run = run,
};
