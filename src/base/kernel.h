// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the kernel has and libc (glibc 2.36, Linux 6.1 headers) does not name yet:
 * the one place for such constants and bare system calls. Wrappers return >= 0
 * or negative errno and tell no story.
 *
 * <sys/mount.h> and <linux/mount.h> exclude each other in glibc 2.36, and musl has only the
 * old calls; so the kernel's own header is used throughout, and this file's wrappers.
 *
 * Oldest kernel that rung supports: 5.12 (mount_setattr(2)). What newer kernels
 * add is probed where it is used.
 */

#include <errno.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3, memfd_create(2) */
#define MFD_EXEC 0x0010U
#endif

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* Linux 5.6, time_namespaces(7) */
#endif

#ifndef SCHED_ISO
#define SCHED_ISO 4 /* reserved by the kernel, listed by the OCI specification */
#endif

#ifndef MNT_DETACH
#define MNT_DETACH 2 /* umount2(2) */
#endif

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200 /* Linux 6.5 */
#endif

#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE 6 /* Linux 6.9, set_mempolicy(2) */
#endif

/* landlock(7): what came after ABI 2. The headers of 6.1 stop at REFER. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* ABI 3, Linux 6.2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5, Linux 6.10 */
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0) /* ABI 4, Linux 6.7 */
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* ABI 6, Linux 6.12 */
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

enum { KERNEL_SIGNALS = 64 }; /* the highest signal number of every architecture but MIPS */

static inline int kernel_result(long r)
{
	return r < 0 ? -errno : (int)r;
}

static inline int kernel_openat2(int dir_fd, const char *path, const struct open_how *how)
{
	return kernel_result(syscall(SYS_openat2, dir_fd, path, how, sizeof(*how)));
}

/*
 * Every signal back to its default, none blocked. signal(3) will not touch 32 to 34, the C
 * library's own, which posix_spawn(3) of glibc leaves ignored in what it starts (make does that).
 */
static inline void kernel_reset_signals(void)
{
	const unsigned long defaults[8] = {0}; /* struct kernel_sigaction: SIG_DFL and no flags */
	for (int number = 1; number <= KERNEL_SIGNALS; number++)
		(void)syscall(SYS_rt_sigaction, number, defaults, NULL, KERNEL_SIGNALS / 8);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, defaults, NULL, KERNEL_SIGNALS / 8);
}

/**
 * clone3(2). Inside another container its engine's filter may not know it (Docker's says ENOSYS,
 * so that libcs fall back, as we do): then clone(2), which has no place for CLONE_INTO_CGROUP.
 */
static inline int kernel_clone3(const struct clone_args *arguments)
{
	long r = syscall(SYS_clone3, arguments, sizeof(*arguments));
	if (r >= 0 || errno != ENOSYS || arguments->flags >> 32)
		return kernel_result(r);
	unsigned long flags = (unsigned long)(arguments->flags | arguments->exit_signal);
	return kernel_result(
		syscall(SYS_clone, flags, 0, (void *)(uintptr_t)arguments->pidfd, 0, 0));
}

static inline int kernel_pidfd_open(pid_t pid)
{
	return kernel_result(syscall(SYS_pidfd_open, pid, 0));
}

static inline int kernel_pidfd_send_signal(int pidfd, int signal_number)
{
	return kernel_result(syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0));
}

static inline int kernel_close_range(unsigned first, unsigned last, unsigned flags)
{
	return kernel_result(syscall(SYS_close_range, first, last, flags));
}

static inline int kernel_pivot_root(const char *new_root, const char *put_old)
{
	return kernel_result(syscall(SYS_pivot_root, new_root, put_old));
}

static inline int kernel_execveat(
	int dir_fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return kernel_result(syscall(SYS_execveat, dir_fd, path, argv, envp, flags));
}

static inline int kernel_open_tree(int dir_fd, const char *path, unsigned flags)
{
	return kernel_result(syscall(SYS_open_tree, dir_fd, path, flags));
}

static inline int kernel_move_mount(
	int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return kernel_result(syscall(SYS_move_mount, from_fd, from, to_fd, to, flags));
}

