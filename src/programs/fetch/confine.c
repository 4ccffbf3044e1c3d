// SPDX-License-Identifier: Apache-2.0

/*
 * What is left to a process that reads bytes of strangers: sockets of the Internet, the descriptors
 * it was given, and reading the files by which names are resolved and certificates verified. Root
 * becomes nobody; Landlock takes every other file away; a filter of system calls takes away
 * starting programs and processes, tracing, mounting, keys, sockets of this machine's services
 * (the user's own bus would start a program for it; Landlock does not rule over those), typing into
 * the terminal that it tells errors on, and the calls in which kernels had their holes. A kernel
 * without one of these leaves the others: nothing here is worth failing a pull for.
 */

#include "confine.h"

#include "base/kernel.h"
#include "base/scope.h"

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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define NOBODY 65534

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define OLD_CALLS SYS_fork, SYS_vfork, SYS_iopl, SYS_ioperm,
#define FOREIGN_CALLS 0x40000000 /* and above: x32, where every call has another number */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define OLD_CALLS
#define FOREIGN_CALLS 0x40000000 /* there are none */
#else
#define ARCHITECTURE 0
#define OLD_CALLS
#define FOREIGN_CALLS 0x40000000
#endif

/*
 * In a user namespace without that id root stays who it is, and would keep what root may do there:
 * capabilities go in any case.
 */
static void become_nobody(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
	if (geteuid() == 0) {
		(void)!setgroups(0, NULL);
		(void)!setresgid(NOBODY, NOBODY, NOBODY);
		(void)!setresuid(NOBODY, NOBODY, NOBODY);
	}
	(void)syscall(SYS_capset, &header, none);
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
	(void)!kernel_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule);
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
	struct kernel_landlock_ruleset rules = {
		.handled_fs = LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1, /* all of ABI 1 */
	};
	int abi = kernel_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return;
	if (abi >= 2)
		rules.handled_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rules.handled_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 4)
		rules.handled_net = LANDLOCK_ACCESS_NET_BIND_TCP;
	if (abi >= 5)
		rules.handled_fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	if (abi >= 6)
		rules.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
	autoclose int ruleset = kernel_landlock_create_ruleset(&rules, sizeof(rules), 0);
	if (ruleset < 0)
		return;
	for (size_t i = 0; i < array_length(kept); i++)
		allow(ruleset, kept[i]);
	(void)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

/* ---- system calls -------------------------------------------------------------- */

#define LOAD(member) \
	(struct sock_filter) \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
/* Passes over so many instructions when it is equal (or not). */
#define WHEN(value, equal, other) \
	(struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, equal, other)
#define ALLOW (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(error) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

/* What depends on more than the number of the call: whose it is, sockets, threads, terminals. */
static const struct sock_filter by_argument[] = {
	LOAD(arch),
	WHEN(ARCHITECTURE, 1, 0),
	REFUSE(EPERM),
	LOAD(nr),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1),
	REFUSE(EPERM),

	WHEN(SYS_socket, 0, 6),
	LOAD(args[0]),
	WHEN(AF_INET, 2, 0),
	WHEN(AF_INET6, 1, 0),
	WHEN(AF_NETLINK, 0, 1), /* getaddrinfo(3) looks which addresses this machine has */
	ALLOW,
	REFUSE(EPERM),

	WHEN(SYS_clone, 0, 4),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1), /* to resolve names in */
	ALLOW,
	REFUSE(EPERM),
	WHEN(SYS_clone3, 0, 1), /* its flags cannot be seen; libc then takes clone(2) */
	REFUSE(ENOSYS),

	WHEN(SYS_ioctl, 0, 5),
	LOAD(args[1]),
	WHEN(TIOCSTI, 2, 0),
	WHEN(TIOCLINUX, 1, 0),
	ALLOW,
	REFUSE(EPERM),
};

static void leave_calls(void)
{
	static const unsigned refused[] = {OLD_CALLS SYS_execve, SYS_execveat, SYS_ptrace,
		SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise, SYS_kcmp,
		SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns,
		SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_open_tree, SYS_move_mount,
		SYS_mount_setattr, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
		SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module, SYS_delete_module,
		SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl,
		SYS_io_uring_setup, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_memfd_create,
		SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_pidfd_open,
		SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_personality};
	struct sock_filter filter[array_length(by_argument) + 2 * array_length(refused) + 1];
	size_t n = array_length(by_argument);
	memcpy(filter, by_argument, sizeof(by_argument));
	for (size_t i = 0; i < array_length(refused); i++) {
		filter[n++] = WHEN(refused[i], 0, 1);
		filter[n++] = REFUSE(EPERM);
	}
	filter[n++] = ALLOW;
	struct sock_fprog program = {.len = (unsigned short)n, .filter = filter};
	if (ARCHITECTURE)
		(void)!kernel_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
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
