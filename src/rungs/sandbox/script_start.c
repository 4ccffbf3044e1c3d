// SPDX-License-Identifier: Apache-2.0

/*
 * The monitor of a scripted sandbox: makes the child, says outside who it is, waits.
 *
 * A pid namespace is joined here, because that counts for children only: the child is born in it.
 * Where it is to be in a new one inside that, a process between the two makes the child, as the
 * monitor's own (CLONE_PARENT), and ends; the child says its pid itself, by a datagram to which the
 * kernel writes the number that the monitor knows it by.
 *
 * The monitor leaves when the program ends. What else runs goes on, held by init.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"
#include "rungs/sandbox/script_internal.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct monitor {
	struct sandbox_script *script;
	int channel_fd, pidfd;
	pid_t pid;
	uid_t uid; /* ours, in the user namespace where we began */
	gid_t gid;
	bool executed; /* the program, or nearly */
	int failure;   /* negative: the child's story is the present one */
	int status;    /* -1: not known yet */
};

/* ---- beginnings ------------------------------------------------------------------------------ */

void sandbox_script_init(struct sandbox_script *ret_script)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	uint64_t own = 0;
	if (getuid() == 0 && syscall(SYS_capget, &header, data) == 0)
		own = (uint64_t)data[1].effective << 32 | data[0].effective;
	*ret_script = (struct sandbox_script){
		.userns_fd = -1,
		.second_userns_fd = -1,
		.pidns_fd = -1,
		.uid = getuid(),
		.gid = getgid(),
		.capabilities = own,
		.sync_fd = -1,
		.block_fd = -1,
		.userns_block_fd = -1,
		.info_fd = -1,
		.status_fd = -1,
		.filter_fd = -1,
	};
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void script_close_others(int *kept, size_t count)
{
	qsort(kept, count, sizeof(int), compare);
	unsigned from = 3;
	for (size_t i = 0; i < count; i++) {
		if (kept[i] < (int)from)
			continue;
		if (kept[i] > (int)from)
			(void)kernel_close_range(from, (unsigned)kept[i] - 1, 0);
		from = (unsigned)kept[i] + 1;
	}
	(void)kernel_close_range(from, ~0u, 0);
}

/* ---- the child --------------------------------------------------------------------------------
 */

[[gnu::noreturn]] static void be_child(const struct monitor *monitor, int channel_fd)
{
	struct sandbox_script *script = monitor->script;
	const int ours[] = {script->userns_fd, script->pidns_fd, script->second_userns_fd,
		script->userns_block_fd};
	for (size_t i = 0; i < array_length(ours); i++)
		if (ours[i] >= 0)
			(void)fcntl(ours[i], F_SETFD, FD_CLOEXEC);
	struct script_child child = {.script = script,
		.channel_fd = channel_fd,
		.gated = script->info_fd >= 0 || script->status_fd >= 0 ||
			 script->userns_block_fd >= 0,
		.outer_uid = monitor->uid,
		.outer_gid = monitor->gid,
		.proc_fd = -1};
	_exit(script_child_live(&child));
}

/* Born in the joined pid namespace: makes the child in one below it. */
[[gnu::noreturn]] static void be_between(const struct monitor *monitor, int channel_fd)
{
	struct clone_args arguments = {.flags = CLONE_PARENT | CLONE_NEWPID};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0) {
		script_tell(channel_fd, SCRIPT_BORN, 0);
		be_child(monitor, channel_fd);
	}
	if (pid < 0) {
		(void)fail(pid, "unshare pid ns");
		script_tell_failure(channel_fd);
	}
	_exit(pid < 0);
}

static int clone_failed(const struct sandbox_script *script, int r)
{
	bool user = script->namespaces & CLONE_NEWUSER;
	if (user && r == -EINVAL)
		return refuse(r, "Creating new namespace failed, likely because the kernel does "
				 "not support user namespaces.");
	if (user && r == -EPERM)
		return refuse(r, "No permissions to create a new namespace, likely because the "
				 "kernel does not allow non-privileged user namespaces. On e.g. "
				 "debian this can be enabled with 'sysctl "
				 "kernel.unprivileged_userns_clone=1'.");
	if (r == -ENOSPC)
		return refuse(r, "Creating new namespace failed: nesting depth or "
				 "/proc/sys/user/max_*_namespaces exceeded (ENOSPC)");
	return fail(r, "Creating new namespace failed");
}

