// SPDX-License-Identifier: Apache-2.0

/* Places that another runtime has made: asked of the kernel, not of the runtime. */

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <stdio.h>

static bool look(const struct hierarchy *hierarchy, const char *pid, const char *id,
	struct arena *arena, struct cgroup_place *ret_place)
{
	size_t length = strcspn(hierarchy->controllers, ",");
	const char *controller = arena_strndup(arena, hierarchy->controllers, length);
	const char *path = process_cgroup_path(pid, controller, arena);
	if (!path || !strstr(path, id) || cgroup_path_check(path) < 0) {
		error_clear();
		return false;
	}
	*ret_place = (struct cgroup_place){hierarchy->controllers, hierarchy->mount_point, path};
	/* Inside of a container the kernel may tell of more than the mount shows. */
	return access(arena_format(arena, "%s%s", hierarchy->mount_point, path), F_OK) == 0;
}

int cgroup_find_process(
	pid_t pid, const char *id, struct arena *arena, struct cgroup_location *location)
{
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	struct hierarchies found;
	int r = cgroup_detect(EVERY_HIERARCHY, arena, &found);
	if (r < 0)
		return r;
	struct cgroup_place *places = arena_new(arena, struct cgroup_place, found.count + 1);
	size_t count = 0;
	for (size_t i = 0; i < found.count; i++)
		count += look(&found.items[i], number, id, arena, &places[count]);
	location->places = places;
	location->place_count = count;
	location->directory_fds = NULL;
	return 0;
}

int cgroup_find_path(
	const char *path, const char *id, struct arena *arena, struct cgroup_location *location)
{
	struct hierarchies found = {};
	int r = path[0] == '/' && strstr(path, id) ? cgroup_path_check(path) : -EINVAL;
	if (r == 0)
		r = cgroup_detect(EVERY_HIERARCHY, arena, &found);
	error_clear();
	struct cgroup_place *places = arena_new(arena, struct cgroup_place, found.count + 1);
	size_t count = 0;
	for (size_t i = 0; r == 0 && i < found.count; i++) {
		const struct hierarchy *one = &found.items[i];
		if (access(arena_format(arena, "%s%s", one->mount_point, path), F_OK) == 0)
			places[count++] =
				(struct cgroup_place){one->controllers, one->mount_point, path};
	}
	location->places = places;
	location->place_count = count;
	location->directory_fds = NULL;
	return r;
}
