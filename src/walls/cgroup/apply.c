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
#include <fcntl.h>
#include <stdio.h>

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

/* ---- what v1 and v2 do alike ------------------------------------------------------- */

int cgroup_apply_rates(const struct cgroup_directory *directory,
	const struct plan_resources *resources, const struct cgroup_rate_keys *keys,
	cgroup_throttle_function *throttle)
{
	const struct {
		const char *key;
		const struct plan_throttle *items;
		size_t count;
	} kinds[] = {
		{keys->read_bps, resources->block_read_bps, resources->block_read_bps_count},
		{keys->write_bps, resources->block_write_bps, resources->block_write_bps_count},
		{keys->read_iops, resources->block_read_iops, resources->block_read_iops_count},
		{keys->write_iops, resources->block_write_iops, resources->block_write_iops_count},
	};
	int r = 0;
	for (size_t kind = 0; kind < array_length(kinds); kind++)
		for (size_t i = 0; r == 0 && i < kinds[kind].count; i++)
			r = throttle(directory, kinds[kind].key, &kinds[kind].items[i]);
	if (r == -ENODEV)
		hint("there is no such disk (a whole disk's numbers are asked for; `lsblk`)");
	return r;
}

int cgroup_apply_huge_pages(const struct cgroup_directory *directory,
	const struct plan_resources *resources, const char *suffix)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < resources->hugepage_limit_count; i++) {
		const struct plan_limit *limit = &resources->hugepage_limits[i];
		r = cgroup_check_page_size(limit->name);
		if (r < 0)
			return r;
		char file[96];
		snprintf(file, sizeof(file), "hugetlb.%.32s.%s", limit->name, suffix);
		r = cgroup_write(directory, "huge page limit", file, "%llu",
			(unsigned long long)limit->value);
		/* Reserved pages (Linux 5.7): without it a reservation may go over the limit and
		 * the container is killed by SIGBUS at the first touch. */
		snprintf(file, sizeof(file), "hugetlb.%.32s.rsvd.%s", limit->name, suffix);
		if (r == 0 && faccessat(directory->fd, file, F_OK, 0) == 0)
			r = cgroup_write(directory, "huge page limit", file, "%llu",
				(unsigned long long)limit->value);
	}
	return r;
}

/* ---- chapters ------------------------------------------------------------------------ */

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
