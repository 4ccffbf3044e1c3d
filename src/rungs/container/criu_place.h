// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Where criu works: a directory by which it reaches the cgroups, and for restore a mount namespace
 * of its own, in which the container's root is a mount. Nobody outside sees that, it goes with it.
 */

#include "base/arena.h"
#include "walls/cgroup/cgroup.h"

/** Below the record's directory; removed with it at the latest. */
#define CRIU_PLACE "criu"

struct criu_place {
	const char *root, *root_path; /* what is mounted where; NULL at dump */
	const char *cgroups, *yard;   /* the same, for CRIU_CGROUP_YARD; NULL: criu mounts */
};

/** Makes the directories. @root_path: the tree to restore in; NULL at dump. Lives in @arena. */
[[nodiscard]] int criu_place_make(int record_fd, const char *root_path,
	const struct cgroup_location *location, struct arena *arena, struct criu_place *ret_place);

/** What a process needs to come back to where it was. */
struct way_back {
	int namespace_fd, root_fd, here_fd;
};

/** Takes this process into a new mount namespace with the mounts of the place. */
[[nodiscard]] int criu_place_enter(const struct criu_place *place, struct way_back *ret_way);

/** Back to the host's; closes the way. */
[[nodiscard]] int criu_place_leave(struct way_back *way);
