// SPDX-License-Identifier: Apache-2.0

/*
 * One more process for a container that runs already (`exec`).
 *
 * In: a location whose cgroups exist, and a new process that waits. Out: the
 * process is in all of them. Two things differ from the first process:
 *
 * - The container may have made cgroups of its own and shared controllers out to
 *   them, as systemd in a container does; then its own cgroup may hold no
 *   process any more (v2, -EBUSY). The new one goes where the first one went.
 * - An ordinary user may not move a process from a login session into a scope of
 *   the user's systemd: the nearest common ancestor is root's. That systemd has it
 *   done by the system's (AttachProcessesToUnit, systemd 238).
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"
#include "walls/cgroup/systemd.h"

#include <errno.h>
#include <stdio.h>

int cgroup_open_for_join(const struct cgroup_location *location)
{
	struct cgroup_directory directory;
	const struct cgroup_place *place = cgroup_v2_place(location);
	if (!place || cgroup_directory_open(place, &directory) < 0)
		return -1;
	return directory.fd;
}

/* The cgroup of the first process, if it lies below this place. */
static int enter_beside(const struct cgroup_place *place, pid_t first, pid_t pid)
{
	autofini(arena_fini) struct arena arena = {};
	char number[16];
	snprintf(number, sizeof(number), "%d", (int)first);
	const char *path = process_cgroup_path(number, place->controllers, &arena);
	if (!path || !text_starts(path, place->path) || path[strlen(place->path)] != '/')
		return -EBUSY;
	struct cgroup_place beside = *place;
	beside.path = path;
	return cgroup_place_enter(&beside, pid);
}

int cgroup_join(const struct cgroup_location *location, pid_t first, pid_t pid, bool cloned_into)
{
	for (size_t i = 0; i < location->place_count; i++) {
		const struct cgroup_place *place = &location->places[i];
		if (place_is_v2(place) && cloned_into)
			continue;
		int r = cgroup_place_enter(place, pid);
		if (r == -EBUSY && place_is_v2(place) && first > 0 &&
			enter_beside(place, first, pid) == 0) {
			error_clear();
			r = 0;
		}
		if ((r == -EACCES || r == -EPERM) && cgroup_is_scope(location)) {
			error_clear();
			r = cgroup_systemd_attach(location, pid);
		}
		if (r < 0)
			return r;
	}
	return 0;
}
