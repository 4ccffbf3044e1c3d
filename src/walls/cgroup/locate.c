// SPDX-License-Identifier: Apache-2.0

/*
 * A plan becomes paths; nothing is made.
 *
 * Which hierarchies (the order is that of /proc/self/cgroup, v2 last):
 *   - v2, whenever it is mounted, also without controllers beside v1 (hybrid):
 *     it brings cgroup.kill, cgroup.freeze, cgroup.events and CLONE_INTO_CGROUP;
 *   - v1 with a limit to write, and those that count (needs.c);
 *   - v1 "freezer" only where v2 is missing and the container shares the pid namespace of others,
 *     so that killing its first process does not kill the rest; any other joins it when it is
 *     paused for the first time (extend.c);
 *   - v1 "name=systemd" only where v2 is missing and systemd runs: it is how systemd then knows
 *     whose a process is, and a container in its caller's unit would be killed with that unit. In
 *     a hybrid machine systemd looks at the v2 tree instead (systemd's CGROUP_DELEGATION.md);
 *   - all of them when the plan mounts the cgroup tree writable: a hierarchy that
 *     the container is not in would show it the cgroup of its caller.
 */

#include "base/error.h"
#include "base/log.h"
#include "walls/cgroup/bus.h"
#include "walls/cgroup/internal.h"
#include "walls/cgroup/systemd.h"

#include <errno.h>
#include <linux/mount.h>

struct search {
	const struct plan_resources *resources;
	const struct hierarchies *found;
	const char *path; /* "/a/b" or relative "a/b" */
	bool has_v2, everything;
	unsigned wanted, required;
	unsigned without_v2; /* only wanted where there is no v2 */
};

static bool mounts_cgroups_writable(const struct plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct plan_mount *mount = &plan->mounts[i];
		if (mount->type && text_starts(mount->type, "cgroup") &&
			!(mount->attributes_set & MOUNT_ATTR_RDONLY))
			return true;
	}
	return false;
}

static bool mounts_cgroups(const struct plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++)
		if (plan->mounts[i].type && text_starts(plan->mounts[i].type, "cgroup"))
			return true;
	return false;
}

static unsigned useful_controllers(const struct search *search)
{
	return search->wanted | cgroup_accounting() | (search->has_v2 ? 0 : search->without_v2);
}

static bool useful(const struct search *search, const struct hierarchy *hierarchy)
{
	return hierarchy->controllers[0] == '\0' || search->everything ||
	       hierarchy_serves(hierarchy->controllers, useful_controllers(search));
}

/* Does the absence of this hierarchy lose a limit? */
static bool needed(const struct search *search, const struct hierarchy *hierarchy)
{
	if (hierarchy->controllers[0])
		return hierarchy_serves(hierarchy->controllers, search->required);
	unsigned elsewhere = 0;
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (controller_facts[c].v1_name &&
			hierarchy_with(search->found, controller_facts[c].v1_name))
			elsewhere |= CONTROLLER_BIT(c);
	return (search->required & ~elsewhere) || search->resources->unified_count;
}

/*
 * Where device nodes cannot be made anyway, device rules protect nothing and their loss is
 * none (runc thinks so too). Asked only where the rules are about to be lost.
 */
static void forget_moot_devices(struct search *search)
{
	unsigned bit = CONTROLLER_BIT(CONTROLLER_DEVICES);
	if (search->required & bit && in_user_namespace())
		search->required &= ~bit;
}

static int refuse_place(const struct search *search, const struct hierarchy *hierarchy, int reason)
{
	const char *name = hierarchy->controllers[0] ? hierarchy->controllers : "v2";
	unsigned lost = 0;
	for (unsigned c = 0; c < CONTROLLER_COUNT && !lost; c++)
		if (search->required & CONTROLLER_BIT(c) &&
			(!hierarchy->controllers[0] ||
				hierarchy_serves(hierarchy->controllers, CONTROLLER_BIT(c))))
			lost = c;
	const char *limit = controller_facts[lost].limit;
	if (reason == -EBUSY) {
		int r = refuse(-EBUSY,
			"%s: only the cgroup %s is ours, and it has processes of its own, so that "
			"the kernel refuses to share out its controllers (cgroup v2)",
			limit, hierarchy->own_path);
		hint("start rung as `systemd-run --user --scope rung …`, or use --systemd-cgroup");
		return r;
	}
	int r = refuse(-EACCES, "%s: no place in the %s hierarchy (%s) may be written by this user",
		limit, name, hierarchy->mount_point);
	if (hierarchy->controllers[0])
		hint("cgroup v1 cannot be delegated safely; run as root or without limits");
	else
		hint("use --systemd-cgroup, or start rung as `systemd-run --user --scope rung …`");
	return r;
}

/* 1: *ret_path is set, 0: leave this hierarchy out, or a negative errno. */
static int place_path(struct search *search, const struct hierarchy *hierarchy, struct arena *arena,
	const char **ret_path)
{
	bool need = needed(search, hierarchy);
	int r;
	if (search->path[0] == '/') {
		*ret_path = search->path;
		r = cgroup_path_writable(hierarchy, search->path) ? 0 : -EACCES;
	} else {
		const char *base = NULL;
		r = cgroup_delegated_base(hierarchy, need, arena, &base);
		if (r == 0)
			*ret_path = arena_format(arena, "%s/%s", base, search->path);
	}
	if (r == 0)
		return 1;
	forget_moot_devices(search);
	if (needed(search, hierarchy))
		return refuse_place(search, hierarchy, r);
	step("cgroup hierarchy \"%s\" is not ours to write: left out", hierarchy->controllers);
	return 0;
}

