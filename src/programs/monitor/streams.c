// SPDX-License-Identifier: Apache-2.0

/*
 * From the program to the log and to all who are attached; from them to the program.
 *
 * Output: one chunk at a time. It is read, kept in the log, offered to every client; while some
 * client has no room for it (and only then) nothing more is read. So the program waits for a slow
 * reader as in a pipe, nothing is lost, and memory does not grow. The foreground of `run` may take
 * for ever, as Docker's does; another client that takes nothing for STALL_MS is let go.
 *
 * Input: each client may have one message on its way (WIRE_TAKEN). What the program does not take
 * at once is kept with that client until it does.
 *
 * The end: what is still in the pipes is read and logged whatever the clients do. Those who have
 * not read it get a process of their own that stays with them (farewell.c), so that the container
 * is over when it is over, and `run … | less` still shows everything.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"
#include "farewell.h"
#include "log.h"
#include "monitor.h"
#include "program.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CLIENTS_MAX 64
#define STALL_MS 10000

struct client {
	struct client *next;
	struct loop_watch *watch;
	int fd;
	unsigned wants;
	bool attached;       /* has said what it wants */
	bool behind;         /* has not taken the present chunk */
	bool input_ended;    /* said so, or left */
	size_t put_by;       /* at the end: where in the farewell its first missing chunk is */
	unsigned char *held; /* input that the program has not taken */
	size_t held_length;
};

struct source {
	int fd;
	struct loop_watch *watch;
	enum wire_kind kind;
	enum log_stream stream;
};

struct streams {
	struct loop *loop;
	const struct stream_settings *settings;
	struct program program; /* its input, its terminal, its signals */
	struct source sources[2];
	struct client *clients;
	unsigned client_count;
	struct loop_watch *listener, *stall;
	bool left;    /* the foreground has detached: the container is on its own */
	bool resting; /* nothing is read until the clients have caught up */
	enum wire_kind chunk_kind;
	size_t chunk_length;
	char client_words[CLIENTS_MAX * 8];
};

static struct streams the_streams;

/* Touched only where bytes pass. */
static unsigned char chunk[WIRE_DATA_MAX];
static unsigned char received[WIRE_MESSAGE_MAX];

static int on_source(struct loop_watch *watch, int fd, uint32_t events, void *context);
static int on_client(struct loop_watch *watch, int fd, uint32_t events, void *context);

/* ---- resting and going on -------------------------------------------------------------- */

/* A descriptor whose other end is closed reports that always: not watching it is the only rest. */
static void rest(struct streams *streams)
{
	streams->resting = true;
	for (struct source *source = streams->sources; source < streams->sources + 2; source++) {
		loop_remove(source->watch);
		source->watch = NULL;
	}
}

static void go_on(struct streams *streams)
{
	streams->resting = false;
	for (struct source *source = streams->sources; source < streams->sources + 2; source++)
		if (source->fd >= 0 && !source->watch &&
			loop_add_fd(streams->loop, source->fd, EPOLLIN, on_source, source,
				&source->watch) < 0)
			error_clear(); /* no memory: what comes is read at the end */
}

static bool wants(const struct client *client, enum wire_kind kind)
{
	return client->attached &&
	       client->wants & (kind == WIRE_ERROR ? WIRE_WANTS_ERROR : WIRE_WANTS_OUTPUT);
}

/* Goes on if nobody is behind. */
static void catch_up(struct streams *streams)
{
	bool waiting = false, impatient = false;
	for (struct client *client = streams->clients; client; client = client->next) {
		/* The foreground gets everything: nothing is read before it has said what. */
		bool unready = !client->attached && client->wants & WIRE_FOREGROUND;
		waiting |= client->behind || unready;
		impatient |= client->behind && !(client->wants & WIRE_FOREGROUND);
	}
	if (!impatient) {
		loop_remove(streams->stall);
		streams->stall = NULL;
	}
	if (!waiting && streams->resting)
		go_on(streams);
}

/* ---- clients ------------------------------------------------------------------------------ */

static void input_is_over(struct streams *streams, struct client *client)
{
	if (client->input_ended || !(client->wants & WIRE_WANTS_INPUT))
		return;
	client->input_ended = true;
	if (client->held_length == 0 && !streams->settings->keep_input)
		program_end_input(&streams->program);
}

