// SPDX-License-Identifier: Apache-2.0

/*
 * Who writes what. Every controller has a chapter with a writer for v1 and one
 * for v2; the container may be in a v1 hierarchy for one controller and in v2 for another
 * (hybrid). A limit without a writer's hierarchy is an error.
 *
 * Order: the memory limit comes before everything else, so that what the other
 * chapters make the kernel allocate is already counted; "unified" comes last, as
 * it is the most specific word on a value.
 */

#include "base/error.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"
#include "walls/cgroup/systemd.h"

#include <errno.h>

static const struct chapter {
	enum cgroup_controller controller;
	cgroup_apply_function *v1, *v2;
} chapters[] = {
	{CONTROLLER_MEMORY, cgroup_apply_memory_v1, cgroup_apply_memory_v2},
	{CONTROLLER_CPU, cgroup_apply_cpu_v1, cgroup_apply_cpu_v2},
	{CONTROLLER_CPUSET, cgroup_apply_cpuset_v1, cgroup_apply_cpuset_v2},
	{CONTROLLER_PIDS, cgroup_apply_pids, cgroup_apply_pids},
	{CONTROLLER_IO, cgroup_apply_io_v1, cgroup_apply_io_v2},
	{CONTROLLER_HUGETLB, cgroup_apply_hugetlb_v1, cgroup_apply_hugetlb_v2},
	{CONTROLLER_RDMA, cgroup_apply_rdma, cgroup_apply_rdma},
	{CONTROLLER_NET_CLS, cgroup_apply_net_cls, NULL},
	{CONTROLLER_NET_PRIO, cgroup_apply_net_prio, NULL},
	{CONTROLLER_DEVICES, cgroup_apply_devices_v1, cgroup_apply_devices_v2},
};

static int refuse_chapter(const struct cgroup_location *location, enum cgroup_controller controller)
{
	const struct controller_facts *facts = &controller_facts[controller];
	int r;
	if (location->place_count == 0) {
		r = refuse(-EACCES, "%s: this container has no cgroup", facts->limit);
		hint("it was started by a user without delegated cgroups, or with cgroups "
		     "disabled; use --systemd-cgroup, or run as root");
	} else {
		r = refuse(-ENODEV,
			"%s: this container is in no hierarchy with the \"%s\" controller",
			facts->limit, facts->v1_name ? facts->v1_name : facts->v2_name);
		if (!facts->v2_name)
			hint("cgroup v2 has no such limit");
	}
	return r;
}

/*
 * No device rules, where no device could be made or opened by them anyway (see locate.c), or
 * where the caller chose to have no cgroup: engines send their list of rules always, podman
 * also with `--cgroups disabled`.
 */
static bool may_skip(const struct cgroup_location *location, enum cgroup_controller controller)
{
	if (controller != CONTROLLER_DEVICES)
		return false;
	if (location->manager == CGROUP_DISABLED) {
		step("device rules left out: cgroups are disabled");
		return true;
	}
	if (geteuid() == 0 && !in_user_namespace())
		return false;
	step("device rules left out: in a user namespace the kernel refuses foreign devices "
	     "itself");
	return true;
}

static int apply_chapter(const struct cgroup_location *location, const struct chapter *chapter,
	const struct plan_resources *resources, bool update)
{
	const struct cgroup_place *place = cgroup_v1_place(location, chapter->controller);
	cgroup_apply_function *writer = chapter->v1;
	if (!place) {
		place = cgroup_v2_place(location);
		writer = chapter->v2;
	}
	if (!place || !writer) {
		bool lost = cgroup_required(resources) & CONTROLLER_BIT(chapter->controller);
		return lost && !may_skip(location, chapter->controller)
			       ? refuse_chapter(location, chapter->controller)
			       : 0;
	}
	struct cgroup_directory directory;
	int r = cgroup_directory_of(location, place, &directory);
	if (r < 0)
		return fail(r, "%s: open cgroup %s%s", controller_facts[chapter->controller].limit,
			place->mount_point, place->path);
	r = writer(&directory, resources, update);
	cgroup_directory_fini(&directory);
	return r;
}

static int apply_unified(
	const struct cgroup_location *location, const struct plan_resources *resources, bool update)
{
	const struct cgroup_place *place = cgroup_v2_place(location);
	if (!place)
		return refuse(-ENODEV,
			"unified: this container is in no cgroup v2 hierarchy, "
			"which \"%s\" is a file of",
			resources->unified[0].key);
	struct cgroup_directory directory;
	int r = cgroup_directory_of(location, place, &directory);
	if (r < 0)
		return fail(r, "unified: open cgroup %s%s", place->mount_point, place->path);
	r = cgroup_apply_unified(&directory, resources, update);
	cgroup_directory_fini(&directory);
	return r;
}

int cgroup_apply(
	const struct cgroup_location *location, const struct plan_resources *resources, bool update)
{
	if (update && location->manager == CGROUP_SYSTEMD) {
		int r = cgroup_systemd_update(location, resources);
		if (r < 0)
			return r;
	}
	unsigned wanted = cgroup_wanted(resources);
	for (size_t i = 0; i < array_length(chapters); i++) {
		if (!(wanted & CONTROLLER_BIT(chapters[i].controller)))
			continue;
		int r = apply_chapter(location, &chapters[i], resources, update);
		if (r < 0)
			return r;
	}
	return resources->unified_count ? apply_unified(location, resources, update) : 0;
}
