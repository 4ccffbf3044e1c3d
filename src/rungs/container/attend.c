// SPDX-License-Identifier: Apache-2.0

/*
 * One loop over four descriptors: the program's pidfd, our signals, our standard input, the
 * terminal's master. Bytes wait in two small buffers, so that a program that does not read its
 * terminal cannot stop its own output, nor our signals. After the program has ended, what it wrote
 * is read to the end: the last line is never lost.
 */

#include "rungs/container/attend.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"
#include "walls/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

/* A direction of the relay: read from one side, kept until the other side takes it. */
struct pump {
	int from, to;
	char bytes[16384 + 16]; /* a filter may give back what it held */
	size_t start, length;
	bool closed; /* nothing more comes from the one side */
};

/* The buffer is not touched before it is needed: most programs have no terminal. */
static void pump_init(struct pump *pump, int from, int to)
{
	pump->from = from;
	pump->to = to;
	pump->start = pump->length = 0;
	pump->closed = false;
}

static void pump_read(struct pump *pump)
{
	ssize_t n = read(pump->from, pump->bytes, sizeof(pump->bytes) - 16);
	if (n > 0) {
		pump->start = 0;
		pump->length = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		pump->closed = true; /* a terminal whose other end is closed says EIO */
	}
}

static void pump_write(struct pump *pump)
{
	ssize_t n = write(pump->to, pump->bytes + pump->start, pump->length);
	if (n > 0) {
		pump->start += (size_t)n;
		pump->length -= (size_t)n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		pump->length = 0; /* nobody takes it any more; go on emptying the other side */
	}
}

/* Signals that are ours or the kernel's business, not the program's. */
static bool ours(int number)
{
	return number == SIGCHLD || number == SIGWINCH || number == SIGURG || number == SIGKILL ||
	       number == SIGSTOP || number == SIGSEGV || number == SIGBUS || number == SIGFPE ||
	       number == SIGILL || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU ||
	       number == SIGPIPE;
}