static void drop(struct streams *streams, struct client *client)
{
	struct client **link = &streams->clients;
	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	streams->client_count--;
	client->held_length = 0;
	/* A terminal is not at its end because somebody has turned it off. */
	if (!streams->program.terminal)
		input_is_over(streams, client);
	loop_remove(client->watch);
	close_now(client->fd);
	free(client->held);
	free(client);
	catch_up(streams);
}

static int on_stall(struct loop_watch *watch, void *context)
{
	struct streams *streams = context;
	struct client *next;
	for (struct client *client = streams->clients; client; client = next) {
		next = client->next;
		if (client->behind && !(client->wants & WIRE_FOREGROUND))
			drop(streams, client);
	}
	return 0;
}

/* Returns false if the client is gone. */
static bool offer(struct streams *streams, struct client *client)
{
	int r = wire_send(client->fd, streams->chunk_kind, chunk, streams->chunk_length);
	bool behind = r == -EAGAIN;
	if (r < 0 && !behind) {
		drop(streams, client);
		return false;
	}
	if (behind != client->behind) {
		client->behind = behind;
		(void)loop_change_fd(client->watch, EPOLLIN | (behind ? EPOLLOUT : 0));
		if (behind && !(client->wants & WIRE_FOREGROUND) && !streams->stall &&
			loop_add_timer_ms(
				streams->loop, STALL_MS, 0, on_stall, streams, &streams->stall) < 0)
			error_clear();
	}
	return true;
}

static void distribute(struct streams *streams)
{
	struct client *next;
	bool behind = false;
	for (struct client *client = streams->clients; client; client = next) {
		next = client->next;
		if (wants(client, streams->chunk_kind) && offer(streams, client))
			behind |= client->behind;
	}
	if (behind)
		rest(streams);
}

static void tell_all(const char *words, void *context)
{
	struct streams *streams = context;
	for (struct client *client = streams->clients; client; client = client->next)
		(void)!wire_send(client->fd, WIRE_MESSAGE, words, strlen(words));
	if (!streams->settings->run_directory)
		return;
	/* For `rung logs`: the disk that is full is not the one of the run directory. */
	char path[4096];
	snprintf(path, sizeof(path), "%s/log.trouble", streams->settings->run_directory);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)!write(fd, words, strlen(words));
}

/* ---- from the program ------------------------------------------------------------------- */

/* False at the end of the stream. */
static bool read_chunk(struct streams *streams, struct source *source)
{
	ssize_t n = read(source->fd, chunk, sizeof(chunk));
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		streams->chunk_length = 0;
		return true;
	}
	if (n <= 0) /* EIO: nobody has the terminal open any more */
		return false;
	streams->chunk_kind = source->kind;
	streams->chunk_length = (size_t)n;
	log_write(source->stream, chunk, streams->chunk_length);
	return true;
}

static void close_source(struct streams *streams, struct source *source)
{
	loop_remove(source->watch);
	source->watch = NULL;
	if (source->fd != streams->settings->terminal_fd)
		close_now(source->fd);
	source->fd = -1;
}

static int on_source(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct source *source = context;
	struct streams *streams = &the_streams;
	if (!read_chunk(streams, source))
		close_source(streams, source);
	else if (streams->chunk_length)
		distribute(streams);
	return 0;
}

/* ---- to the program ------------------------------------------------------------------------ */

/* Hands over what this client sent; what does not fit now is kept. */
static void feed(
	struct streams *streams, struct client *client, const unsigned char *bytes, size_t length)
{
	size_t taken = program_write(&streams->program, bytes, length);
	if (taken == length) {
		client->held_length = 0;
		(void)!wire_send(client->fd, WIRE_TAKEN, NULL, 0);
		if (client->input_ended && !streams->settings->keep_input)
			program_end_input(&streams->program);
		return;
	}
	if (!client->held)
		client->held = malloc(WIRE_DATA_MAX);
	if (!client->held || !bytes) {
		drop(streams, client);
		return;
	}
	memmove(client->held, bytes + taken, length - taken);
	client->held_length = length - taken;
	program_watch(&streams->program, true);
}

