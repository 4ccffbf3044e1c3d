// SPDX-License-Identifier: Apache-2.0

/*
 * What PID 1 does while the program runs: bury orphans, hand signals on, let others in, watch the
 * clock. When the program ends, all that is left ends, and the starter hears the status.
 *
 * Signals come from outside only: from the starter by kill(2), and from a terminal, whose signals
 * have reached the program already. A program inside that signals us is not heard: the kernel keeps
 * PID 1 from harm, and what it would say is only told to the program again.
 */

#include "base/clock.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "rungs/sandbox/guests.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define TIME_IS_UP_STATUS 124 /* as timeout(1) says it */

struct attending {
	const struct sandbox_inside *inside;
	pid_t program;
	int status; /* -1: it still runs */
	struct sandbox_guests guests;
	int64_t deadline_ms; /* 0: none */
};

static int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void reap(struct attending *attending)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == attending->program)
			attending->status = status_code(status);
		else
			sandbox_guest_ended(&attending->guests, pid, status_code(status));
	}
}

static void hear_signals(struct attending *attending, int fd)
{
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int number = (int)info.ssi_signo;
		if (number == SIGCHLD)
			reap(attending);
		else if (info.ssi_code != SI_KERNEL)
			(void)kill(attending->program, number);
	}
}

static int wait_ms(const struct attending *attending)
{
	if (attending->deadline_ms == 0)
		return -1;
	int64_t left_ms = attending->deadline_ms - clock_monotonic_ms();
	return left_ms < 0 ? 0 : left_ms > 1000000 ? 1000000 : (int)left_ms;
}

static void attend_once(struct attending *attending, int signal_fd)
{
	struct pollfd fds[2 + SANDBOX_GUESTS_MAX] = {
		{.fd = signal_fd, .events = POLLIN},
		{.fd = attending->inside->request->enter_fd, .events = POLLIN},
	};
	size_t guests = sandbox_guests_poll(&attending->guests, fds + 2);
	int n = poll(fds, 2 + guests, wait_ms(attending));
	if (n == 0 && attending->deadline_ms && clock_monotonic_ms() >= attending->deadline_ms)
		attending->status = TIME_IS_UP_STATUS;
	if (n <= 0)
		return;
	if (fds[0].revents)
		hear_signals(attending, signal_fd);
	for (size_t i = 0; i < guests; i++)
		if (fds[2 + i].revents)
			sandbox_guest_hear(&attending->guests, fds[2 + i].fd);
	if (fds[1].revents)
		sandbox_guest_take(attending->inside, &attending->guests);
}

/*
 * What the kernel would do at our end; but so the starter can be told that it is done. Everybody
 * inside descends from us: without children we are alone, and need not have the kernel look at
 * each process of the machine.
 */
static void end_all(struct attending *attending)
{
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);
	if (pid >= 0)
		(void)kill(-1, SIGKILL);
	while (pid >= 0 || errno == EINTR) {
		if (pid > 0)
			sandbox_guest_ended(&attending->guests, pid, status_code(status));
		pid = waitpid(-1, &status, 0);
	}
}

int sandbox_attend(const struct sandbox_inside *inside, pid_t program)
{
	struct attending attending = {.inside = inside, .program = program, .status = -1};
	if (inside->request->time_ms)
		attending.deadline_ms = clock_monotonic_ms() + inside->request->time_ms;
	sigset_t all;
	sigfillset(&all);
	autoclose int signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return 125;
	reap(&attending);
	while (attending.status < 0)
		attend_once(&attending, signal_fd);
	end_all(&attending);
	const struct sandbox_end end = {.kind = SANDBOX_END, .status = attending.status};
	(void)send(inside->channel_fd, &end, sizeof(end), MSG_NOSIGNAL);
	return attending.status;
}
