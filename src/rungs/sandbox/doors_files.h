// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A file door: a FUSE file system that stands where a tree of the host is not granted but may be
 * asked for. It is served by rung-door (src/programs/door); here it is only made and put in place.
 *
 * Order: the supervisor, in the sandbox's user namespace and still in the host's pid namespace (so
 * that questions name processes as the person knows them), makes the door before it starts PID 1;
 * PID 1 places it. Whoever inherits a copy of the FUSE descriptor closes it at once: the death
 * of rung-door must close the last one, then all that wait at the door get ENOTCONN.
 */

/** Whether doors can be made here: 0, or -ENOENT, -EACCES, … of /dev/fuse. Tells no story. */
[[nodiscard]] int sandbox_file_door_possible(void);

/**
 * Opens a connection and makes its mount, attached nowhere yet. Both are close-on-exec and the
 * caller's; rung-door gets both (members "fd" and "mount" of the handoff). Tells a story.
 */
[[nodiscard]] int sandbox_file_door_make(int *ret_fuse_fd, int *ret_mount_fd);

/** Attaches the mount on the directory @path below the root tree at @root_fd. Tells a story. */
[[nodiscard]] int sandbox_file_door_place(int mount_fd, int root_fd, const char *path);
