// SPDX-License-Identifier: Apache-2.0

/*
 * Touching processes outside. The bystander counts the signals it gets and is in the process group
 * of the starter, which a sandbox inherits unless it does something about it: the kernel sends to a
 * group across PID namespaces.
 */

#include "escape.h"
#include "foreign_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pid_t bystander(void)
{
	return (pid_t)world_number("pid");
}

static enum verdict sent(long result, const char *what)
{
	return result < 0 ? held("%s", what) : done("%s", what);
}

enum verdict attempt_signal_process(void)
{
	return sent(kill(bystander(), SIGURG), "kill");
}

enum verdict attempt_signal_thread(void)
{
	return sent(syscall(SYS_tgkill, bystander(), bystander(), SIGURG), "tgkill");
}

enum verdict attempt_signal_queue(void)
{
	siginfo_t info = {.si_signo = SIGURG, .si_code = SI_QUEUE};
	return sent(syscall(SYS_rt_sigqueueinfo, bystander(), SIGURG, &info), "rt_sigqueueinfo");
}

/* SIGURG is ignored by everybody else in the group. */
enum verdict attempt_signal_group(void)
{
	return sent(kill(0, SIGURG), "kill of the group");
}

enum verdict attempt_signal_descriptor(void)
{
	int fd = (int)syscall(SYS_pidfd_open, bystander(), 0);
	return sent(fd < 0 ? -1 : syscall(SYS_pidfd_send_signal, fd, SIGURG, NULL, 0),
		"pidfd_send_signal");
}

static enum verdict signal_by_owner(pid_t owner)
{
	int pair[2];
	char byte = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return held("socketpair");
	if (fcntl(pair[0], F_SETOWN, owner) < 0 || fcntl(pair[0], F_SETSIG, SIGURG) < 0 ||
		fcntl(pair[0], F_SETFL, O_ASYNC) < 0)
		return held("F_SETOWN");
	return sent(write(pair[1], &byte, 1), "F_SETOWN");
}

enum verdict attempt_signal_owner(void)
{
	return signal_by_owner(bystander());
}

/* A group outside of the namespace has the number 0 here; then there is nothing to ask for. */
enum verdict attempt_signal_owner_group(void)
{
	errno = ESRCH;
	return getpgrp() == 0 ? held("the group has no number") : signal_by_owner(-getpgrp());
}

static enum verdict trace(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return held("PTRACE_SEIZE");
	return escaped("process %d is traced", pid);
}

enum verdict attempt_trace_process(void)
{
	return trace(bystander());
}

enum verdict attempt_trace_parent(void)
{
	return trace(getppid());
}

enum verdict attempt_trace_first(void)
{
	return trace(1);
}

enum verdict attempt_first_memory(void)
{
	const char *names[] = {
		"mem", "fd/0", "root/etc/passwd", "cwd", "exe", "maps", "environ", "auxv"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (open(text("/proc/1/%s", names[i]), O_RDONLY | O_CLOEXEC) >= 0)
			return escaped("/proc/1/%s is open", names[i]);
	return held("/proc/1");
}

enum verdict attempt_first_environment(void)
{
	return read_secret(AT_FDCWD, "/proc/1/environ");
}

enum verdict attempt_trace_i386(void)
{
	enum { I386_PTRACE = 26 };
	long result = i386_call(I386_PTRACE, PTRACE_SEIZE, (unsigned)bystander(), 0);
	if (result < 0)
		return held("ptrace of i386");
	return escaped("traced by int 0x80");
}

enum verdict attempt_read_memory(void)
{
	char bytes[64] = "";
	struct iovec own = {bytes, sizeof(bytes)},
		     other = {(void *)world_number("address"), sizeof(bytes)};
	if (process_vm_readv(bystander(), &own, 1, &other, 1, 0) < 0)
		return held("process_vm_readv");
	return find_secret(bytes, sizeof(bytes), "process_vm_readv");
}

enum verdict attempt_write_memory(void)
{
	struct iovec own = {SCRIBBLE, sizeof(SCRIBBLE)},
		     other = {(void *)world_number("address"), sizeof(SCRIBBLE)};
	if (process_vm_writev(bystander(), &own, 1, &other, 1, 0) < 0)
		return held("process_vm_writev");
	return done("process_vm_writev");
}

enum verdict attempt_open_memory(void)
{
	char bytes[64] = "";
	int fd = open(text("/proc/%d/mem", bystander()), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, bytes, sizeof(bytes), world_number("address")) < 0)
		return held("/proc/PID/mem");
	return find_secret(bytes, sizeof(bytes), "/proc/PID/mem");
}

