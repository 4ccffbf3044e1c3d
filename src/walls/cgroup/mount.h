// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The container's own view of the control groups, mounted at /sys/fs/cgroup. */

#include "plan/plan.h"
#include "walls/cgroup/cgroup.h"
#include "walls/mounts.h"

/**
 * Mounts what the host has: one cgroup2 tree, or a tmpfs with one directory per v1 hierarchy.
 * With a cgroup namespace the container sees its own group as the top; without, its group is
 * bound to the place. Read-only unless it has a cgroup namespace of its own and did not ask for
 * "ro" (CVE-2023-25809).
 */
[[nodiscard]] int cgroup_mount(const struct cgroup_location *location, const struct plan *plan,
	const struct plan_mount *mount, const struct mount_room *room);
