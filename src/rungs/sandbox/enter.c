// SPDX-License-Identifier: Apache-2.0

/*
 * The caller's side of `enter`: asks PID 1 of a sandbox for a program and stays with it.
 *
 * On a terminal the program gets one of its own, as in a new window, and this process carries the
 * bytes: the terminal we sit at has a session already, whose shell keeps control of it.
 */

#include "base/error.h"
#include "base/kernel.h"
#include "base/text.h"
#include "rungs/sandbox/internal.h"
#include "walls/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

struct visit {
	int connection, signal_fd;
	int master; /* of the program's own terminal, -1 */
	int slave;  /* until it is handed over */
	bool raw;
	struct termios saved;
	bool input_ended;
};

static void visit_fini(struct visit *visit)
{
	if (visit->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &visit->saved);
	close_now(visit->connection);
	close_now(visit->signal_fd);
	close_now(visit->master);
	close_now(visit->slave);
}

/* ---- asking ------------------------------------------------------------------------------ */

static uint32_t add_strings(struct text *text, const char *const *strings)
{
	uint32_t count = 0;
	for (; strings[count]; count++)
		text_add_bytes(text, strings[count], strlen(strings[count]) + 1);
	return count;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return refuse(-ENAMETOOLONG, "the socket %s has too long a path", path);
	memcpy(address.sun_path, path, strlen(path));
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail(-errno, "reach the sandbox");
	return take_fd(fd);
}

static int send_call(const struct visit *visit, const struct text *text)
{
	const int fds[3] = {visit->slave >= 0 ? visit->slave : STDIN_FILENO,
		visit->slave >= 0 ? visit->slave : STDOUT_FILENO,
		visit->slave >= 0 ? visit->slave : STDERR_FILENO};
	char control[CMSG_SPACE(sizeof(fds))] = {};
	struct iovec part = {text->bytes, text->length};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(head), fds, sizeof(fds));
	int room = SANDBOX_CALL_MAX * 2;
	(void)setsockopt(visit->connection, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (sendmsg(visit->connection, &message, MSG_NOSIGNAL) < 0)
		return fail(-errno, "ask the sandbox for a program");
	return 0;
}

static int ask(const struct sandbox_entry *entry, const struct visit *visit)
{
	autofini(text_fini) struct text text = {};
	struct sandbox_call call = {
		.magic = SANDBOX_CALL_MAGIC, .terminal = visit->slave >= 0 ? 1 : 0};
	const char *directory = entry->directory ? entry->directory : "";
	text_add_bytes(&text, &call, sizeof(call));
	text_add_bytes(&text, directory, strlen(directory) + 1);
	call.argument_count = add_strings(&text, entry->arguments);
	call.environment_count = add_strings(&text, entry->environment);
	if (text.length > SANDBOX_CALL_MAX)
		return refuse(-E2BIG, "the command and its environment are too long (%zu bytes)",
			text.length);
	call.total_bytes = (uint32_t)text.length;
	memcpy(text.bytes, &call, sizeof(call));
	return send_call(visit, &text);
}

/* ---- a terminal --------------------------------------------------------------------------- */

static void copy_size(const struct visit *visit)
{
	struct winsize size;
	if (visit->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(visit->master, TIOCSWINSZ, &size);
}

static int open_terminal(struct visit *visit)
{
	int unlocked = 0;
	visit->master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (visit->master < 0 || ioctl(visit->master, TIOCSPTLCK, &unlocked) < 0)
		return fail(-errno, "allocate a terminal");
	visit->slave = ioctl(visit->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (visit->slave < 0)
		return fail(-errno, "open the terminal");
	copy_size(visit);
	if (tcgetattr(STDIN_FILENO, &visit->saved) < 0)
		return 0;
	struct termios raw = visit->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return fail(-errno, "prepare the terminal");
	visit->raw = true;
	return 0;
}

/* True if there was something. */
static bool carry(int from, int to)
{
	char bytes[8192];
	ssize_t n = read(from, bytes, sizeof(bytes));
	for (ssize_t done = 0; done < n;) {
		ssize_t written = write(to, bytes + done, (size_t)(n - done));
		if (written < 0 && errno != EINTR)
			return false;
		done += written > 0 ? written : 0;
	}
	return n > 0;
}

/* ---- staying ------------------------------------------------------------------------------- */

static void pass_signals(const struct visit *visit)
{
	struct signalfd_siginfo info;
	while (read(visit->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int32_t number = (int32_t)info.ssi_signo;
		if (number == SIGWINCH)
			copy_size(visit);
		else
			(void)send(visit->connection, &number, sizeof(number),
				MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

/* 1: the end, *ret_status is set; 0: go on. */
static int hear(const struct visit *visit, int *ret_status)
{
	struct handoff_report report;
	ssize_t n = recv(visit->connection, &report, sizeof(report), 0);
	if (n == (ssize_t)sizeof(struct sandbox_farewell)) {
		memcpy(ret_status, &report, sizeof(int32_t));
		return 1;
	}
	if (n <= 0) {
		/* PID 1 has ended, and with it all programs. */
		*ret_status = 128 + SIGKILL;
		return 1;
	}
	if (report.kind != HANDOFF_FAILED)
		return 0;
	int r = error_adopt(-ECANCELED, report.text, report.advice);
	error_set_exit_status(report.exit_status);
	return r;
}

static int stay(struct visit *visit, int *ret_status)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = visit->connection, .events = POLLIN},
			{.fd = visit->signal_fd, .events = POLLIN},
			{.fd = visit->master, .events = POLLIN},
			{.fd = visit->master >= 0 && !visit->input_ended ? STDIN_FILENO : -1,
				.events = POLLIN},
		};
		if (poll(fds, array_length(fds), -1) < 0 && errno != EINTR)
			return fail(-errno, "wait for the program");
		if (fds[1].revents)
			pass_signals(visit);
		if (fds[3].revents && !carry(STDIN_FILENO, visit->master))
			visit->input_ended = true;
		bool written = fds[2].revents && carry(visit->master, STDOUT_FILENO);
		/* The last words come before the farewell is heard. */
		if (fds[0].revents && !written) {
			int r = hear(visit, ret_status);
			if (r)
				return r < 0 ? r : 0;
		} else if (fds[2].revents && !written) {
			close_now(visit->master);
		}
	}
}

int sandbox_enter(const struct sandbox_entry *entry, int *ret_status)
{
	autofini(visit_fini) struct visit visit = {
		.connection = -1, .signal_fd = -1, .master = -1, .slave = -1};
	visit.connection = connect_to(entry->socket);
	if (visit.connection < 0)
		return visit.connection;
	sigset_t set;
	sigfillset(&set);
	for (int number = SIGTSTP; number <= SIGTTOU; number++)
		sigdelset(&set, number);
	sigdelset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fail(-errno, "block signals");
	visit.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (visit.signal_fd < 0)
		return fail(-errno, "watch signals");
	int r = entry->terminal ? open_terminal(&visit) : 0;
	if (r == 0)
		r = ask(entry, &visit);
	close_now(visit.slave);
	return r < 0 ? r : stay(&visit, ret_status);
}
