// SPDX-License-Identifier: Apache-2.0

/*
 * The starter: makes PID 1 and waits for it to say into the channel what it could not do, or how
 * the program ended. By then nobody is left inside but PID 1; the kernel takes longer to take the
 * namespaces down than all of the start took, and only who needs the mounts gone waits for that.
 */

#include "base/error.h"
#include "base/kernel.h"
#include "base/log.h"
#include "base/process.h"
#include "rungs/sandbox/internal.h"
#include "walls/namespaces.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { DOOR_PATIENCE_MS = 5000 };

struct waiting {
	const struct sandbox_request *request;
	pid_t pid;
	int pidfd, signal_fd, channel_fd; /* channel_fd: -1 when nothing more will come */
	int failure;                      /* what PID 1 has reported, its story told */
	int status;                       /* the program's, -1 before PID 1 has said it */
};

/* ---- what PID 1 has said ---------------------------------------------------------------- */

static void hear(struct waiting *waiting)
{
	union {
		uint32_t kind;
		struct handoff_report report;
		struct sandbox_end end;
	} heard = {};
	ssize_t n;
	while ((n = recv(waiting->channel_fd, &heard, sizeof(heard), MSG_DONTWAIT)) > 0) {
		if (heard.kind == SANDBOX_END)
			waiting->status = heard.end.status;
		else if (heard.kind == HANDOFF_WARNING)
			warn("%s", heard.report.text);
		else if (heard.kind == HANDOFF_FAILED) {
			waiting->failure =
				error_adopt(-ECANCELED, heard.report.text, heard.report.advice);
			error_set_exit_status(heard.report.exit_status);
		}
	}
	if (n == 0)
		waiting->channel_fd = -1;
}

/* ---- waiting ---------------------------------------------------------------------------- */

/* Signals by which the kernel speaks to us alone, or which the program has had as well. */
static bool is_ours(const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;
	bool faults = number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL;
	return number == SIGCHLD || number == SIGPIPE || faults || info->ssi_code == SI_KERNEL;
}

/* Stopped by the terminal's Ctrl-Z we stop with the program, so that the shell sees it. */
static void stop_with_it(int number)
{
	if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
		(void)kill(getpid(), SIGSTOP);
}

static int hand_on(int signal_fd, pid_t pid)
{
	struct signalfd_siginfo info;
	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_code == SI_KERNEL)
			stop_with_it((int)info.ssi_signo);
		if (!is_ours(&info))
			(void)kill(pid, (int)info.ssi_signo);
	}
	return 0;
}

static bool is_over(const struct waiting *waiting)
{
	return waiting->status >= 0 && !waiting->request->settle;
}

/* Its status, or the failure that it reported. */
static int wait_for_end(struct waiting *waiting)
{
	bool ended = false;
	while (!ended && !is_over(waiting)) {
		struct pollfd fds[] = {{.fd = waiting->pidfd, .events = POLLIN},
			{.fd = waiting->signal_fd, .events = POLLIN},
			{.fd = waiting->channel_fd, .events = POLLIN}};
		if (poll(fds, array_length(fds), -1) < 0 && errno != EINTR)
			return fail(-errno, "wait for the sandbox");
		if (fds[1].revents)
			(void)hand_on(waiting->signal_fd, waiting->pid);
		ended = fds[0].revents;
		if (fds[2].revents)
			hear(waiting);
	}
	int status = 0;
	int r = ended ? process_reap(waiting->pidfd, &status) : 0;
	if (waiting->failure < 0 || r < 0)
		return waiting->failure < 0 ? waiting->failure : r;
	return waiting->status >= 0 ? waiting->status : process_exit_code(status);
}

/* ---- starting ---------------------------------------------------------------------------- */

static int explain_clone(int error)
{
	int r = fail(error, "make namespaces");
	if (error == -EPERM || error == -ENOSPC || error == -EINVAL)
		hint("user namespaces are switched off here: look at the sysctls "
		     "user.max_user_namespaces, kernel.unprivileged_userns_clone and "
		     "kernel.apparmor_restrict_unprivileged_userns");
	return r;
}

static int clone_inside(struct sandbox_inside *inside, int starter_fd, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args arguments = {
		/* The network namespace is made beside it: network.c. */
		.flags = CLONE_PIDFD |
			 (namespaces_new_flags(inside->request->plan) & ~(unsigned)CLONE_NEWNET),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0) {
		(void)close(starter_fd);
		sandbox_inside(inside);
	}
	*ret_pidfd = pidfd;
	return pid < 0 ? explain_clone(pid) : pid;
}

/* ---- with doors ---------------------------------------------------------------------------- */

struct doorkeeper {
	int pidfd;      /* of the supervisor, -1: there is none */
	int control_fd; /* its end sends rung-door home */
};