static int catch_signals(void)
{
	sigset_t set;
	sigfillset(&set);
	for (int number = 1; number < _NSIG; number++)
		if (ours(number) && number != SIGWINCH)
			sigdelset(&set, number);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int attend_begin(bool relay, struct attendant *ret_attendant)
{
	*ret_attendant = (struct attendant){
		.console_fd = -1, .receiver_fd = -1, .master = -1, .signal_fd = -1};
	int fd = catch_signals();
	if (fd < 0)
		return fail(fd, "watch signals");
	ret_attendant->signal_fd = fd;
	if (!relay)
		return 0;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	ret_attendant->receiver_fd = ends[0];
	ret_attendant->console_fd = ends[1];
	return 0;
}

void attend_fini(struct attendant *attendant)
{
	if (attendant->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &attendant->saved);
	close_now(attendant->console_fd);
	close_now(attendant->receiver_fd);
	close_now(attendant->master);
	close_now(attendant->signal_fd);
}

static void copy_window_size(const struct attendant *attendant)
{
	struct winsize size;
	if (attendant->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(attendant->master, TIOCSWINSZ, &size);
}

static int take_terminal(struct attendant *attendant)
{
	if (attendant->receiver_fd < 0)
		return 0;
	int master = receive_descriptor(attendant->receiver_fd);
	if (master < 0)
		return fail(master, "receive the terminal");
	attendant->master = master;
	if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return fail(-errno, "prepare the terminal");
	copy_window_size(attendant);
	if (tcgetattr(STDIN_FILENO, &attendant->saved) < 0)
		return 0; /* our input is not a terminal; bytes are carried all the same */
	struct termios raw = attendant->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return fail(-errno, "prepare the terminal");
	attendant->raw = true;
	return 0;
}

static void pass_signals(const struct attendant *attendant, int pidfd)
{
	struct signalfd_siginfo info;
	while (read(attendant->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			copy_window_size(attendant);
		else
			(void)kernel_pidfd_send_signal(pidfd, (int)info.ssi_signo);
	}
}

enum { WATCH_PROCESS, WATCH_SIGNALS, WATCH_INPUT, WATCH_MASTER, WATCH_OUTPUT, WATCH_COUNT };

static void watch(const struct attendant *attendant, const struct container_process *process,
	const struct pump *in, const struct pump *out, struct pollfd *fds)
{
	fds[WATCH_PROCESS] = (struct pollfd){.fd = process->pidfd, .events = POLLIN};
	fds[WATCH_SIGNALS] = (struct pollfd){.fd = attendant->signal_fd, .events = POLLIN};
	bool relay = attendant->master >= 0;
	fds[WATCH_INPUT] = (struct pollfd){
		.fd = relay && !in->closed && in->length == 0 ? in->from : -1, .events = POLLIN};
	short master_events = (short)((!out->closed && out->length == 0 ? POLLIN : 0) |
				      (in->length ? POLLOUT : 0));
	fds[WATCH_MASTER] = (struct pollfd){
		.fd = relay && !out->closed && master_events ? attendant->master : -1,
		.events = master_events};
	fds[WATCH_OUTPUT] =
		(struct pollfd){.fd = relay && out->length ? out->to : -1, .events = POLLOUT};
}

/* True when the person leaves. */
static bool take_input(const struct attendant *attendant, struct pump *in)
{
	pump_read(in);
	if (!attendant->filter || in->length == 0)
		return false;
	unsigned char typed[sizeof(in->bytes)];
	memcpy(typed, in->bytes, in->length);
	return attendant->filter(attendant->filter_context, typed, in->length,
		(unsigned char *)in->bytes, &in->length);
}

/* The program is gone; its terminal still holds what it wrote last. */
static void drain(struct pump *out)
{
	while (!out->closed || out->length) {
		if (out->length) {
			struct pollfd wait = {.fd = out->to, .events = POLLOUT};
			(void)poll(&wait, 1, -1);
			pump_write(out);
			continue;
		}
		pump_read(out);
		if (out->length == 0)
			break;
	}
}

int attend(struct attendant *attendant, const struct container_process *process)
{
	int r = take_terminal(attendant);
	if (r < 0)
		return r;
	struct pump in, out;
	pump_init(&in, STDIN_FILENO, attendant->master);
	pump_init(&out, attendant->master, STDOUT_FILENO);
	for (;;) {
		struct pollfd fds[WATCH_COUNT];
		watch(attendant, process, &in, &out, fds);
		if (poll(fds, WATCH_COUNT, -1) < 0 && errno != EINTR)
			return fail(-errno, "wait for the program");
		if (fds[WATCH_SIGNALS].revents)
			pass_signals(attendant, process->pidfd);
		if (fds[WATCH_INPUT].revents && take_input(attendant, &in))
			return ATTEND_DETACHED;
		if (fds[WATCH_MASTER].revents & POLLOUT)
			pump_write(&in);
		if (fds[WATCH_MASTER].revents & (POLLIN | POLLHUP | POLLERR))
			pump_read(&out);
		if (fds[WATCH_OUTPUT].revents)
			pump_write(&out);
		if (fds[WATCH_PROCESS].revents)
			break;
	}
	if (attendant->master >= 0)
		drain(&out);
	int status;
	r = process_reap(process->pidfd, &status);
	return r < 0 ? fail(r, "wait for the program") : process_exit_code(status);
}

void attend_detached(const struct attendant *attendant, const struct container_process *process)
{
	char unused[4096];
	struct pollfd fds[] = {{.fd = process->pidfd, .events = POLLIN},
		{.fd = attendant->master, .events = POLLIN}};
	while (poll(fds, array_length(fds), -1) < 0 || !fds[0].revents)
		if (fds[1].revents && read(attendant->master, unused, sizeof(unused)) < 0 &&
			errno != EAGAIN && errno != EINTR)
			fds[1].fd = -1;
}