enum verdict attempt_steal_descriptor(void)
{
	char bytes[64] = "";
	int process = (int)syscall(SYS_pidfd_open, bystander(), 0);
	int fd = (int)syscall(SYS_pidfd_getfd, process, world_number("secret_fd"), 0);
	if (process < 0 || fd < 0 || pread(fd, bytes, sizeof(bytes), 0) < 0)
		return held("pidfd_getfd");
	return find_secret(bytes, sizeof(bytes), "pidfd_getfd");
}

enum verdict attempt_compare_processes(void)
{
	enum { KCMP_FILE = 0 };
	if (syscall(SYS_kcmp, getpid(), bystander(), KCMP_FILE, 0, 0) < 0)
		return errno == ENOSYS ? impossible("kcmp") : held("kcmp");
	return escaped("descriptors were compared");
}

enum verdict attempt_environment(void)
{
	for (char **variable = environ; *variable; variable++)
		if (strstr(*variable, SECRET) || strncmp(*variable, "SSH_AUTH_SOCK=", 14) == 0)
			return escaped("the environment has %.20s", *variable);
	errno = 0;
	return held("the environment is clean");
}

enum verdict attempt_parent_environment(void)
{
	const pid_t pids[] = {bystander(), getppid(), 1};
	int error = 0;
	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++) {
		int fd = open(text("/proc/%d/environ", pids[i]), O_RDONLY | O_CLOEXEC);
		char bytes[65536];
		ssize_t size = read(fd, bytes, sizeof(bytes));
		if (size > 0 && memmem(bytes, (size_t)size, SECRET, strlen(SECRET)))
			return escaped("the environment of %d", pids[i]);
		error = errno;
	}
	errno = error;
	return held("/proc/PID/environ");
}

enum verdict attempt_lower_priority(void)
{
	return sent(setpriority(PRIO_PROCESS, (id_t)bystander(), 19), "setpriority");
}

enum verdict attempt_lower_group_priority(void)
{
	return sent(setpriority(PRIO_PGRP, 0, 19), "setpriority of the group");
}

enum verdict attempt_lower_group_io(void)
{
	enum { WHO_GROUP = 2, CLASS_IDLE = 3, CLASS_SHIFT = 13 };
	return sent(syscall(SYS_ioprio_set, WHO_GROUP, 0, CLASS_IDLE << CLASS_SHIFT),
		"ioprio_set of the group");
}

enum verdict attempt_pin_process(void)
{
	/* To all the CPUs it may use anyway: what counts is that it is obeyed. */
	cpu_set_t set;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0 ||
		sched_setaffinity(bystander(), sizeof(set), &set) < 0)
		return held("sched_setaffinity");
	return escaped("sched_setaffinity was obeyed");
}

enum verdict attempt_limit_process(void)
{
	struct rlimit limit = {};
	if (prlimit(bystander(), RLIMIT_CORE, NULL, &limit) < 0)
		return held("prlimit");
	return escaped("limits of another process were read");
}

enum verdict attempt_raise_priority(void)
{
	struct sched_param parameter = {.sched_priority = 1};
	if (setpriority(PRIO_PROCESS, 0, -5) < 0 &&
		sched_setscheduler(0, SCHED_FIFO, &parameter) < 0)
		return held("setpriority");
	return escaped("runs before others");
}

/* Core dumps are written by the kernel, or handed to a program that runs outside. */
enum verdict attempt_core_dump(void)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	char pattern[256] = "";
	ssize_t size = read(fd, pattern, sizeof(pattern) - 1);
	if (size > 0 && (pattern[0] == '|' || pattern[0] == '/'))
		return impossible("core dumps go elsewhere: %s", pattern);
	struct rlimit limit;
	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (chdir(in_world("given")) < 0 || setrlimit(RLIMIT_CORE, &limit) < 0)
		return held("RLIMIT_CORE");
	pid_t child = fork();
	if (child == 0)
		abort();
	int status = 0;
	waitpid(child, &status, 0);
	errno = 0;
	return WCOREDUMP(status) ? escaped("a core dump was written")
				 : held("no core dump was written");
}
