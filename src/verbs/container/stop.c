// SPDX-License-Identifier: Apache-2.0

/* `rung stop` and `rung restart`. */

#include "base/error.h"
#include "verbs/container/attached.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"
#include "walls/signals.h"

#include <errno.h>

struct stop_options {
	struct several_wishes which;
	const char *signal;
	int64_t timeout_s;
};

static const struct option stop_options[] = {
	{"-s, --signal=SIGNAL", "send this one instead of its own", text_in(stop_options, signal)},
	{"-t, --time, --timeout=SECONDS", "kill it after that; -1: never",
		integer_in(stop_options, timeout_s), .fallback = "10"},
	{"-i, --ignore", "a container that does not exist is no mistake",
		flag_in(stop_options, which.ignore)},
	{"-a, --all", "all containers", flag_in(stop_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(stop_options, which.latest)},
	{"--filter=KEY=VALUE", "those that fit, as in ps", list_in(stop_options, which.filters)},
	{"--cidfile=FILE", "the one whose id is in FILE", list_in(stop_options, which.cidfiles)},
	{},
};

static int check_signal(const char *word)
{
	if (!word || signal_by_name(word) > 0)
		return 0;
	return refuse(-EINVAL, "invalid signal: %s", word);
}

static void said(struct instance *instance, int r, void *context)
{
	several_said(context, instance, r);
}

static int run_stop(struct invocation *invocation)
{
	const struct stop_options *options = options_of(invocation, stop_options);
	struct several several;
	int r = check_signal(options->signal);
	if (r == 0)
		r = several_find(invocation, &options->which, &several);
	if (r < 0)
		return r;
	instance_stop_all(several.items, several.count, invocation->arena, options->signal,
		options->timeout_s, said, &several);
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_stop = {
	.name = "stop",
	.summary = "end running containers",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(stop_options),
	.defaults = &(const struct stop_options){.timeout_s = INT64_MIN},
	.description = "Sends each container its stop signal (SIGTERM unless the image or "
		       "--stop-signal says otherwise), and after a time, if it is still there, "
		       "SIGKILL. They end side by side. A restart policy does not start them "
		       "again.",
	.examples = "At once\n"
		    "$ rung stop -t 0 web\n",
	.run = run_stop,
};

/* ---- restart ------------------------------------------------------------------------------- */

struct restart_options {
	struct several_wishes which;
	bool running;
	const char *signal;
	int64_t timeout_s;
};

static const struct option restart_options[] = {
	{"-s, --signal=SIGNAL", "send this one instead of its own",
		text_in(restart_options, signal)},
	{"-t, --time, --timeout=SECONDS", "kill it after that; -1: never",
		integer_in(restart_options, timeout_s), .fallback = "10"},
	{"-a, --all", "all containers", flag_in(restart_options, which.all)},
	{"--running", "all that run", flag_in(restart_options, running)},
	{"-l, --latest", "the one made last", flag_in(restart_options, which.latest)},
	{"--filter=KEY=VALUE", "those that fit, as in ps", list_in(restart_options, which.filters)},
	{"--cidfile=FILE", "the one whose id is in FILE", list_in(restart_options, which.cidfiles)},
	{},
};

/* Nothing is said of a stop that went well: the start says it. */
static void note_failure(struct instance *instance, int r, void *context)
{
	struct several *several = context;
	if (r < 0) {
		several_said(several, instance, r);
		instance->id = NULL;
	}
}

static int run_restart(struct invocation *invocation)
{
	const struct restart_options *options = options_of(invocation, restart_options);
	struct several_wishes which = options->which;
	which.all |= options->running;
	struct several several;
	int r = check_signal(options->signal);
	if (r == 0)
		r = several_find(invocation, &which, &several);
	if (r < 0)
		return r;
	bool *wanted = arena_new(invocation->arena, bool, several.count + 1);
	for (size_t i = 0; i < several.count; i++)
		wanted[i] = !options->running || instance_is_alive(&several.items[i]);
	instance_stop_all(several.items, several.count, invocation->arena, options->signal,
		options->timeout_s, note_failure, &several);
	for (size_t i = 0; i < several.count; i++) {
		struct instance *instance = &several.items[i];
		if (!instance->id || !wanted[i])
			continue;
		struct instance_start how = INSTANCE_START_DETACHED;
		how.passthrough = attached_passes_through(instance);
		r = instance_start(instance, invocation->arena, &how);
		if (r == 0)
			instance_event(instance, "restart", NULL, 0);
		several_said(&several, instance, r);
	}
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_restart = {
	.name = "restart",
	.summary = "stop containers and start them again",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(restart_options),
	.defaults = &(const struct restart_options){.timeout_s = INT64_MIN},
	.description = "Ends each container as rung stop does and starts it again.",
	.run = run_restart,
};
