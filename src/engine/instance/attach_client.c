// SPDX-License-Identifier: Apache-2.0

/*
 * One loop over our standard input, the monitor's socket, our signals and our standard output. One
 * message from the monitor is in hand at a time; while standard output has no room for it the
 * socket is not read, which the monitor feels, and so the program.
 *
 * Standard output is often shared with others (a shell, a pipeline) and must not become
 * non-blocking for them. So it is written a page at a time, when poll(2) says that a page fits:
 * that never blocks on a pipe, and signals stay alive.
 */

#include "base/error.h"
#include "base/scope.h"
#include "engine/instance/attach.h"
#include "engine/instance/detach_keys.h"
#include "engine/instance/wire.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

struct carrier {
	struct attach_client *client;
	struct detach_keys keys;
	bool input_open, taken; /* there is more to read; the monitor waits for the next */
	bool input_is_terminal, terminal;
	bool raw;
	struct termios saved;
	/* What was received and not yet written. */
	int output_fd; /* 1 or 2 */
	const unsigned char *rest;
	size_t rest_length;
	bool ended;
	int status;
	unsigned char received[WIRE_MESSAGE_MAX], typed[WIRE_DATA_MAX - DETACH_KEYS_MAX],
		passed[WIRE_DATA_MAX];
};

/* ---- signals ---------------------------------------------------------------------------- */