/* The program can take more. */
static void on_room(void *context)
{
	struct streams *streams = context;
	struct client *next;
	program_watch(&streams->program, false);
	for (struct client *client = streams->clients; client; client = next) {
		next = client->next;
		if (client->held_length)
			feed(streams, client, client->held, client->held_length);
	}
	bool held = false;
	for (struct client *client = streams->clients; client; client = client->next)
		held |= client->held_length > 0;
	if (!held)
		for (struct client *client = streams->clients; client; client = client->next) {
			free(client->held);
			client->held = NULL;
		}
}

static int attach(struct streams *streams, struct client *client, const struct wire_attach *attach)
{
	if (client->attached)
		return -EBADMSG;
	bool born_so = client->wants & WIRE_FOREGROUND; /* came with the start */
	client->wants = attach->wants & ~(unsigned)(born_so ? 0 : WIRE_FOREGROUND);
	client->attached = true;
	struct wire_hello hello = {
		.version = WIRE_VERSION,
		.terminal = streams->program.terminal,
		.input_open = program_takes_input(&streams->program),
	};
	int r = wire_send(client->fd, WIRE_HELLO, &hello, sizeof(hello));
	if (attach->wants & WIRE_HAS_SIZE)
		program_resize(&streams->program, &attach->size, !born_so);
	catch_up(streams);
	return r;
}

static int obey(struct streams *streams, struct client *client, const struct wire_message *message)
{
	if (message->kind != WIRE_ATTACH && !client->attached)
		return -EBADMSG;
	switch (message->kind) {
	case WIRE_ATTACH:
		return attach(streams, client, &message->attach);
	case WIRE_INPUT:
		if (client->held_length || !(client->wants & WIRE_WANTS_INPUT))
			return -EBADMSG; /* did not wait for its turn */
		feed(streams, client, message->bytes, message->length);
		return 0;
	case WIRE_INPUT_END:
		input_is_over(streams, client);
		return 0;
	case WIRE_DETACH:
		streams->left |= client->wants & WIRE_FOREGROUND;
		client->wants &= ~(unsigned)WIRE_WANTS_INPUT; /* so that leaving is no end */
		return -EPIPE;
	case WIRE_RESIZE:
		program_resize(&streams->program, &message->size, false);
		return 0;
	case WIRE_SIGNAL:
		program_signal(&streams->program, message->number);
		return 0;
	default:
		return -EBADMSG;
	}
}

