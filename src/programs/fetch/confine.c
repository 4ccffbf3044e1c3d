// SPDX-License-Identifier: Apache-2.0

/*
 * What is left to a process that reads bytes of strangers: sockets, the descriptors it was given,
 * and reading the files by which names are resolved and certificates verified. Root becomes nobody;
 * Landlock takes every other file away; a filter of system calls takes away starting programs,
 * tracing, mounting, keys, and the calls in which kernels had their holes. A kernel without one
 * of these leaves the others: nothing here is worth failing a pull for.
 */

#include "fetch.h"

#include "base/kernel.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define NOBODY 65534

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

/* In a user namespace without that id we are no real root, and stay who we are. */
static void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	(void)!setgroups(0, NULL);
	(void)!setresgid(NOBODY, NOBODY, NOBODY);
	(void)!setresuid(NOBODY, NOBODY, NOBODY);
}

static void allow(int ruleset, const char *path)
{
	autoclose int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat about;
	if (fd < 0 || fstat(fd, &about) < 0)
		return;
	struct landlock_path_beneath_attr rule = {
		.parent_fd = fd,
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	if (S_ISDIR(about.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static void leave_files(void)
{
	/* Resolver and TLS: configuration, libraries of the name service, certificates. */
	static const char *const kept[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf",
		"/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
		"/etc/passwd", "/etc/ld.so.cache", "/etc/ssl", "/etc/pki", "/etc/ca-certificates",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/lib",
		"/lib", "/lib64", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf",
		"/dev/urandom", "/dev/null"};
	struct landlock_ruleset_attr rules = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1, /* all of ABI 1 */
	};
	int abi =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return;
	if (abi >= 2)
		rules.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rules.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	autoclose int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (ruleset < 0)
		return;
	for (size_t i = 0; i < array_length(kept); i++)
		allow(ruleset, kept[i]);
	(void)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

static void leave_calls(void)
{
	static const unsigned refused[] = {SYS_execve, SYS_execveat, SYS_ptrace,
		SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2, SYS_pivot_root,
		SYS_chroot, SYS_unshare, SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
		SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module,
		SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff,
		SYS_io_uring_setup, SYS_open_by_handle_at, SYS_fsopen, SYS_open_tree,
		SYS_move_mount, SYS_memfd_create, SYS_kill, SYS_tgkill, SYS_pidfd_open,
		SYS_pidfd_getfd, SYS_personality};
	enum { COUNT = array_length(refused) };
	struct sock_filter filter[COUNT + 6];
	size_t n = 0;
	filter[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	filter[n++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 0, COUNT + 2);
	filter[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < COUNT; i++)
		filter[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, refused[i], (unsigned char)(COUNT - i), 0);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog program = {.len = (unsigned short)n, .filter = filter};
	if (ARCHITECTURE)
		(void)syscall(
			SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

void confine(void)
{
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){}); /* passwords are in memory */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	become_nobody();
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of ids has taken it back */
	leave_files();
	leave_calls();
}
