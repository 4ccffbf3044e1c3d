// SPDX-License-Identifier: Apache-2.0

/* `rung pod start`, stop, restart, kill, pause, unpause: the same for each container of a pod. */

#include "base/error.h"
#include "verbs/container/several.h"
#include "verbs/pod/common.h"
#include "walls/signals.h"

#include <stdio.h>

struct pod_change_options {
	struct pods_wishes which;
	int64_t timeout_s;
	const char *signal;
};

/* The table has the name of its struct; verbs that take less do not look at the rest. */
static const struct option pod_change_options[] = {
	{"-a, --all", "all pods", flag_in(pod_change_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(pod_change_options, which.latest)},
	{"-i, --ignore", "a pod that does not exist is no mistake",
		flag_in(pod_change_options, which.ignore)},
	{"-t, --time=SECONDS", "when stop kills", integer_in(pod_change_options, timeout_s),
		.fallback = "10"},
	{"-s, --signal=SIGNAL", "what kill sends", text_in(pod_change_options, signal),
		.fallback = "KILL"},
	{},
};

enum change {
	CHANGE_START,
	CHANGE_STOP,
	CHANGE_RESTART,
	CHANGE_KILL,
	CHANGE_PAUSE,
	CHANGE_UNPAUSE
};

struct tally {
	const struct invocation *invocation;
	unsigned failed;
};

static void note(struct instance *instance, int r, void *context)
{
	(void)instance;
	struct tally *tally = context;
	if (r < 0) {
		tally->failed++;
		tell_failure(tally->invocation);
	}
}

static int change_one(
	struct instance *instance, enum change change, int signal_number, struct arena *arena)
{
	const struct instance_start how = INSTANCE_START_DETACHED;
	bool alive = instance_is_alive(instance);
	bool paused = instance->state.status == INSTANCE_PAUSED;
	switch (change) {
	case CHANGE_START:
	case CHANGE_RESTART:
		return alive ? 0 : instance_start(instance, arena, &how);
	case CHANGE_KILL:
		return alive ? instance_kill(instance, signal_number) : 0;
	case CHANGE_PAUSE:
		return alive && !paused ? instance_pause(instance, arena, true) : 0;
	default:
		return paused ? instance_pause(instance, arena, false) : 0;
	}
}

static int change_pod(const struct pod *pod, enum change change,
	const struct pod_change_options *options, struct tally *tally)
{
	struct arena *arena = tally->invocation->arena;
	struct instance *members;
	size_t count;
	int number = signal_by_name(options->signal);
	if (number < 0)
		return refuse(-EINVAL, "invalid signal: %s", options->signal);
	int r = pod_members(pod, arena, &members, &count);
	if (r < 0)
		return r;
	/* The infra is first to come and last to go. */
	size_t first = count && members[0].infra ? 1 : 0;
	if (change == CHANGE_STOP || change == CHANGE_RESTART) {
		instance_stop_all(members + first, count - first, arena, NULL, options->timeout_s,
			note, tally);
		if (first)
			note(members, instance_stop(members, arena, options->timeout_s), tally);
	}
	for (size_t i = 0; i < count && change != CHANGE_STOP; i++)
		note(&members[i], change_one(&members[i], change, number, arena), tally);
	return 0;
}

static int change_all(struct invocation *invocation, enum change change)
{
	static const char names[][8] = {"start", "stop", "restart", "kill", "pause", "unpause"};
	const struct pod_change_options *options = options_of(invocation, pod_change_options);
	struct pod *pods;
	size_t count;
	unsigned missing;
	int r = pods_find(invocation, &options->which, &pods, &count, &missing);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct tally tally = {.invocation = invocation};
		r = change_pod(&pods[i], change, options, &tally);
		missing += tally.failed;
		if (r == 0 && !tally.failed) {
			pod_event(&pods[i], names[change]);
			puts(pods[i].id);
		}
	}
	return r < 0 ? r : missing ? 125 : 0;
}

#define POD_CHANGE(action, kind, what, text) \
	static int run_##action(struct invocation *invocation) \
	{ \
		return change_all(invocation, kind); \
	} \
	const struct verb verb_pod_##action = { \
		.name = #action, \
		.summary = what, \
		.arguments = "[POD...]", \
		verb_options(pod_change_options), \
		.defaults = &(const struct pod_change_options){.timeout_s = INT64_MIN, \
			.signal = "KILL"}, \
		.description = text, \
		.run = run_##action, \
	}

POD_CHANGE(start, CHANGE_START, "start all containers of pods",
	"Starts what does not run, first the process that holds the namespaces.");
POD_CHANGE(stop, CHANGE_STOP, "stop all containers of pods",
	"Stops all containers side by side, as rung stop does, and then what holds the "
	"namespaces.");
POD_CHANGE(restart, CHANGE_RESTART, "stop pods and start them again",
	"Stops all containers of each pod and starts them.");
POD_CHANGE(kill, CHANGE_KILL, "send a signal to all containers of pods",
	"Sends a signal to the first process of each container that runs.");
POD_CHANGE(pause, CHANGE_PAUSE, "freeze all containers of pods",
	"Freezes all processes of each pod where they are.");
POD_CHANGE(
	unpause, CHANGE_UNPAUSE, "let frozen pods go on", "Lets the processes of each pod go on.");