static int on_client(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct client *client = context;
	struct streams *streams = &the_streams;
	if (events & EPOLLOUT && client->behind) {
		if (!offer(streams, client))
			return 0;
		if (!client->behind)
			catch_up(streams);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	ssize_t n = recv(fd, received, sizeof(received), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	struct wire_message message;
	if (n <= 0 || wire_read(received, (size_t)n, true, &message) < 0 ||
		obey(streams, client, &message) < 0)
		drop(streams, client);
	return 0;
}

static struct client *add_client(struct streams *streams, int fd, unsigned at_first)
{
	struct client *client = calloc(1, sizeof(*client));
	if (!client || streams->client_count == CLIENTS_MAX ||
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ||
		loop_add_fd(streams->loop, fd, EPOLLIN, on_client, client, &client->watch) < 0) {
		error_clear();
		free(client);
		close_now(fd);
		return NULL;
	}
	client->fd = fd;
	client->wants = at_first;
	client->next = streams->clients;
	streams->clients = client;
	streams->client_count++;
	return client;
}

static bool accept_client(struct streams *streams, int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		(void)add_client(streams, fd, 0);
	return fd >= 0;
}

static int on_connection(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	(void)accept_client(context, fd);
	return 0;
}

/* ---- the door ------------------------------------------------------------------------------- */

static int add_sources(struct streams *streams)
{
	const struct stream_settings *settings = streams->settings;
	bool terminal = settings->terminal_fd >= 0;
	streams->sources[0] =
		(struct source){.fd = terminal ? settings->terminal_fd : settings->output_fd,
			.kind = WIRE_OUTPUT,
			.stream = LOG_OUTPUT};
	streams->sources[1] = (struct source){.fd = terminal ? -1 : settings->error_fd,
		.kind = WIRE_ERROR,
		.stream = LOG_ERROR_STREAM};
	for (struct source *source = streams->sources; source < streams->sources + 2; source++)
		if (source->fd >= 0 && fcntl(source->fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
			return fail(-errno, "prepare the program's output");
	return 0;
}

int streams_start(struct streams **ret_streams, struct loop *loop,
	const struct stream_settings *settings, int pidfd)
{
	struct streams *streams = &the_streams;
	*streams = (struct streams){.loop = loop, .settings = settings};
	log_begin(&settings->log, tell_all, streams);
	int r = add_sources(streams);
	if (r == 0)
		r = program_init(&streams->program, loop, settings, pidfd, on_room, streams);
	if (r == 0 && settings->listen_fd >= 0)
		r = loop_add_fd(loop, settings->listen_fd, EPOLLIN, on_connection, streams,
			&streams->listener);
	if (r < 0)
		return r;
	streams->resting = true;
	if (settings->client_fd >= 0)
		(void)add_client(streams, settings->client_fd, WIRE_FOREGROUND);
	catch_up(streams);
	*ret_streams = streams;
	return 0;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Offers the chunk; puts it by for those who are behind with it or with an earlier one. */
static void offer_last(struct streams *streams)
{
	struct client *next;
	bool behind = false;
	for (struct client *client = streams->clients; client; client = next) {
		next = client->next;
		if (!client->behind && wants(client, streams->chunk_kind) &&
			offer(streams, client) && client->behind)
			client->put_by = farewell_length();
	}
	for (struct client *client = streams->clients; client; client = client->next)
		behind |= client->behind;
	if (behind)
		farewell_keep(streams->chunk_kind, chunk, streams->chunk_length);
}

/* What is still in the pipes. Descendants outside of its pid namespace might write for ever. */
static void read_rest(struct streams *streams)
{
	size_t most = 4 << 20;
	for (struct source *source = streams->sources; source < streams->sources + 2; source++) {
		while (source->fd >= 0 && most > 0 && read_chunk(streams, source) &&
			streams->chunk_length) {
			offer_last(streams);
			most -= streams->chunk_length < most ? streams->chunk_length : most;
		}
		if (source->fd >= 0)
			close_source(streams, source);
	}
}

static void say_goodbye(struct streams *streams, int exit_status)
{
	int32_t number = exit_status;
	size_t used = 0;
	for (struct client *client = streams->clients; client; client = client->next) {
		if (client->behind)
			farewell_add_client(client->fd, client->wants, client->put_by);
		else
			(void)!wire_send(client->fd, WIRE_EXIT, &number, sizeof(number));
		used += (size_t)snprintf(streams->client_words + used,
			sizeof(streams->client_words) - used, "%s%d", used ? "," : "", client->fd);
	}
	farewell_send(exit_status);
	for (struct client *client = streams->clients; client; client = client->next)
		(void)fcntl(client->fd, F_SETFD, 0);
}

/* What a client wants lies in its socket from the start, and a short program is over before that.
 */
static void greet_late(struct streams *streams, struct client *client)
{
	struct wire_message message;
	ssize_t n = recv(client->fd, received, sizeof(received), MSG_DONTWAIT);
	if (n > 0 && wire_read(received, (size_t)n, true, &message) == 0 &&
		message.kind == WIRE_ATTACH)
		(void)attach(streams, client, &message.attach);
}

void streams_finish(struct streams *streams, int exit_status)
{
	if (streams->listener)
		while (accept_client(streams, streams->settings->listen_fd))
			; /* who came this moment is told the end as well */
	for (struct client *client = streams->clients; client; client = client->next)
		if (!client->attached)
			greet_late(streams, client);
	bool behind = false;
	for (struct client *client = streams->clients; client; client = client->next)
		behind |= client->behind;
	if (behind)
		farewell_keep(streams->chunk_kind, chunk, streams->chunk_length);
	rest(streams);
	read_rest(streams);
	log_end();
	say_goodbye(streams, exit_status);
	program_fini(&streams->program);
}

bool streams_left(const struct streams *streams)
{
	return streams->left;
}

const char *streams_clients(const struct streams *streams)
{
	return streams->client_words;
}
