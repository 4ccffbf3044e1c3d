// SPDX-License-Identifier: Apache-2.0

/* Locking ourselves in; see confine.h. Called before the first thread is started. */

#include "confine.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

static int join(int user_namespace_fd)
{
	if (setns(user_namespace_fd, CLONE_NEWUSER) < 0)
		return fail(-errno, "join the user namespace");
	/* Where one id is mapped alone, groups may not be set. */
	if (setresgid(0, 0, 0) < 0 || (setgroups(0, NULL) < 0 && errno != EPERM) ||
		setresuid(0, 0, 0) < 0)
		return fail(-errno, "become root of the user namespace");
	return 0;
}

/* ---- capabilities ---------------------------------------------------------------------------- */

/* SYS_ADMIN: for trusted.* attributes. The filter below lets nothing else of it through. */
#define BIT(capability) (1ULL << (capability))
static const uint64_t KEPT = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) |
			     BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_MKNOD) | BIT(CAP_SETFCAP) |
			     BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_RESOURCE);

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(-errno, "read capabilities");
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(KEPT >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? fail(-errno, "drop capabilities") : 0;
}

/* ---- files
 * --------------------------------------------------------------------------------------- */

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | \
		LANDLOCK_ACCESS_FS_REFER)

static int lock_files(const struct confine_tree *trees, size_t count)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 2)
		return 0; /* version 1 forbids all hard links between directories */
	struct landlock_ruleset_attr attributes = {
		.handled_access_fs = READ_RIGHTS | WRITE_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE};
	autoclose int rules =
		(int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (rules < 0)
		return fail(-errno, "Landlock rules");
	for (size_t i = 0; i < count; i++) {
		struct landlock_path_beneath_attr beneath = {
			.allowed_access = READ_RIGHTS | (trees[i].write ? WRITE_RIGHTS : 0),
			.parent_fd = trees[i].fd,
		};
		if (trees[i].fd >= 0 && syscall(SYS_landlock_add_rule, rules,
						LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
			return fail(-errno, "Landlock rule");
	}
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? fail(-errno, "Landlock") : 0;
}

/* ---- system calls -------------------------------------------------------------------------- */

/* Files by descriptor and name, memory, threads. No sockets, no programs, no mounts, no other
 * processes. */
static const uint16_t allowed[] = {
	SYS_read,
	SYS_write,
	SYS_pread64,
	SYS_pwrite64,
	SYS_readv,
	SYS_writev,
	SYS_lseek,
	SYS_ftruncate,
	SYS_fallocate,
	SYS_fadvise64,
	SYS_fsync,
	SYS_fdatasync,
	SYS_syncfs,
	SYS_sync_file_range,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_fstatfs,
	SYS_getdents64,
	SYS_openat,
	SYS_openat2,
	SYS_close,
	SYS_dup,
	SYS_fcntl,
	SYS_umask,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_symlinkat,
	SYS_linkat,
	SYS_unlinkat,
	SYS_renameat2,
	SYS_readlinkat,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchown,
	SYS_fchownat,
	SYS_utimensat,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_fsetxattr,
	SYS_getxattr,
	SYS_lgetxattr,
	SYS_fgetxattr,
	SYS_listxattr,
	SYS_llistxattr,
	SYS_flistxattr,
	SYS_removexattr,
	SYS_fremovexattr,
	SYS_mmap,
	SYS_munmap,
	SYS_mprotect,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_futex,
	SYS_clone,
	SYS_clone3,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_prlimit64,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
	SYS_getpid,
	SYS_gettid,
	SYS_tgkill,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getrandom,
	SYS_clock_gettime,
	SYS_exit,
	SYS_exit_group,
	SYS_sysinfo,
#ifdef SYS_chmod /* older architectures: what newer ones do by the calls above */
	SYS_chmod,
	SYS_renameat,
	SYS_unlink,
	SYS_readlink,
	SYS_access,
	SYS_open,
	SYS_stat,
#endif
};

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define OUR_ARCHITECTURE 0 /* not known: no filter */
#endif

/* Sanitizers do at the end of a process what no filter foresees. */
#if defined(__SANITIZE_ADDRESS__)
static const bool filtered = false;
#else
static const bool filtered = OUR_ARCHITECTURE != 0;
#endif

static int filter_calls(void)
{
	struct sock_filter program[array_length(allowed) + 6];
	const unsigned char count = array_length(allowed);
	size_t n = 0;
	program[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	program[n++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCHITECTURE, 1, 0);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned char i = 0; i < count; i++)
		program[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, allowed[i], (unsigned char)(count - i), 0);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = {.len = (unsigned short)n, .filter = program};
	if (filtered && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		return fail(-errno, "filter of system calls");
	return 0;
}

int confine(int user_namespace_fd, const struct confine_tree *trees, size_t count)
{
	int r = user_namespace_fd >= 0 ? join(user_namespace_fd) : 0;
	/* Nobody wants the work of a rung that is gone. Becoming root took this back, so here. */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		r = fail(-errno, "signal at the parent's end");
	if (r == 0)
		r = drop_capabilities();
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = fail(-errno, "no_new_privs");
	if (r == 0)
		r = lock_files(trees, count);
	return r < 0 ? r : filter_calls();
}