/* What is ours or the kernel's business, not the program's. */
static bool is_ours(int number)
{
	static const unsigned char numbers[] = {SIGCHLD, SIGURG, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
		SIGFPE, SIGILL, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGPIPE};
	for (size_t i = 0; i < array_length(numbers); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* Without a proxy they end us, once the terminal was given back. */
static bool ends_us(int number)
{
	return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}

static int watch_signals(bool proxy)
{
	sigset_t set;
	sigemptyset(&set);
	for (int number = 1; number < _NSIG; number++)
		if (proxy ? !is_ours(number) : ends_us(number) || number == SIGWINCH)
			sigaddset(&set, number);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fail(-errno, "watch signals");
	(void)signal(SIGPIPE, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? fail(-errno, "watch signals") : fd;
}

/* ---- the terminal ------------------------------------------------------------------------ */

static void give_back(struct carrier *carrier)
{
	if (carrier->raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &carrier->saved);
	carrier->raw = false;
}

static void make_raw(struct carrier *carrier)
{
	if (!carrier->input_is_terminal || tcgetattr(STDIN_FILENO, &carrier->saved) < 0)
		return;
	struct termios raw = carrier->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0)
		carrier->raw = true;
}

static bool window_size(struct wire_size *ret_size)
{
	struct winsize size;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 &&
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return false;
	*ret_size = (struct wire_size){size.ws_row, size.ws_col};
	return true;
}

/* ---- beginning ---------------------------------------------------------------------------- */

int attach_client_begin(
	struct attach_client *client, int socket_fd, const struct attach_options *options)
{
	*client = (struct attach_client){socket_fd, -1, *options};
	int r = watch_signals(options->signal_proxy);
	if (r < 0)
		return r;
	client->signal_fd = r;
	struct wire_attach attach = {.version = WIRE_VERSION,
		.wants = (uint16_t)((options->input ? WIRE_WANTS_INPUT : 0) |
				    (options->output ? WIRE_WANTS_OUTPUT : 0) |
				    (options->error ? WIRE_WANTS_ERROR : 0) |
				    (options->foreground ? WIRE_FOREGROUND : 0))};
	if (window_size(&attach.size))
		attach.wants |= WIRE_HAS_SIZE;
	r = wire_send(socket_fd, WIRE_ATTACH, &attach, sizeof(attach));
	return r < 0 ? fail(r, "speak with the container's monitor") : 0;
}

void attach_client_fini(struct attach_client *client)
{
	close_now(client->socket_fd);
	close_now(client->signal_fd);
}

/* ---- to the monitor ------------------------------------------------------------------------ */

/* 0, or our exit status where a signal ends us. */
static int pass_signals(struct carrier *carrier)
{
	struct signalfd_siginfo info;
	int socket_fd = carrier->client->socket_fd;
	while (read(carrier->client->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int32_t number = (int32_t)info.ssi_signo;
		struct wire_size size;
		if (number == SIGWINCH) {
			if (window_size(&size))
				(void)!wire_send(socket_fd, WIRE_RESIZE, &size, sizeof(size));
		} else if (carrier->client->options.signal_proxy) {
			(void)!wire_send(socket_fd, WIRE_SIGNAL, &number, sizeof(number));
		} else {
			return 128 + number;
		}
	}
	return 0;
}

/* 0, or ATTACH_DETACHED. */
static int pass_input(struct carrier *carrier)
{
	int socket_fd = carrier->client->socket_fd;
	ssize_t n = read(STDIN_FILENO, carrier->typed, sizeof(carrier->typed));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		carrier->input_open = false;
		(void)!wire_send(socket_fd, WIRE_INPUT_END, NULL, 0);
		return 0;
	}
	size_t length;
	bool leave = detach_keys_filter(
		&carrier->keys, carrier->typed, (size_t)n, carrier->passed, &length);
	if (length && wire_send(socket_fd, WIRE_INPUT, carrier->passed, length) == 0)
		carrier->taken = false;
	if (!leave)
		return 0;
	(void)!wire_send(socket_fd, WIRE_DETACH, NULL, 0);
	return ATTACH_DETACHED;
}

/* ---- from the monitor ------------------------------------------------------------------------ */

static void begin_output(struct carrier *carrier, int fd, const struct wire_message *message)
{
	carrier->output_fd = fd;
	carrier->rest = message->bytes;
	carrier->rest_length = message->length;
}

/*
 * 0, or our exit status: `run … | head` has seen enough. The program goes on without us, as with
 * Docker and Podman, whose clients the signal kills.
 */
static int write_output(struct carrier *carrier)
{
	size_t most = PIPE_BUF;
	ssize_t n = write(carrier->output_fd, carrier->rest,
		carrier->rest_length < most ? carrier->rest_length : most);
	if (n > 0) {
		carrier->rest += n;
		carrier->rest_length -= (size_t)n;
	} else if (n < 0 && errno == EPIPE) {
		return 128 + SIGPIPE;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		carrier->rest_length = 0; /* a full disk, a terminal that hung up: go on */
	}
	return 0;
}

static void be_greeted(struct carrier *carrier, const struct wire_hello *hello)
{
	carrier->terminal = hello->terminal;
	carrier->input_open = carrier->client->options.input;
	carrier->taken = true;
	if (hello->terminal && carrier->input_open)
		make_raw(carrier);
	if (!carrier->input_is_terminal)
		carrier->keys.count = 0; /* what is piped in are bytes, not keys */
}

/* 1: the monitor has closed. */
static int receive(struct carrier *carrier)
{
	ssize_t n = recv(carrier->client->socket_fd, carrier->received, sizeof(carrier->received),
		MSG_TRUNC);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return 1;
	struct wire_message message;
	if (wire_read(carrier->received, (size_t)n, false, &message) < 0)
		return 0; /* of a later version: not for us */
	switch (message.kind) {
	case WIRE_HELLO:
		be_greeted(carrier, &message.hello);
		break;
	case WIRE_TAKEN:
		carrier->taken = true;
		break;
	case WIRE_OUTPUT:
		begin_output(carrier, STDOUT_FILENO, &message);
		break;
	case WIRE_ERROR:
		begin_output(carrier, STDERR_FILENO, &message);
		break;
	case WIRE_MESSAGE:
		(void)fprintf(stderr, "rung: %.*s%s\n", (int)message.length, message.bytes,
			carrier->raw ? "\r" : "");
		break;
	case WIRE_EXIT:
		carrier->ended = true;
		carrier->status = message.number;
		carrier->input_open = false;
		give_back(carrier);
		break;
	default:
		break;
	}
	return 0;
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

enum { WATCH_SOCKET, WATCH_SIGNALS, WATCH_INPUT, WATCH_OUTPUT, WATCH_COUNT };

static void watch(const struct carrier *carrier, struct pollfd *fds)
{
	bool writing = carrier->rest_length > 0;
	fds[WATCH_SOCKET] =
		(struct pollfd){.fd = writing ? -1 : carrier->client->socket_fd, .events = POLLIN};
	fds[WATCH_SIGNALS] = (struct pollfd){.fd = carrier->client->signal_fd, .events = POLLIN};
	fds[WATCH_INPUT] = (struct pollfd){
		.fd = carrier->input_open && carrier->taken ? STDIN_FILENO : -1, .events = POLLIN};
	fds[WATCH_OUTPUT] =
		(struct pollfd){.fd = writing ? carrier->output_fd : -1, .events = POLLOUT};
}

static int carry(struct carrier *carrier, bool wait_for_end)
{
	for (;;) {
		struct pollfd fds[WATCH_COUNT];
		watch(carrier, fds);
		if (poll(fds, WATCH_COUNT, -1) < 0) {
			if (errno != EINTR)
				return fail(-errno, "wait for the program");
			continue;
		}
		int over = fds[WATCH_SIGNALS].revents ? pass_signals(carrier) : 0;
		if (!over && fds[WATCH_OUTPUT].revents)
			over = write_output(carrier);
		if (!over && fds[WATCH_INPUT].revents)
			over = pass_input(carrier);
		if (over)
			return over;
		if (!fds[WATCH_SOCKET].revents)
			continue;
		int closed = receive(carrier);
		if (carrier->ended && (closed || !wait_for_end))
			return carrier->status;
		if (closed)
			return refuse(-ECONNRESET, "the container's monitor is gone");
	}
}

int attach_client(struct attach_client *client, bool wait_for_end)
{
	autofree struct carrier *carrier = malloc(sizeof(*carrier));
	if (!carrier)
		return fail(-ENOMEM, "attach");
	/* Not the buffers, which would only touch pages that are not needed. */
	memset(carrier, 0, offsetof(struct carrier, received));
	carrier->client = client;
	carrier->input_is_terminal = client->options.input && isatty(STDIN_FILENO);
	autofini(arena_fini) struct arena arena = {};
	const char *keys = client->options.detach_keys;
	if (!keys && carrier->input_is_terminal)
		keys = attach_default_keys(&arena);
	int r = keys ? detach_keys_read(keys, &carrier->keys) : 0;
	if (r < 0)
		return r;
	r = carry(carrier, wait_for_end);
	give_back(carrier);
	return r;
}