static int join(const struct sandbox_script *script)
{
	if (script->userns_fd >= 0 && setns(script->userns_fd, CLONE_NEWUSER) < 0) {
		if (errno == EINVAL)
			return refuse(-EINVAL,
				"Joining the specified user namespace failed, it might not be a "
				"descendant of the current user namespace.");
		return fail(-errno, "Joining specified user namespace failed");
	}
	if (script->pidns_fd >= 0 && setns(script->pidns_fd, CLONE_NEWPID) < 0)
		return fail(-errno, "Setting pidns failed");
	return 0;
}

/* From the process between us and the child we learn the child; then it is waited for. */
static int meet_child(struct monitor *monitor)
{
	struct handoff_report report;
	char control[CMSG_SPACE(sizeof(struct ucred))] = {};
	struct iovec part = {&report, sizeof(report)};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(monitor->channel_fd, &message, 0);
	int status;
	(void)waitpid(monitor->pid, &status, 0);
	if (n >= (ssize_t)sizeof(report) && report.kind == HANDOFF_FAILED)
		return error_adopt(-ECANCELED, report.text, report.advice);
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (n < (ssize_t)HANDOFF_REPORT_BARE || !head || head->cmsg_type != SCM_CREDENTIALS)
		return refuse(-ECHILD, "the sandbox ended before it was there");
	struct ucred credentials;
	memcpy(&credentials, CMSG_DATA(head), sizeof(credentials));
	monitor->pid = credentials.pid;
	close_now(monitor->pidfd);
	monitor->pidfd = kernel_pidfd_open(credentials.pid);
	return monitor->pidfd < 0 ? fail(monitor->pidfd, "watch the sandbox") : 0;
}

