// SPDX-License-Identifier: Apache-2.0

/* `rung pod`: containers that share namespaces. */

#include "base/error.h"
#include "verbs/container/several.h"
#include "verbs/pod/common.h"
#include "verbs/verbs.h"

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name, not an expression */
#define POD_ENTRY_(name) {.verb = &verb_##name},

static const struct verb_entry entries[] = {POD_INNER_VERBS(POD_ENTRY_){}};

static void complete(const struct invocation *invocation, struct completions *completions)
{
	struct pod *pods;
	size_t count = 0;
	if (pod_list(invocation->arena, &pods, &count) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		completion_add(completions, pods[i].name, NULL);
	error_clear();
}

static const struct completer completers[] = {{"POD", complete}, {}};

const struct verb verb_pod = {
	.name = "pod",
	.summary = "pods: containers that share namespaces",
	.failure_status = 125,
	.verbs = entries,
	.completers = completers,
};

int pods_find(const struct invocation *invocation, const struct pods_wishes *wishes,
	struct pod **ret_pods, size_t *ret_count, unsigned *ret_missing)
{
	*ret_missing = 0;
	bool chosen = wishes->all || wishes->latest;
	if (!chosen && invocation->argument_count == 0)
		return usage_error(invocation, "name at least one pod");
	if (chosen) {
		int r = pod_list(invocation->arena, ret_pods, ret_count);
		if (r == 0 && wishes->latest && *ret_count) {
			*ret_pods += *ret_count - 1;
			*ret_count = 1;
		}
		return r;
	}
	struct pod *pods = arena_new(invocation->arena, struct pod, invocation->argument_count);
	size_t count = 0;
	for (size_t i = 0; i < invocation->argument_count; i++) {
		int r = pod_find(invocation->arguments[i], invocation->arena, &pods[count]);
		if (r == 0) {
			count++;
		} else if (r == -ENOENT && wishes->ignore) {
			error_clear();
		} else {
			++*ret_missing;
			tell_failure(invocation);
		}
	}
	*ret_pods = pods;
	*ret_count = count;
	return 0;
}

static int run_exists(struct invocation *invocation)
{
	struct pod pod;
	int r = pod_find(invocation->arguments[0], invocation->arena, &pod);
	if (r != -ENOENT)
		return r;
	error_clear();
	return 1;
}

const struct verb verb_pod_exists = {
	.name = "exists",
	.summary = "say by the status whether a pod exists",
	.arguments = "POD",
	.failure_status = 125,
	.description = "The status is 0 if there is such a pod, and 1 if not.",
	.run = run_exists,
};