/* PID 1's pid, or what the supervisor or PID 1 failed at. */
static int hear_birth(int channel_fd, int supervisor_pidfd)
{
	struct pollfd fds[] = {
		{.fd = channel_fd, .events = POLLIN}, {.fd = supervisor_pidfd, .events = POLLIN}};
	union {
		struct sandbox_birth birth;
		struct handoff_report report;
	} heard = {};
	while (poll(fds, array_length(fds), -1) < 0 && errno == EINTR)
		;
	ssize_t n = recv(channel_fd, &heard, sizeof(heard), MSG_DONTWAIT);
	if (n == (ssize_t)sizeof(heard.birth) && heard.birth.kind == SANDBOX_BIRTH)
		return heard.birth.pid;
	if (n >= (ssize_t)HANDOFF_REPORT_BARE)
		return error_adopt(-ECANCELED, heard.report.text, heard.report.advice);
	return refuse(-ECHILD, "the sandbox's supervisor ended before its start");
}

static int clone_supervised(struct sandbox_inside *inside, int starter_fd, int *ret_pidfd,
	struct doorkeeper *ret_keeper)
{
	int ends[2], supervisor_pidfd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	struct clone_args arguments = {
		.flags = CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS,
		.pidfd = (uint64_t)(uintptr_t)&supervisor_pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0) {
		(void)close(starter_fd);
		(void)close(ends[0]);
		sandbox_supervise(inside, ends[1]);
	}
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return explain_clone(pid);
	}
	*ret_keeper = (struct doorkeeper){supervisor_pidfd, ends[0]};
	pid = hear_birth(starter_fd, supervisor_pidfd);
	if (pid < 0)
		return pid;
	*ret_pidfd = kernel_pidfd_open(pid);
	return *ret_pidfd < 0 ? fail(*ret_pidfd, "watch the sandbox") : pid;
}

/*
 * What goes out may wait for rung-door, its descriptors keep it. Who is to be reached from outside
 * wants to know that the port is his: rung-door, which has said why, ends without "ready".
 */
static int hear_ready(const struct doorkeeper *keeper, const struct sandbox_doors *doors)
{
	char word[8];
	bool listens = false;
	for (size_t i = 0; doors && doors->network && i < doors->permissions->count; i++)
		listens |= doors->permissions->items[i].kind == PERMISSION_LISTEN;
	if (!listens || recv(keeper->control_fd, word, sizeof(word), 0) > 0)
		return 0;
	return refuse(-ECANCELED, "the sandbox cannot be reached as it was allowed to");
}

/* What it has learned it writes down now; who does not come to an end is ended. */
static void dismiss(struct doorkeeper *keeper)
{
	int status;
	if (keeper->pidfd < 0)
		return;
	close_now(keeper->control_fd);
	if (process_wait_pidfd(keeper->pidfd, DOOR_PATIENCE_MS) < 0)
		(void)kernel_pidfd_send_signal(keeper->pidfd, SIGKILL);
	(void)!process_reap(keeper->pidfd, &status);
	close_now(keeper->pidfd);
}

static int check_kept(const struct sandbox_request *request)
{
	for (unsigned i = 0; i < request->keep_fds; i++)
		if (fcntl(3 + (int)i, F_GETFD) < 0)
			return refuse(-EBADF, "descriptor %u is not open", 3 + i);
	return 0;
}

int sandbox_run(struct sandbox_request *request, int *ret_status)
{
	autoclose int enter_fd = request->enter_fd;
	int r = check_kept(request);
	if (r < 0)
		return r;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	autoclose int channel_fd = ends[0], inner_fd = ends[1];
	sigset_t all;
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return fail(-errno, "block signals");
	/* Who ignores it does not learn how children end. What else is ignored stays so inside. */
	(void)signal(SIGCHLD, SIG_DFL);
	autoclose int signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return fail(-errno, "watch signals");

	struct sandbox_inside inside = {
		.request = request, .channel_fd = inner_fd, .supervisor_fd = -1};
	autofini(dismiss) struct doorkeeper keeper = {-1, -1};
	int pidfd_raw = -1;
	pid_t pid = request->doors ? clone_supervised(&inside, channel_fd, &pidfd_raw, &keeper)
				   : clone_inside(&inside, channel_fd, &pidfd_raw);
	if (pid < 0)
		return pid;
	autoclose int pidfd = pidfd_raw;
	close_now(inner_fd);
	close_now(enter_fd);
	r = hear_ready(&keeper, request->doors);
	if (r == 0 && request->born)
		r = request->born(pid, request->context);
	if (r == 0)
		(void)send(channel_fd, "", 1, MSG_NOSIGNAL); /* who is gone has said why */
	else
		(void)kernel_pidfd_send_signal(pidfd, SIGKILL);
	struct waiting waiting = {request, pid, pidfd, signal_fd, channel_fd, .status = -1};
	int ended = wait_for_end(&waiting);
	if (r < 0 || ended < 0)
		return r < 0 ? r : ended;
	*ret_status = ended;
	return 0;
}
