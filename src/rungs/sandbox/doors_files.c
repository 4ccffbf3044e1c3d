// SPDX-License-Identifier: Apache-2.0

/*
 * The kernel binds a FUSE mount to the user namespace in which /dev/fuse was opened and in which it
 * is mounted (both must be the same, fs/fuse/inode.c), and the numbers of processes in requests to
 * the pid namespace of the mounter. Hence the order in doors_files.h.
 *
 * default_permissions: the kernel itself checks modes and owners as rung-door tells them, so that
 * not each step of a path becomes a request. allow_other: only for processes of the user namespace
 * and those below it, which is the sandbox; nobody else can be made to wait at a door.
 */

#include "rungs/sandbox/doors_files.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/scope.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define FUSE_DEVICE "/dev/fuse"

int sandbox_file_door_possible(void)
{
	autoclose int fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

static int configure(int context_fd, int fuse_fd)
{
	char fd[16], user[16], group[16];
	(void)snprintf(fd, sizeof(fd), "%d", fuse_fd);
	(void)snprintf(user, sizeof(user), "%u", getuid());
	(void)snprintf(group, sizeof(group), "%u", getgid());
	const struct {
		unsigned command;
		const char *key, *value;
	} words[] = {
		{FSCONFIG_SET_STRING, "source", "rung-door"},
		{FSCONFIG_SET_STRING, "fd", fd},
		{FSCONFIG_SET_STRING, "rootmode", "40000"},
		{FSCONFIG_SET_STRING, "user_id", user},
		{FSCONFIG_SET_STRING, "group_id", group},
		{FSCONFIG_SET_FLAG, "default_permissions", NULL},
		{FSCONFIG_SET_FLAG, "allow_other", NULL},
		{FSCONFIG_CMD_CREATE, NULL, NULL},
	};
	for (size_t i = 0; i < array_length(words); i++) {
		int r = kernel_fsconfig(
			context_fd, words[i].command, words[i].key, words[i].value, 0);
		if (r < 0)
			return fail(r, "make a door: %s", words[i].key ? words[i].key : "fuse");
	}
	return 0;
}

int sandbox_file_door_make(int *ret_fuse_fd, int *ret_mount_fd)
{
	autoclose int fuse_fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	if (fuse_fd < 0)
		return fail(-errno, "open " FUSE_DEVICE);
	autoclose int context_fd = kernel_fsopen("fuse", FSOPEN_CLOEXEC);
	if (context_fd < 0)
		return fail(context_fd, "make a door: fuse");
	int r = configure(context_fd, fuse_fd);
	if (r < 0)
		return r;
	int mount_fd =
		kernel_fsmount(context_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (mount_fd < 0)
		return fail(mount_fd, "make a door: mount");
	*ret_fuse_fd = take_fd(fuse_fd);
	*ret_mount_fd = mount_fd;
	return 0;
}

int sandbox_file_door_place(int mount_fd, int root_fd, const char *path)
{
	autoclose int place_fd = fs_open_in(root_fd, path, O_PATH | O_DIRECTORY, 0);
	if (place_fd < 0)
		return place_fd;
	int r = kernel_move_mount(
		mount_fd, "", place_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? fail(r, "put a door at %s", path) : 0;
}
