// SPDX-License-Identifier: Apache-2.0

/*
 * A connection is two ways, each from one side to the other. A way reads only when what it has read
 * before is gone: so a slow reader fills its own socket's buffer, then one pipe, then the sender's
 * buffer, and the sender waits, as it would without us.
 *
 * A way has a pipe only while bytes are in it; an idle connection costs two descriptors. Pipes that
 * are done are kept for the next. Without descriptors for a pipe bytes are peeked at, sent, and
 * taken out of the socket as far as they went: slower, but it needs nothing.
 *
 * End of data becomes shutdown(2) of the other side, once all before it has been delivered. An
 * error of either side is a reset for the other. A side that hung up is watched only while
 * something is wanted of it: epoll tells of it whether one asks or not.
 */

#include "net_relay.h"

#include "base/error.h"
#include "base/scope.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { PIPE_SIZE = 512 * 1024, PIPES_KEPT = 32, COPY_SIZE = 64 * 1024 };
enum { ROUNDS = 8 }; /* pipes full that one connection may carry before others have their turn */

struct pipe {
	int read_fd, write_fd; /* -1: none */
};

struct relay;

/* One side; its way leads to the other. */
struct side {
	struct relay *relay;
	int fd;
	struct loop_watch *watch;
	uint32_t events;
	struct pipe pipe;
	size_t held; /* bytes in the pipe, for the other side */
	bool waits;  /* the way has bytes that the other side does not take now */
	bool ended;  /* end of data was read */
	bool shut;   /* and told to the other side */
};

struct relay {
	struct net_relays *relays;
	struct relay *next, *previous;
	struct side sides[2];
};

struct net_relays {
	struct loop *loop;
	struct relay *first;
	struct pipe kept[PIPES_KEPT];
	unsigned kept_count;
	char copy[COPY_SIZE];
};

void net_reset(int fd)
{
	struct linger linger = {.l_onoff = 1};
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(fd);
}

/* ---- pipes --------------------------------------------------------------------------- */

static bool take_pipe(struct net_relays *relays, struct pipe *ret)
{
	int ends[2];
	if (relays->kept_count > 0) {
		*ret = relays->kept[--relays->kept_count];
		return true;
	}
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	/* Refused when the user has many already: then it is as small as pipes are. */
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
	*ret = (struct pipe){ends[0], ends[1]};
	return true;
}

static void close_pipe(struct pipe *pipe)
{
	close_now(pipe->read_fd);
	close_now(pipe->write_fd);
}

/* An empty pipe can serve the next; one with bytes of somebody else cannot. */
static void leave_pipe(struct net_relays *relays, struct side *side)
{
	if (side->pipe.read_fd < 0)
		return;
	if (side->held == 0 && relays->kept_count < PIPES_KEPT) {
		relays->kept[relays->kept_count++] = side->pipe;
		side->pipe = (struct pipe){-1, -1};
	} else {
		close_pipe(&side->pipe);
	}
}

/* ---- one way --------------------------------------------------------------------------- */

enum step { GOES_ON, RESTS, BREAKS };

static struct side *other_side(struct side *side)
{
	return &side->relay->sides[side == &side->relay->sides[0]];
}

/* What a call on a socket that may not be ready returned. */
static enum step judge(ssize_t n)
{
	if (n >= 0)
		return GOES_ON;
	return errno == EAGAIN || errno == EINTR ? RESTS : BREAKS;
}