static inline int kernel_mount_setattr(
	int dir_fd, const char *path, unsigned flags, const struct mount_attr *attributes)
{
	return kernel_result(
		syscall(SYS_mount_setattr, dir_fd, path, flags, attributes, sizeof(*attributes)));
}

static inline int kernel_fsopen(const char *type, unsigned flags)
{
	return kernel_result(syscall(SYS_fsopen, type, flags));
}

static inline int kernel_fsconfig(
	int fd, unsigned command, const char *key, const void *value, int aux)
{
	return kernel_result(syscall(SYS_fsconfig, fd, command, key, value, aux));
}

static inline int kernel_fsmount(int fd, unsigned flags, unsigned attributes)
{
	return kernel_result(syscall(SYS_fsmount, fd, flags, attributes));
}

/** The largest errno a system call returns: MAX_ERRNO of the kernel's linux/err.h. */
#define KERNEL_MAX_ERRNO 4095

static inline int kernel_seccomp(unsigned operation, unsigned flags, void *arguments)
{
	return kernel_result(syscall(SYS_seccomp, operation, flags, arguments));
}

/*
 * landlock(7). The headers' struct landlock_ruleset_attr and enum landlock_rule_type end with
 * what Linux 6.1 had; the kernel takes the length of what it is given.
 */
struct kernel_landlock_ruleset {
	uint64_t handled_fs, handled_net, scoped;
};

struct kernel_landlock_port {
	uint64_t access, port;
};
#define KERNEL_LANDLOCK_RULE_NET_PORT 2 /* Linux 6.7 */

static inline int kernel_landlock_create_ruleset(
	const struct kernel_landlock_ruleset *rules, size_t length, unsigned flags)
{
	return kernel_result(syscall(SYS_landlock_create_ruleset, rules, length, flags));
}

static inline int kernel_landlock_add_rule(int ruleset_fd, unsigned type, const void *rule)
{
	return kernel_result(syscall(SYS_landlock_add_rule, ruleset_fd, type, rule, 0));
}

/** umount2(2) */
static inline int kernel_umount(const char *path, int flags)
{
	return kernel_result(syscall(SYS_umount2, path, flags));
}

/** Which mount a descriptor lies on (statx(2), STATX_MNT_ID, Linux 5.8). */
static inline int kernel_mount_id(int fd, uint64_t *ret_id)
{
	enum { mount_id_wanted = 0x1000, mount_id_offset = 0x90, size = 0x100 };
	uint64_t about[size / sizeof(uint64_t)] = {0}; /* struct statx of any libc */
	long r = syscall(SYS_statx, fd, "", 0x1000 /* AT_EMPTY_PATH */, mount_id_wanted, about);
	if (r < 0)
		return -errno;
	*ret_id = about[mount_id_offset / sizeof(uint64_t)];
	return 0;
}

/** When a file was made (statx(2), STATX_BTIME); 0.0 where the file system does not know. */
static inline struct timespec kernel_birth_time(int dir_fd, const char *name)
{
	enum { wanted = 0x800, offset = 0x50, size = 0x100, no_follow = 0x100 };
	uint64_t about[size / sizeof(uint64_t)] = {0};
	long r = syscall(SYS_statx, dir_fd, name, no_follow, wanted, about);
	const struct timespec none = {0};
	if (r < 0 || !((uint32_t)about[0] & wanted))
		return none;
	const struct timespec made = {
		.tv_sec = (time_t)about[offset / sizeof(uint64_t)],
		.tv_nsec = (uint32_t)about[offset / sizeof(uint64_t) + 1],
	};
	return made;
}

/** renameat2(2) that swaps two names in one step, whatever they are (RENAME_EXCHANGE). */
static inline int kernel_rename_swap(int a_fd, const char *a, int b_fd, const char *b)
{
	return kernel_result(syscall(SYS_renameat2, a_fd, a, b_fd, b, 2u));
}

/** renameat2(2) that refuses to replace anything (RENAME_NOREPLACE). */
static inline int kernel_rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
	return kernel_result(syscall(SYS_renameat2, from_fd, from, to_fd, to, 1u));
}
