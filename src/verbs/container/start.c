// SPDX-License-Identifier: Apache-2.0

/* `rung start`: runs the programs of containers that do not run. */

#include "base/error.h"
#include "verbs/container/attached.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"

#include <stdio.h>

struct start_options {
	struct several_wishes which;
	bool attach, interactive, signal_proxy;
	const char *detach_keys;
};

static const struct option start_options[] = {
	{"-a, --attach", "stay with it: its output, its status", flag_in(start_options, attach)},
	{"-i, --interactive", "pass standard input on", flag_in(start_options, interactive)},
	{"--detach-keys=KEYS", "keys that leave it running", text_in(start_options, detach_keys),
		.fallback = "ctrl-p,ctrl-q"},
	{"--sig-proxy", "pass signals on to the program; with -a",
		flag_in(start_options, signal_proxy)},
	{"--all", "all containers", flag_in(start_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(start_options, which.latest)},
	{"--filter=KEY=VALUE", "those that fit, as in ps", list_in(start_options, which.filters)},
	{},
};

static int start_attached(
	struct invocation *invocation, const struct start_options *options, struct several *several)
{
	struct instance *instance = &several->items[0];
	if (instance_is_alive(instance) && instance->state.status != INSTANCE_INITIALIZED)
		return refuse(-EBUSY, "container %s is running: rung attach stays with it",
			instance->name);
	bool proxy = option_given(invocation, &options->signal_proxy) ? options->signal_proxy
								      : options->attach;
	const struct attached_wishes wishes = {
		.streams = {.input = options->interactive && instance->interactive,
			.output = true,
			.error = true,
			.foreground = true,
			.signal_proxy = proxy,
			.detach_keys = options->detach_keys},
	};
	return attached_start(invocation, instance, &wishes);
}

static int run(struct invocation *invocation)
{
	const struct start_options *options = options_of(invocation, start_options);
	struct several several = {};
	int r = attach_check_detach_keys(options->detach_keys);
	if (r == 0)
		r = several_find(invocation, &options->which, &several);
	if (r < 0)
		return r;
	bool attached = options->attach || options->interactive;
	if (attached && several.count + several.missing > 1)
		return usage_error(
			invocation, "you cannot start and attach several containers at once");
	if (attached && several.count) {
		r = start_attached(invocation, options, &several);
		if (r < 0 && error_exit_status())
			invocation->failure_status = error_exit_status();
		return r;
	}
	for (size_t i = 0; i < several.count; i++) {
		struct instance_start how = INSTANCE_START_DETACHED;
		how.passthrough = attached_passes_through(&several.items[i]);
		r = instance_start(&several.items[i], invocation->arena, &how);
		several_said(&several, &several.items[i], r);
	}
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_start = {
	.name = "start",
	.summary = "start containers that do not run",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(start_options),
	.defaults = &(const struct start_options){.signal_proxy = true},
	.description = "Runs the program of each container, with the same root, changes and "
		       "options as the last time. With --attach the status is the program's.",
	.examples = "Run it and see its output\n"
		    "$ rung start -a job\n",
	.run = run,
};
