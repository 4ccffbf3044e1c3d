// SPDX-License-Identifier: Apache-2.0

/* `rung pod rm` and `rung pod prune`. */

#include "base/error.h"
#include "verbs/container/several.h"
#include "verbs/pod/common.h"

#include <stdio.h>

struct pod_rm_options {
	struct pods_wishes which;
	bool force;
	int64_t timeout_s;
};

static const struct option pod_rm_options[] = {
	{"-f, --force", "also those whose containers run", flag_in(pod_rm_options, force)},
	{"-a, --all", "all pods", flag_in(pod_rm_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(pod_rm_options, which.latest)},
	{"-i, --ignore", "a pod that does not exist is no mistake",
		flag_in(pod_rm_options, which.ignore)},
	{"-t, --time=SECONDS", "with --force: end it in peace, kill it after that",
		integer_in(pod_rm_options, timeout_s)},
	{},
};

static int remove_pods(struct invocation *invocation, const struct pod *pods, size_t count,
	const struct instance_removal *how)
{
	int failed = 0;
	for (size_t i = 0; i < count; i++) {
		int r = pod_remove(&pods[i], invocation->arena, how);
		if (r == 0) {
			puts(pods[i].id);
			continue;
		}
		failed = 125;
		tell_failure(invocation);
	}
	return failed;
}

static int run_rm(struct invocation *invocation)
{
	const struct pod_rm_options *options = options_of(invocation, pod_rm_options);
	struct pods_wishes which = options->which;
	which.ignore |= options->force;
	struct pod *pods;
	size_t count;
	unsigned missing;
	int r = pods_find(invocation, &which, &pods, &count, &missing);
	if (r < 0)
		return r;
	const struct instance_removal how = {
		.force = options->force,
		.stop_first = option_given(invocation, &options->timeout_s),
		.timeout_s = options->timeout_s,
		.volumes = true,
	};
	r = remove_pods(invocation, pods, count, &how);
	return r ? r : missing ? 1 : 0;
}

const struct verb verb_pod_rm = {
	.name = "rm",
	.summary = "remove pods with their containers",
	.arguments = "[POD...]",
	verb_options(pod_rm_options),
	.description = "Removes each pod and all its containers. Those that run are refused, or "
		       "killed with --force.",
	.run = run_rm,
};

/* ---- prune ---------------------------------------------------------------------------------- */

struct pod_prune_options {
	bool force;
};

static const struct option pod_prune_options[] = {
	{"-f, --force", "do not ask", flag_in(pod_prune_options, force)},
	{},
};

static int run_prune(struct invocation *invocation)
{
	const struct pod_prune_options *options = options_of(invocation, pod_prune_options);
	struct pod *pods;
	size_t count, chosen = 0;
	if (!confirm(options->force, "This will remove all stopped/exited pods."))
		return 0;
	int r = pod_list(invocation->arena, &pods, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct instance *members;
		size_t member_count;
		r = pod_members(&pods[i], invocation->arena, &members, &member_count);
		if (r == 0 && pod_status(members, member_count) == POD_EXITED)
			pods[chosen++] = pods[i];
	}
	const struct instance_removal how = {.volumes = true};
	return r < 0 ? r : remove_pods(invocation, pods, chosen, &how);
}

const struct verb verb_pod_prune = {
	.name = "prune",
	.summary = "remove all pods whose containers have ended",
	.arguments = "",
	verb_options(pod_prune_options),
	.description = "Removes all pods whose containers have ended, and prints their ids.",
	.run = run_prune,
};
