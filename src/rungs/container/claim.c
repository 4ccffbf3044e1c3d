// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/claim.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "rungs/container/story.h"

#include <linux/capability.h>

static unsigned own_namespaces(const struct plan *plan)
{
	unsigned bits = 0;
	for (unsigned kind = 0; kind < PLAN_NS_COUNT; kind++)
		if (plan->namespaces[kind].wanted)
			bits |= 1u << kind;
	return bits;
}

static int describe(const struct container_request *request, struct container_record *record)
{
	const struct plan *plan = request->plan;
	record->id = request->id;
	record->oci_version = plan->oci_version ? plan->oci_version : "1.0.0";
	record->bundle = request->bundle;
	record->runtime = request->runtime;
	record->root_path = plan->root_path;
	record->created = arena_strdup(&record->arena, clock_now().text);
	record->owner = geteuid();
	record->namespaces = own_namespaces(plan);
	record->own_user_namespace = plan->namespaces[PLAN_NS_USER].wanted;
	record->may_trace = plan->process.capabilities.bounding >> CAP_SYS_PTRACE & 1;
	record->annotations = plan->annotations;
	record->annotation_count = plan->annotation_count;
	record->after_start = plan->hooks.count[PLAN_HOOK_POSTSTART];
	record->after_end = plan->hooks.count[PLAN_HOOK_POSTSTOP] || plan->intel_rdt.given;
	return cgroup_locate(
		plan, request->id, request->cgroup_manager, &record->arena, &record->cgroup);
}

/* All that can go wrong without a trace does so before the claim, running out of memory too. */
int container_register(const struct container_request *request, struct container_record *record)
{
	int r = container_check_id(request->id);
	if (r == 0)
		r = describe(request, record);
	if (r < 0)
		return r;
	autofini(text_fini) struct text told = {};
	container_record_tell(record, &told);
	autoclose int state_fd = container_open_state(request->state_root, true);
	if (state_fd < 0)
		return state_fd;
	int fd = container_claim(state_fd, request->id);
	if (fd < 0)
		return fd;
	record->directory_fd = fd;
	r = container_record_write(fd, &told);
	if (r == 0)
		r = fs_create(fd, "config.json", request->config, request->config_length, 0600);
	if (r == 0)
		return 0;
	struct story story;
	story_keep(&story);
	/* Whoever ran out of descriptors needs some to clean up. */
	close_now(record->directory_fd);
	close_now(state_fd);
	if (container_record_remove(request->state_root, request->id) < 0)
		warn("%s", error_text());
	story_tell(&story);
	return r;
}