static int make_child(struct monitor *monitor)
{
	const struct sandbox_script *script = monitor->script;
	bool between = script->pidns_fd >= 0 && script->namespaces & CLONE_NEWPID;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	monitor->channel_fd = ends[0];
	autoclose int inner_fd = ends[1];
	int on = 1;
	if (between && setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return fail(-errno, "watch the sandbox");
	int r = join(script);
	if (r < 0)
		return r;
	struct clone_args arguments = {
		.flags = CLONE_PIDFD | CLONE_NEWNS |
			 (script->namespaces & ~(between ? CLONE_NEWPID : 0u)),
		.pidfd = (uint64_t)(uintptr_t)&monitor->pidfd,
		.exit_signal = SIGCHLD,
	};
	monitor->pid = kernel_clone3(&arguments);
	if (monitor->pid == 0) {
		(void)close(ends[0]);
		if (between)
			be_between(monitor, inner_fd);
		be_child(monitor, inner_fd);
	}
	if (monitor->pid < 0)
		return clone_failed(script, monitor->pid);
	close_now(inner_fd);
	return between ? meet_child(monitor) : 0;
}

/* ---- what is said outside -----------------------------------------------------------------------
 */

static void add_namespaces(const struct monitor *monitor, const char *separator, struct text *text)
{
	static const struct {
		const char *name;
		unsigned flag;
	} kinds[] = {{"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC}, {"mnt", 0},
		{"net", CLONE_NEWNET}, {"pid", CLONE_NEWPID}, {"uts", CLONE_NEWUTS}};
	for (size_t i = 0; i < array_length(kinds); i++) {
		char path[64];
		struct stat status;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", monitor->pid, kinds[i].name);
		if (kinds[i].flag && !(monitor->script->namespaces & kinds[i].flag))
			continue;
		if (stat(path, &status) == 0)
			text_format(text, ",%s\"%s-namespace\": %ju", separator, kinds[i].name,
				(uintmax_t)status.st_ino);
	}
}

static int tell_info(struct monitor *monitor)
{
	struct sandbox_script *script = monitor->script;
	autofini(text_fini) struct text info = {}, line = {};
	int r = 0;
	if (script->info_fd >= 0) {
		text_format(&info, "{\n    \"child-pid\": %i", monitor->pid);
		add_namespaces(monitor, "\n    ", &info);
		text_add(&info, "\n}\n");
		r = fs_write_all(script->info_fd, text_get(&info), info.length);
		close_now(script->info_fd);
	}
	if (r == 0 && script->status_fd >= 0) {
		text_format(&line, "{ \"child-pid\": %i", monitor->pid);
		add_namespaces(monitor, " ", &line);
		text_add(&line, " }\n");
		r = fs_write_all(script->status_fd, text_get(&line), line.length);
	}
	return r < 0 ? fail(r, "Write to info_fd") : 0;
}

static void tell_status(const struct monitor *monitor)
{
	char line[40];
	int length = snprintf(line, sizeof(line), "{ \"exit-code\": %i }\n", monitor->status);
	if (monitor->script->status_fd >= 0 && monitor->executed && monitor->failure == 0)
		(void)!fs_write_all(monitor->script->status_fd, line, (size_t)length);
}

/* What we still may is nothing that a monitor needs. */
static void lower(const struct monitor *monitor)
{
	const struct sandbox_script *script = monitor->script;
	int kept[] = {monitor->channel_fd, monitor->pidfd, script->status_fd,
		script->userns_block_fd, script->info_fd};
	script_close_others(kept, array_length(kept));
	(void)script_set_capabilities(0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int let_go(struct monitor *monitor)
{
	struct sandbox_script *script = monitor->script;
	pid_t parent = getppid();
	int r = tell_info(monitor);
	if (r == 0 && script->second_userns_fd >= 0 &&
		setns(script->second_userns_fd, CLONE_NEWUSER) < 0)
		r = fail(-errno, "Setting userns2 failed");
	if (r == 0 && script->die_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		r = fail(-errno, "prctl");
	if (script->die_with_parent && getppid() != parent)
		_exit(1);
	if (r == 0)
		lower(monitor);
	char go = 1;
	if (r == 0 && script->userns_block_fd >= 0) {
		while (read(script->userns_block_fd, &go, 1) < 0 && errno == EINTR)
			;
		close_now(script->userns_block_fd);
	}
	go = 1;
	if (r == 0)
		(void)send(monitor->channel_fd, &go, sizeof(go), MSG_NOSIGNAL);
	return r;
}

/* ---- waiting
 * ---------------------------------------------------------------------------------------- */

/* Everything that is there to be heard. */
static void hear(struct monitor *monitor)
{
	struct handoff_report report;
	while (recv(monitor->channel_fd, &report, sizeof(report), MSG_DONTWAIT) >=
		(ssize_t)HANDOFF_REPORT_BARE) {
		if (report.kind == HANDOFF_READY)
			monitor->executed = true;
		else if (report.kind == SCRIPT_ENDED)
			monitor->status = report.exit_status;
		else if (report.kind == HANDOFF_FAILED)
			monitor->failure = error_adopt(-ECANCELED, report.text, report.advice);
	}
}

static int wait_for_end(struct monitor *monitor)
{
	struct pollfd fds[] = {{.fd = monitor->pidfd, .events = POLLIN},
		{.fd = monitor->channel_fd, .events = POLLIN}};
	while (monitor->status < 0) {
		if (poll(fds, array_length(fds), -1) < 0 && errno != EINTR)
			return fail(-errno, "poll");
		if (fds[1].revents)
			hear(monitor);
		if (fds[1].revents & POLLHUP)
			fds[1].fd = -1; /* the program runs, and nobody stands before it */
		if (monitor->status < 0 && fds[0].revents) {
			int status = 0;
			int r = process_reap(monitor->pidfd, &status);
			if (r < 0)
				return fail(r, "wait for the sandbox");
			monitor->status = process_exit_code(status);
			hear(monitor);
		}
	}
	return monitor->failure;
}

int sandbox_script_run(struct sandbox_script *script, int *ret_status)
{
	struct monitor monitor = {.script = script,
		.channel_fd = -1,
		.pidfd = -1,
		.uid = getuid(),
		.gid = getgid(),
		.status = -1};
	(void)signal(SIGCHLD, SIG_DFL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(-errno, "prctl(PR_SET_NO_NEW_PRIVS) failed");
	int r = make_child(&monitor);
	if (r == 0)
		r = let_go(&monitor);
	if (r < 0 && monitor.pidfd >= 0)
		(void)kernel_pidfd_send_signal(monitor.pidfd, SIGKILL);
	if (r == 0)
		r = wait_for_end(&monitor);
	if (r == 0)
		tell_status(&monitor);
	if (r == 0)
		*ret_status = monitor.status;
	return r;
}
