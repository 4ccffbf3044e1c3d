// SPDX-License-Identifier: Apache-2.0

/*
 * Uncovering what a mount hides, loosening what a mount forbids, entering other namespaces, and
 * the privileges all that takes. Where a mount needs a right, a namespace of one's own is tried for
 * it first. Without a wall all this happens in a mount namespace that the tests made for it.
 */

#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not get on in Debian 12. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data);
int umount2(const char *target, int flags);

enum { OLD_READ_ONLY = 1, OLD_REMOUNT = 32, OLD_BIND = 4096, DETACH = 2 };

/* For rights over mounts, if that is all it takes. */
static void get_mount_rights(void)
{
	enter_user_namespace(CLONE_NEWNS);
}

enum verdict attempt_remount(void)
{
	const char *path = in_world("shown");
	if (mount(NULL, path, NULL, OLD_REMOUNT | OLD_BIND, NULL) < 0) {
		get_mount_rights();
		(void)!mount(NULL, path, NULL, OLD_REMOUNT | OLD_BIND, NULL);
	}
	return scribble(in_world("shown/file"));
}

enum verdict attempt_mount_attributes(void)
{
	struct mount_attr loose = {
		.attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	const char *paths[] = {in_world("shown"), "/"};
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 2; i++)
			syscall(SYS_mount_setattr, AT_FDCWD, paths[i], AT_RECURSIVE, &loose,
				sizeof(loose));
		get_mount_rights();
	}
	return scribble(in_world("shown/file"));
}

static void uncover(void)
{
	/* Each directory on the way may be what hides the next. */
	char path[4096];
	snprintf(path, sizeof(path), "%s", world("top"));
	for (char *end; (end = strrchr(path, '/')) && end != path; *end = '\0')
		while (umount2(path, DETACH) == 0)
			;
}

