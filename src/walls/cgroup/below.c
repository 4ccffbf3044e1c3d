// SPDX-License-Identifier: Apache-2.0

/* A cgroup inside the container's own, for a single program of it (`exec --cgroup`). */

#include "base/error.h"
#include "walls/cgroup/internal.h"

int cgroup_below(const struct cgroup_location *location, const char *name, struct arena *arena,
	struct cgroup_location *ret_below)
{
	const char *relative = name + strspn(name, "/");
	struct cgroup_location below = *location;
	if (text_empty(relative)) {
		*ret_below = below;
		return 0;
	}
	below.directory_fds = NULL;
	below.places = arena_new(arena, struct cgroup_place, location->place_count);
	for (size_t i = 0; i < location->place_count; i++) {
		struct cgroup_place *place = &below.places[i];
		*place = location->places[i];
		place->path = arena_format(arena, "%s/%s", location->places[i].path, relative);
		size_t made;
		int r = cgroup_path_check(place->path);
		if (r == 0)
			r = cgroup_place_make(place, &made);
		if (r < 0)
			return wrap(r, "cgroup %s", name);
	}
	*ret_below = below;
	return 0;
}