/* Delivers what the pipe holds. */
static enum step pour(struct side *from, struct side *to)
{
	while (from->held > 0) {
		ssize_t n = splice(from->pipe.read_fd, NULL, to->fd, NULL, from->held,
			SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		enum step step = n == 0 ? BREAKS : judge(n);
		from->waits = step == RESTS;
		if (step != GOES_ON)
			return step;
		from->held -= (size_t)n;
	}
	from->waits = false;
	return GOES_ON;
}

static enum step carry_by_pipe(struct side *from, struct side *to)
{
	ssize_t n = splice(from->fd, NULL, from->pipe.write_fd, NULL, PIPE_SIZE,
		SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	enum step step = judge(n);
	if (step != GOES_ON)
		return step;
	from->ended = n == 0;
	from->held = (size_t)n;
	return pour(from, to);
}

static enum step carry_by_copy(struct side *from, struct side *to)
{
	char *copy = from->relay->relays->copy;
	ssize_t n = recv(from->fd, copy, COPY_SIZE, MSG_PEEK | MSG_DONTWAIT);
	enum step step = judge(n);
	from->waits = false;
	if (step != GOES_ON)
		return step;
	from->ended = n == 0;
	if (n == 0)
		return GOES_ON;
	n = send(to->fd, copy, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	step = judge(n);
	from->waits = step == RESTS;
	if (step == GOES_ON && recv(from->fd, NULL, (size_t)n, MSG_TRUNC | MSG_DONTWAIT) != n)
		return BREAKS;
	return step;
}

/* Carries until there is nothing more, or the other side takes no more. */
static enum step carry(struct side *from)
{
	struct side *to = other_side(from);
	struct net_relays *relays = from->relay->relays;
	enum step step = pour(from, to);
	for (int i = 0; i < ROUNDS && step == GOES_ON && !from->ended; i++) {
		bool piped = from->pipe.read_fd >= 0 || take_pipe(relays, &from->pipe);
		step = piped ? carry_by_pipe(from, to) : carry_by_copy(from, to);
	}
	if (from->held == 0)
		leave_pipe(relays, from);
	if (step != BREAKS && from->ended && from->held == 0 && !from->shut) {
		from->shut = true;
		if (shutdown(to->fd, SHUT_WR) < 0)
			return BREAKS;
	}
	return step;
}

/* ---- connections -------------------------------------------------------------------------- */

static void free_relay(struct relay *relay, bool reset)
{
	struct net_relays *relays = relay->relays;
	for (int i = 0; i < 2; i++) {
		struct side *side = &relay->sides[i];
		loop_remove(side->watch);
		leave_pipe(relays, side);
		if (reset)
			net_reset(side->fd);
		else
			(void)close(side->fd);
	}
	if (relay->previous)
		relay->previous->next = relay->next;
	else
		relays->first = relay->next;
	if (relay->next)
		relay->next->previous = relay->previous;
	free(relay);
}

static int on_ready(struct loop_watch *watch, int fd, uint32_t events, void *context);

/* Waits for what can happen next at this side. */
static int watch_side(struct side *side)
{
	uint32_t events = 0;
	if (!side->ended && !side->waits)
		events |= EPOLLIN;
	if (other_side(side)->waits)
		events |= EPOLLOUT;
	if (!side->watch && events)
		return loop_add_fd(side->relay->relays->loop, side->fd, side->events = events,
			on_ready, side, &side->watch);
	if (!side->watch || events == side->events)
		return 0;
	side->events = events;
	return loop_change_fd(side->watch, events);
}

static int on_ready(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct side *side = context, *other = other_side(side);
	struct relay *relay = side->relay;
	enum step step = events & EPOLLERR ? BREAKS : GOES_ON;
	/* Closed both ways, and not by us: nothing can be delivered here any more. */
	if ((events & EPOLLHUP) && side->ended && !other->shut)
		step = BREAKS;
	if (step != BREAKS && (events & (EPOLLIN | EPOLLHUP)) && !side->ended && !side->waits)
		step = carry(side);
	if (step != BREAKS && (events & EPOLLOUT) && other->waits)
		step = carry(other);
	if (step != BREAKS && (events & EPOLLHUP))
		loop_remove(take(side->watch)); /* or it would be told again and again */
	if (step == BREAKS || watch_side(side) < 0 || watch_side(other) < 0) {
		error_clear();
		free_relay(relay, true);
	} else if (side->shut && other->shut) {
		free_relay(relay, false);
	}
	return 0;
}

static void no_delay(int fd)
{
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void net_relay_start(struct net_relays *relays, int fd, int other_fd)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	if (!relay) {
		net_reset(fd);
		net_reset(other_fd);
		return;
	}
	int fds[2] = {fd, other_fd}, r = 0;
	relay->relays = relays;
	relay->next = relays->first;
	if (relay->next)
		relay->next->previous = relay;
	relays->first = relay;
	for (int i = 0; i < 2; i++) {
		struct side *side = &relay->sides[i];
		*side = (struct side){
			.relay = relay, .fd = fds[i], .events = EPOLLIN, .pipe = {-1, -1}};
		no_delay(side->fd);
		if (r == 0)
			r = loop_add_fd(
				relays->loop, side->fd, EPOLLIN, on_ready, side, &side->watch);
	}
	if (r < 0) {
		error_clear();
		free_relay(relay, true);
	}
}

int net_relays_new(struct loop *loop, struct net_relays **ret)
{
	struct net_relays *relays = calloc(1, sizeof(*relays));
	if (!relays)
		return fail(-ENOMEM, "start the net door");
	relays->loop = loop;
	*ret = relays;
	return 0;
}

void net_relays_free(struct net_relays *relays)
{
	if (!relays)
		return;
	while (relays->first)
		free_relay(relays->first, true);
	for (unsigned i = 0; i < relays->kept_count; i++)
		close_pipe(&relays->kept[i]);
	free(relays);
}
