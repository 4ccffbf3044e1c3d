// SPDX-License-Identifier: Apache-2.0

/* `rung pause` and `rung unpause`. */

#include "base/error.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"

struct pause_options {
	struct several_wishes which;
};

static const struct option pause_options[] = {
	{"-a, --all", "all that can be", flag_in(pause_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(pause_options, which.latest)},
	{"--filter=KEY=VALUE", "those that fit, as in ps", list_in(pause_options, which.filters)},
	{"--cidfile=FILE", "the one whose id is in FILE", list_in(pause_options, which.cidfiles)},
	{},
};

static int change(struct invocation *invocation, bool paused)
{
	const struct pause_options *options = options_of(invocation, pause_options);
	struct several several;
	int r = several_find(invocation, &options->which, &several);
	if (r < 0)
		return r;
	enum instance_status wanted = paused ? INSTANCE_RUNNING : INSTANCE_PAUSED;
	for (size_t i = 0; i < several.count; i++) {
		if (options->which.all && several.items[i].state.status != wanted)
			continue;
		r = instance_pause(&several.items[i], invocation->arena, paused);
		several_said(&several, &several.items[i], r);
	}
	return several_status(&several, invocation->failure_status);
}

static int run_pause(struct invocation *invocation)
{
	return change(invocation, true);
}

static int run_unpause(struct invocation *invocation)
{
	return change(invocation, false);
}

const struct verb verb_pause = {
	.name = "pause",
	.summary = "freeze containers",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(pause_options),
	.description = "Freezes all processes of each container where they are.",
	.run = run_pause,
};

const struct verb verb_unpause = {
	.name = "unpause",
	.summary = "let frozen containers go on",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(pause_options),
	.description = "Lets the processes of each container go on.",
	.run = run_unpause,
};
