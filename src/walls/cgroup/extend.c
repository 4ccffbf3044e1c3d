// SPDX-License-Identifier: Apache-2.0

/*
 * A running container gets a limit whose v1 hierarchy it is not in, or is paused for the first
 * time: locate.c left that hierarchy out as useless then. The place is made now, beside the others,
 * and the container's processes are moved into it.
 *
 * In v2 nothing is moved; the cgroups above only have to share one controller more out.
 *
 * Processes that fork meanwhile: a child is born where its parent is, so passes
 * are made until one finds everybody in the new place. Cgroups that the
 * container made below its own stay where they are in the old hierarchies; in the new one
 * all processes are in one cgroup, which is what the limit is for.
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>

#define PASSES_MAX 100

/* Moves who is in @from and not yet in @to. Returns how many, so 0 is the end. */
static int move_pass(const struct cgroup_place *from, const struct cgroup_place *to)
{
	autofini(pid_list_fini) struct pid_list all = {}, there = {};
	int r = cgroup_place_pids(from, &all);
	if (r == 0)
		r = cgroup_place_pids(to, &there);
	if (r < 0)
		return r;
	pid_list_sort(&all);
	pid_list_sort(&there);
	int moved = 0;
	for (size_t i = 0; i < all.count; i++) {
		if (pid_list_holds(&there, all.items[i]))
			continue;
		r = cgroup_place_enter(to, all.items[i]);
		if (r == -ESRCH) { /* it ended meanwhile */
			error_clear();
			continue;
		}
		if (r < 0)
			return r;
		moved++;
	}
	return moved;
}

static int move_all(const struct cgroup_place *from, const struct cgroup_place *to)
{
	int moved = from ? 1 : 0;
	for (int pass = 0; moved > 0 && pass < PASSES_MAX; pass++)
		moved = move_pass(from, to);
	if (moved > 0)
		return refuse(-EAGAIN,
			"processes are started faster than they can be moved to %s%s",
			to->mount_point, to->path);
	return moved;
}

/* The path that the other v1 places have; all were made from one plan. */
static const char *path_elsewhere(const struct cgroup_location *location)
{
	for (size_t i = 0; i < location->place_count; i++)
		if (!place_is_v2(&location->places[i]))
			return location->places[i].path;
	return location->place_count > 0 ? location->places[0].path : NULL;
}

static int add_place(struct cgroup_location *wider, const struct hierarchy *hierarchy)
{
	const char *path = path_elsewhere(wider);
	const struct cgroup_place *from = cgroup_main_place(wider);
	struct cgroup_place *to = &wider->places[wider->place_count];
	*to = (struct cgroup_place){hierarchy->controllers, hierarchy->mount_point, path};
	size_t made = 0;
	int r = cgroup_place_make(to, &made);
	if (r == 0)
		r = move_all(from, to);
	if (r < 0) {
		cgroup_place_unmake(to, made);
		return r;
	}
	wider->place_count++;
	return 0;
}

static int share_in_v2(const struct cgroup_location *location,
	const struct plan_resources *resources, unsigned missing)
{
	const struct cgroup_place *place = cgroup_v2_place(location);
	unsigned unified = 0;
	int r = cgroup_unified_controllers(resources, &unified);
	if (r < 0 || !place || location->manager == CGROUP_SYSTEMD)
		return r;
	autoclose int mount_fd =
		open(place->mount_point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (mount_fd < 0)
		return fail(-errno, "open cgroup mount %s", place->mount_point);
	unsigned required = (cgroup_required(resources) & missing) | unified;
	return cgroup_share_controllers(mount_fd, place, required | missing, required);
}

/* Joins what is missing and has a v1 hierarchy; *missing is what is left. */
static int join_hierarchies(const struct cgroup_location *location, unsigned *missing,
	struct arena *arena, struct cgroup_location *ret_wider)
{
	struct hierarchies found;
	int r = cgroup_detect(*missing, arena, &found);
	if (r < 0)
		return r;
	struct cgroup_location wider = *location;
	wider.directory_fds = NULL; /* those are of the old places */
	wider.places = arena_new(arena, struct cgroup_place, location->place_count + found.count);
	memcpy(wider.places, location->places, location->place_count * sizeof(*wider.places));
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
		const char *name = controller_facts[c].v1_name;
		const struct hierarchy *hierarchy = name ? hierarchy_with(&found, name) : NULL;
		if (!(*missing & CONTROLLER_BIT(c)) || !hierarchy)
			continue;
		*missing &= ~CONTROLLER_BIT(c);
		/* "cpu,cpuacct": the one may have come with the other. */
		if (cgroup_v1_place(&wider, (enum cgroup_controller)c))
			continue;
		r = add_place(&wider, hierarchy);
		if (r < 0) {
			for (size_t i = wider.place_count; i > location->place_count; i--)
				cgroup_place_unmake(&wider.places[i - 1], 1);
			return wrap(r, "%s", controller_facts[c].limit);
		}
	}
	*ret_wider = wider;
	return 0;
}

int cgroup_extend(const struct cgroup_location *location, const struct plan_resources *resources,
	struct arena *arena, struct cgroup_location *ret_wider)
{
	unsigned missing = 0;
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (cgroup_wanted(resources) & CONTROLLER_BIT(c) &&
			!cgroup_v1_place(location, (enum cgroup_controller)c))
			missing |= CONTROLLER_BIT(c);
	if (location->place_count == 0 || (!missing && resources->unified_count == 0)) {
		*ret_wider = *location;
		return 0;
	}
	struct cgroup_location wider;
	int r = join_hierarchies(location, &missing, arena, &wider);
	if (r == 0 && (missing || resources->unified_count))
		r = share_in_v2(&wider, resources, missing);
	if (r < 0)
		return r;
	*ret_wider = wider;
	return 0;
}

int cgroup_extend_by_freezer(const struct cgroup_location *location, struct arena *arena,
	struct cgroup_location *ret_wider)
{
	unsigned missing = CONTROLLER_BIT(CONTROLLER_FREEZER);
	if (location->place_count == 0 || cgroup_v2_place(location) ||
		cgroup_v1_place(location, CONTROLLER_FREEZER)) {
		*ret_wider = *location;
		return 0;
	}
	return join_hierarchies(location, &missing, arena, ret_wider);
}
