// SPDX-License-Identifier: Apache-2.0

/* `rung kill`: a signal to the first process of containers. */

#include "base/error.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"
#include "walls/signals.h"

struct kill_options {
	struct several_wishes which;
	const char *signal;
};

static const struct option kill_options[] = {
	{"-s, --signal=SIGNAL", "which one", text_in(kill_options, signal)},
	{"-a, --all", "all that run", flag_in(kill_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(kill_options, which.latest)},
	{"--cidfile=FILE", "the one whose id is in FILE", list_in(kill_options, which.cidfiles)},
	{},
};

static int run(struct invocation *invocation)
{
	const struct kill_options *options = options_of(invocation, kill_options);
	int number = signal_by_name(options->signal);
	if (number < 0)
		return refuse(-EINVAL, "invalid signal: %s", options->signal);
	struct several several;
	int r = several_find(invocation, &options->which, &several);
	if (r < 0)
		return r;
	for (size_t i = 0; i < several.count; i++) {
		if (options->which.all && !instance_is_alive(&several.items[i]))
			continue;
		r = instance_kill(&several.items[i], number);
		several_said(&several, &several.items[i], r);
	}
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_kill = {
	.name = "kill",
	.summary = "send a signal to running containers",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(kill_options),
	.defaults = &(const struct kill_options){.signal = "KILL"},
	.description = "Sends a signal to the first process of each container.",
	.examples = "Have it read its configuration again\n"
		    "$ rung kill -s HUP web\n",
	.run = run,
};
