// SPDX-License-Identifier: Apache-2.0
/*
 * floor: the least a container start can cost on this kernel.
 *
 * In: floor [-c CGROUP]... ROOTFS PROGRAM ARGUMENT...
 * It makes seven namespaces with one clone3, builds the usual mounts (proc, sysfs, /dev with its
 * nodes, pts, shm, mqueue) with the mount API of Linux 5.2, pivots, and runs PROGRAM. There is no
 * configuration to read, no state, no check, no capability, no limit: what a runtime needs
 * beyond this time is its own. With -c it also makes these cgroups (one per v1 hierarchy), moves
 * the child there while the child mounts, and removes them: on v1 that is a wait for RCU.
 *
 * Out: the exit status of PROGRAM; 125 and a line on descriptor 2 when something fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CGROUPS_MAX = 16 };

static void check(long r, const char *what)
{
	if (r >= 0)
		return;
	perror(what);
	_exit(125);
}

static void mount_new(const char *type, const char *where, unsigned attributes)
{
	int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	check(context, type);
	check(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
	int mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
	check(mount, type);
	check(syscall(SYS_move_mount, mount, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH), where);
	/* Neither descriptor is closed: exec does it, once for all. */
}

static void make_devices(void)
{
	static const struct {
		const char *path;
		unsigned minor;
	} nodes[] = {{"dev/null", 3}, {"dev/zero", 5}, {"dev/full", 7}, {"dev/random", 8},
		{"dev/urandom", 9}};
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		check(mknod(nodes[i].path, S_IFCHR | 0666, makedev(1, nodes[i].minor)),
			nodes[i].path);
	check(mknod("dev/tty", S_IFCHR | 0666, makedev(5, 0)), "dev/tty");
	check(symlink("/proc/self/fd", "dev/fd"), "dev/fd");
	check(symlink("pts/ptmx", "dev/ptmx"), "dev/ptmx");
	check(mkdir("dev/pts", 0755), "dev/pts");
	check(mkdir("dev/shm", 0755), "dev/shm");
	check(mkdir("dev/mqueue", 0755), "dev/mqueue");
}

_Noreturn static void child(const char *rootfs, char **command)
{
	const unsigned strict = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	umask(0);
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private /");
	int tree =
		(int)syscall(SYS_open_tree, AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	check(tree, rootfs);
	check(syscall(SYS_move_mount, tree, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH), rootfs);
	check(fchdir(tree), rootfs);
	mount_new("proc", "proc", strict);
	mount_new("sysfs", "sys", strict | MOUNT_ATTR_RDONLY);
	mount_new("tmpfs", "dev", MOUNT_ATTR_NOSUID);
	make_devices();
	mount_new("devpts", "dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	mount_new("tmpfs", "dev/shm", strict);
	mount_new("mqueue", "dev/mqueue", strict);
	check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	check(umount2(".", MNT_DETACH), "old root");
	check(chdir("/"), "chdir");
	execv(command[0], command);
	check(-1, command[0]);
	_exit(125);
}

static void enter(const char *cgroup, pid_t pid)
{
	char path[4096], number[16];
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	int length = snprintf(number, sizeof(number), "%d", pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd, path);
	check(write(fd, number, (size_t)length), path);
	close(fd);
}

int main(int count, char **words)
{
	const char *cgroups[CGROUPS_MAX];
	int cgroup_count = 0, option;
	while ((option = getopt(count, words, "+c:")) == 'c') {
		if (cgroup_count == CGROUPS_MAX)
			return 125;
		cgroups[cgroup_count++] = optarg;
	}
	if (option != -1 || optind + 2 > count)
		return 125;

	struct clone_args arguments = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
			 CLONE_NEWCGROUP | CLONE_NEWTIME,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
	check(pid, "clone3");
	if (pid == 0)
		child(words[optind], words + optind + 1);

	for (int i = 0; i < cgroup_count; i++) {
		check(mkdir(cgroups[i], 0755), cgroups[i]);
		enter(cgroups[i], pid);
	}
	int status;
	check(waitpid(pid, &status, 0), "waitpid");
	for (int i = 0; i < cgroup_count; i++)
		check(rmdir(cgroups[i]), cgroups[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