/* A limit whose controller is in no hierarchy at all. */
static int check_controllers_exist(struct search *search)
{
	if (search->has_v2)
		return 0; /* create.c knows what v2 has */
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
		if (!(search->required & CONTROLLER_BIT(c)))
			continue;
		const char *name = controller_facts[c].v1_name;
		if (name && hierarchy_with(search->found, name))
			continue;
		forget_moot_devices(search);
		if (!(search->required & CONTROLLER_BIT(c)))
			continue;
		int r = refuse(-ENODEV,
			"%s: no cgroup hierarchy with the \"%s\" controller is "
			"mounted here",
			controller_facts[c].limit, name ? name : controller_facts[c].v2_name);
		hint("mount cgroups at /sys/fs/cgroup, or run without this limit");
		return r;
	}
	if (search->resources->unified_count)
		return refuse(-ENODEV, "unified: no cgroup v2 hierarchy is mounted here");
	return 0;
}

static int locate_places(
	struct search *search, struct arena *arena, struct cgroup_location *location)
{
	int r = check_controllers_exist(search);
	if (r < 0)
		return r;
	location->places = arena_new(arena, struct cgroup_place, search->found->count);
	for (size_t i = 0; i < search->found->count; i++) {
		const struct hierarchy *hierarchy = &search->found->items[i];
		if (!useful(search, hierarchy))
			continue;
		const char *path = NULL;
		r = place_path(search, hierarchy, arena, &path);
		if (r < 0)
			return r;
		if (r > 0)
			location->places[location->place_count++] = (struct cgroup_place){
				hierarchy->controllers, hierarchy->mount_point, path};
	}
	if (location->place_count == 0 && location->manager == CGROUP_CGROUPFS)
		location->manager = CGROUP_DISABLED;
	return 0;
}

static int start_search(const struct plan *plan, struct arena *arena, struct search *ret_search)
{
	const struct plan_resources *resources = &plan->resources;
	unsigned unified = 0;
	int r = cgroup_unified_controllers(resources, &unified);
	if (r < 0)
		return r;
	struct hierarchies *found = arena_new(arena, struct hierarchies, 1);
	struct search search = {
		.resources = resources,
		.found = found,
		.everything = mounts_cgroups_writable(plan),
		.wanted = cgroup_wanted(resources),
		.required = cgroup_required(resources),
	};
	if (geteuid() != 0) /* see forget_moot_devices() */
		search.required &= ~CONTROLLER_BIT(CONTROLLER_DEVICES);
	if (!plan_new_namespace(plan, PLAN_NS_PID))
		search.without_v2 |= CONTROLLER_BIT(CONTROLLER_FREEZER);
	if (access("/run/systemd/system", F_OK) == 0)
		search.without_v2 |= CONTROLLER_BIT(CONTROLLER_SYSTEMD);
	/* A view of the cgroup tree shows the container all that the host has (mount.c). */
	unsigned asked = mounts_cgroups(plan) ? EVERY_HIERARCHY
					      : useful_controllers(&search) | search.required;
	r = cgroup_detect(asked, arena, found);
	if (r < 0)
		return r;
	search.has_v2 = hierarchy_with(found, "") != NULL;
	*ret_search = search;
	return 0;
}

static int locate_with(const struct plan *plan, const char *id, enum cgroup_manager manager,
	struct arena *arena, struct cgroup_location *ret_location)
{
	struct cgroup_location location = {.manager = manager};
	if (manager == CGROUP_DISABLED) {
		*ret_location = location;
		return 0;
	}
	struct search search;
	int r = start_search(plan, arena, &search);
	if (r < 0)
		return r;
	location.found = search.found;
	if (manager == CGROUP_SYSTEMD) {
		r = cgroup_systemd_locate(plan->cgroups_path, id, arena, &location, &search.path);
		if (r < 0)
			return r;
	} else {
		search.path = text_empty(plan->cgroups_path) ? arena_format(arena, "rung-%s", id)
							     : plan->cgroups_path;
		r = cgroup_path_check(search.path);
		if (r < 0)
			return r;
	}
	r = locate_places(&search, arena, &location);
	if (r < 0)
		return r;
	*ret_location = location;
	return 0;
}

/*
 * An ordinary user in a login session may write no cgroup, but his systemd makes one for him. That
 * takes some milliseconds of D-Bus, so a place that is ours already is the first choice.
 */
int cgroup_locate(const struct plan *plan, const char *id, enum cgroup_manager manager,
	struct arena *arena, struct cgroup_location *ret_location)
{
	if (manager != CGROUP_AUTO)
		return locate_with(plan, id, manager, arena, ret_location);
	struct cgroup_location location;
	int r = locate_with(plan, id, CGROUP_CGROUPFS, arena, &location);
	bool nowhere =
		r == -EACCES || r == -EBUSY || (r == 0 && location.manager == CGROUP_DISABLED);
	if (nowhere && geteuid() != 0 && text_empty(plan->cgroups_path) && bus_serves_user()) {
		error_clear();
		r = locate_with(plan, id, CGROUP_SYSTEMD, arena, &location);
	}
	if (r == 0)
		*ret_location = location;
	return r;
}
