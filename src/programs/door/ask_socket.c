// SPDX-License-Identifier: Apache-2.0

/*
 * Asking whatever program connects to the socket: a desktop's own front end, an editor, a test.
 * Each client is told of each question and of each that is withdrawn; the first answer counts.
 *
 * Who may answer: a process of the same user that is not walled in. One inside the sandbox (it may
 * have been granted the directory of the socket) would answer its own questions: so a client of
 * another pid namespace than ours, which is the person's, is turned away.
 *
 * A client that does not read loses: its socket is closed when it is full, never waited for.
 */

#include "ask.h"
#include "ask_message.h"
#include "peer.h"

#include "base/error.h"
#include "base/scope.h"
#include "base/text.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { CLIENTS_MAX = 8 };

struct client {
	struct ask_socket *socket;
	int fd; /* -1: free */
	struct loop_watch *watch;
};

struct ask_socket {
	struct ask *ask;
	const char *path;
	int fd;
	struct loop_watch *watch;
	struct client clients[CLIENTS_MAX];
};

/* ---- clients ----------------------------------------------------------------------------- */

static void drop(struct client *client)
{
	loop_remove(take(client->watch));
	close_now(client->fd);
}

static void send_to(struct client *client, const struct text *message)
{
	if (client->fd < 0)
		return;
	ssize_t sent =
		send(client->fd, text_get(message), message->length, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0) /* its reading side ends it from the loop */
		(void)shutdown(client->fd, SHUT_RDWR);
}

static void send_to_all(struct ask_socket *socket, const struct text *message)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		send_to(&socket->clients[i], message);
}

void ask_socket_added(struct ask_socket *socket, const struct ask_item *item)
{
	autofini(text_fini) struct text message = {};
	if (!ask_socket_has_clients(socket))
		return;
	ask_message_question(item, socket->ask->settings->name, &message);
	send_to_all(socket, &message);
}

void ask_socket_removed(struct ask_socket *socket, const struct ask_item *item)
{
	autofini(text_fini) struct text message = {};
	ask_message_withdrawn(item, &message);
	send_to_all(socket, &message);
}

bool ask_socket_has_clients(const struct ask_socket *socket)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (socket->clients[i].fd >= 0)
			return true;
	return false;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* The value itself, or one of those above it that were offered. */
static bool was_offered(const struct ask_item *item, const char *value)
{
	autofini(arena_fini) struct arena arena = {};
	const char *offered = item->question.value;
	for (;;) {
		if (offered && text_equal(offered, value))
			return true;
		const char *wider = ask_wider(item, offered, &arena);
		if (!offered || wider == offered || text_equal(wider, offered))
			return false;
		offered = wider;
	}
}

static int take_answer(struct ask *ask, const char *text, size_t length)
{
	autofini(arena_fini) struct arena arena = {};
	struct ask_reply_message message;
	int r = ask_message_read(text, length, &arena, &message);
	if (r < 0)
		return r;
	struct ask_item *item = ask->items;
	while (item && item->id != message.id)
		item = item->next;
	if (!item)
		return refuse(-ENOENT, "no such question waits");
	const char *value = message.value ? message.value : item->question.value;
	if (message.value && !was_offered(item, message.value))
		return refuse(-EINVAL, "that is not what was asked");
	ask_answer(ask, item, message.reply, value);
	return 0;
}

static int on_message(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	(void)watch, (void)events;
	struct client *client = context;
	struct ask *ask = client->socket->ask;
	char message[ASK_MESSAGE_MAX];
	ssize_t length = recv(fd, message, sizeof(message), MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (length <= 0) {
		drop(client);
		ask_changed(ask);
		return 0;
	}
	if (take_answer(ask, message, (size_t)length) < 0) {
		autofini(text_fini) struct text refusal = {};
		ask_message_error(error_text(), &refusal);
		error_clear();
		send_to(client, &refusal);
	}
	return 0;
}

/* ---- who connects ------------------------------------------------------------------------------
 */

static bool may_answer(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	       peer.uid == getuid() && !peer_is_walled_in(peer.pid);
}

static int on_connection(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	(void)watch, (void)events;
	struct ask_socket *socket = context;
	autoclose int client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = socket->clients;
	while (client < socket->clients + CLIENTS_MAX && client->fd >= 0)
		client++;
	if (client_fd < 0 || client == socket->clients + CLIENTS_MAX || !may_answer(client_fd))
		return 0;
	if (loop_add_fd(socket->ask->loop, client_fd, EPOLLIN, on_message, client, &client->watch) <
		0) {
		error_clear();
		return 0;
	}
	client->fd = take_fd(client_fd);
	for (const struct ask_item *item = socket->ask->items; item; item = item->next) {
		autofini(text_fini) struct text message = {};
		ask_message_question(item, socket->ask->settings->name, &message);
		send_to(client, &message);
	}
	ask_changed(socket->ask);
	return 0;
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return refuse(-ENAMETOOLONG, "%s is too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path));
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, "make a socket");
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)umask(before);
	if (r == 0 && listen(fd, CLIENTS_MAX) < 0)
		r = -errno;
	return r < 0 ? fail(r, "listen at %s", path) : take_fd(fd);
}

int ask_socket_new(struct ask *ask, struct ask_socket **ret)
{
	const char *path = ask->settings->socket;
	autoclose int fd = listen_at(path);
	if (fd < 0)
		return fd;
	struct ask_socket *socket = calloc(1, sizeof(*socket));
	if (!socket)
		memory_exhausted();
	socket->ask = ask;
	socket->path = path;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		socket->clients[i] = (struct client){socket, -1, NULL};
	int r = loop_add_fd(ask->loop, fd, EPOLLIN, on_connection, socket, &socket->watch);
	if (r < 0) {
		free(socket);
		return r;
	}
	socket->fd = take_fd(fd);
	*ret = socket;
	return 0;
}

void ask_socket_free(struct ask_socket *socket)
{
	if (!socket)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		drop(&socket->clients[i]);
	loop_remove(socket->watch);
	(void)unlink(socket->path);
	close_now(socket->fd);
	free(socket);
}