enum verdict attempt_unmount_cover(void)
{
	int fd = open(in_world("secret"), O_RDONLY | O_CLOEXEC);
	for (int round = 0; round < 2 && fd < 0; round++) {
		uncover();
		fd = open(in_world("secret"), O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			get_mount_rights();
	}
	return read_secret_from(fd, "after unmounting");
}

enum verdict attempt_pivot_back(void)
{
	int fd = open(in_world("secret"), O_RDONLY | O_CLOEXEC);
	for (int round = 0; round < 2 && fd < 0; round++) {
		/* The old root lies under the new one, when "." is both. */
		if (chdir("/") == 0 && syscall(SYS_pivot_root, ".", ".") == 0)
			fd = open(in_world("secret"), O_RDONLY | O_CLOEXEC);
		if (fd < 0 && umount2("/", DETACH) == 0)
			fd = open(in_world("secret"), O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			get_mount_rights();
	}
	return read_secret_from(fd, "below another root");
}

/* A copy that leaves the mounts below out shows what they cover. */
enum verdict attempt_tree_without_covers(void)
{
	for (int round = 0; round < 2; round++) {
		int tree = (int)syscall(
			SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (tree >= 0)
			return read_secret(tree, in_world("secret") + 1);
		get_mount_rights();
	}
	return held("open_tree");
}

static enum verdict mounted(bool good, const char *what)
{
	return good ? escaped("mounted: %s", what) : held("mount of %s", what);
}

enum verdict attempt_mount_a_file_system(void)
{
	if (mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		get_mount_rights();
	return mounted(mount("none", "/proc", "tmpfs", 0, NULL) == 0 ||
			       mount("/", "/proc", NULL, OLD_BIND, NULL) == 0,
		"a tmpfs");
}

enum verdict attempt_new_mount_interface(void)
{
	for (int round = 0; round < 2; round++) {
		int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
		if (context >= 0 &&
			syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
			int fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
			return mounted(fd >= 0 && syscall(SYS_move_mount, fd, "", AT_FDCWD, "/proc",
							  MOVE_MOUNT_F_EMPTY_PATH) == 0,
				"a tmpfs, the new way");
		}
		get_mount_rights();
	}
	return held("fsopen");
}

enum verdict attempt_fresh_proc(void)
{
	if (mount("proc", "/proc", "proc", 0, NULL) < 0) {
		get_mount_rights();
		if (mount("proc", "/proc", "proc", 0, NULL) < 0)
			return held("mount of proc");
	}
	return open_to_write("/proc/sys/kernel/core_pattern");
}

enum verdict attempt_stacked_overlay(void)
{
	if (!enter_user_namespace(CLONE_NEWNS))
		return held("a user namespace");
	bool good =
		mount("none", "/proc", "tmpfs", 0, NULL) == 0 && mkdir("/proc/up", 0755) == 0 &&
		mkdir("/proc/work", 0755) == 0 &&
		mount("none", "/proc", "overlay", 0,
			"lowerdir=/usr/bin,upperdir=/proc/up,workdir=/proc/work,userxattr") == 0;
	return mounted(good, "an overlay");
}

enum verdict attempt_left_namespace(void)
{
	if (setns(LEFT_NAMESPACE, CLONE_NEWNS) < 0)
		return held("setns");
	return read_secret(AT_FDCWD, in_world("secret"));
}

/* A socket keeps the namespace it was made in. */
enum verdict attempt_left_network(void)
{
	char byte = '?';
	if (write(LEFT_NETWORK, &byte, 1) == 1)
		return done("sent by a socket that was left open");
	return held("descriptor %d", LEFT_NETWORK);
}

enum verdict attempt_namespaces_of_first(void)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return held("/proc/1/ns/mnt");
	struct stat own, other;
	if (fstat(fd, &other) < 0 || stat("/proc/self/ns/mnt", &own) < 0)
		return held("stat");
	if (setns(fd, CLONE_NEWNS) < 0)
		return held("setns");
	return read_secret(AT_FDCWD, in_world("secret"));
}

/* listmount(2) of Linux 6.8: a namespace is named by a number that can be guessed. */
enum verdict attempt_mounts_elsewhere(void)
{
	enum { NR_LISTMOUNT = 458 };
	struct {
		uint32_t size, spare;
		uint64_t id, last, namespace;
	} request = {.size = sizeof(request), .id = UINT64_MAX};
	uint64_t found[4];
	request.namespace = (uint64_t)world_number("mount_namespace");
	if (request.namespace == 0)
		return impossible("this kernel does not number mount namespaces");
	if (syscall(NR_LISTMOUNT, &request, found, 4, 0) > 0)
		return escaped("mounts of the outside are listed");
	return held("listmount");
}

enum verdict attempt_make_device(void)
{
	const char *path = in_world("given/memory");
	if (mknod(path, S_IFCHR | 0600, makedev(1, 1)) < 0 &&
		mknod("/dev/rung-escape", S_IFCHR | 0600, makedev(1, 1)) < 0)
		return held("mknod");
	return escaped("a device node was made");
}

/* Which set-user-id program waits for something, so that its ids can be seen meanwhile? su asks. */
enum verdict attempt_setuid_helper(void)
{
	if (geteuid() == 0)
		return impossible("root is who such programs make one");
	int input[2];
	if (pipe2(input, O_CLOEXEC) < 0)
		return held("pipe");
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(input[0], 0);
		dup2(null, 1);
		dup2(null, 2);
		execl("/usr/bin/su", "su", "root", NULL);
		_exit(127);
	}
	char status[4096] = "";
	unsigned real = 0, effective = 1;
	for (int i = 0; i < 2000 && effective != 0; i++) {
		int fd = open(text("/proc/%d/status", child), O_RDONLY | O_CLOEXEC);
		ssize_t size = read(fd, status, sizeof(status) - 1);
		close(fd);
		status[size < 0 ? 0 : size] = '\0';
		const char *line = strstr(status, "\nUid:");
		if (!line || sscanf(line, "\nUid: %u %u", &real, &effective) != 2 ||
			waitpid(child, NULL, WNOHANG))
			break;
		usleep(500);
	}
	kill(child, SIGKILL);
	close(input[1]);
	errno = 0;
	return effective == 0 ? escaped("su runs as root") : held("su runs as %u", effective);
}

enum verdict attempt_other_user(void)
{
	/* What belongs to another user, of whom nobody here is. */
	if (setresgid(12345, 12345, 12345) < 0 || setresuid(12345, 12345, 12345) < 0)
		return held("setresuid");
	return escaped("now another user");
}

enum verdict attempt_capabilities(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = {.version = 0x20080522};
	struct {
		uint32_t effective, permitted, inheritable;
	} sets[2] = {};
	if (syscall(SYS_capget, &header, sets) < 0)
		return held("capget");
	if (sets[0].permitted | sets[1].permitted)
		return escaped(
			"capabilities %x%08x are permitted", sets[1].permitted, sets[0].permitted);
	sets[0] = (typeof(sets[0])){UINT32_MAX, UINT32_MAX, UINT32_MAX};
	if (syscall(SYS_capset, &header, sets) == 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0) == 0)
		return escaped("capabilities came back");
	return held("capset");
}
