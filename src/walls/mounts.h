// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One mount of the plan at a time, by the descriptor-based mount API (fsopen, open_tree,
 * move_mount, mount_setattr; Linux 5.12). Nothing here names a path inside the new root
 * twice: the destination is opened once inside the root and mounted on by descriptor.
 */

#include "plan/plan.h"

#include <stdbool.h>

/** What mounting needs to know about its surroundings. */
struct mount_room {
	int root_fd;             /* the new root, attached in this mount namespace */
	bool user_namespace;     /* we are not in the owning user namespace of the host's mounts */
	const char *mount_label; /* SELinux context for new file systems, NULL: none */
};

/**
 * Makes the detached mount (a bind's tree or a new file system) with its attributes but does not
 * attach it. Used ahead of time, by a process that still has the host's privileges, for what
 * the container's own user namespace may not do: idmapped mounts and sources it cannot reach.
 * Returns a descriptor; tells a story.
 */
[[nodiscard]] int mount_open(
	const struct plan *plan, const struct plan_mount *mount, const struct mount_room *room);

/**
 * Attaches a mount made by mount_open() at its destination (made if missing) and sets its
 * propagation. Consumes nothing; tells a story.
 */
[[nodiscard]] int mount_attach(
	const struct plan_mount *mount, const struct mount_room *room, int mount_fd);

/** True if this mount is made by opening a host path (a bind). */
static inline bool mount_is_bind(const struct plan_mount *mount)
{
	return mount->bind;
}

/** Changes the attributes of what is mounted at the destination already ("remount"). */
[[nodiscard]] int mount_change(const struct plan_mount *mount, const struct mount_room *room);

/**
 * A new file system instance, detached. @data: comma-separated options as mount(8) takes them;
 * @attributes: MOUNT_ATTR_*. The kernel's own words about a refused option become part of the
 * story.
 */
[[nodiscard]] int mount_new_filesystem(
	const char *type, const char *source, const char *data, unsigned attributes);

/** Copies what is below @from_fd into @to_fd: owner, mode, times, xattrs ("tmpcopyup"). */
[[nodiscard]] int mount_copy_up(int from_fd, int to_fd);
