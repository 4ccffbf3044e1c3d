// SPDX-License-Identifier: Apache-2.0

/*
 * A connection outwards begins with a packet (SYN) that the packet socket saw and the kernel
 * dropped. It is kept here while the policy is asked, the name looked up, the host connected to;
 *the program meanwhile waits in connect(2), and sends the packet again now and then, which tells
 *that it still wants it. In the end it gets
 *
 *	the packet once more, marked     the kernel gives it to the transparent listener, which
 *	                                 accepts it: two sockets for the relay
 *	RST                              refused, by the host or by the policy
 *	ICMP                             no such host, no way there
 *	nothing                          the host did not answer either
 *
 * so the program sees the error that it would have seen outside. Memory is bounded: whoever begins
 * more than PENDING_MAX connections at once waits for a repetition.
 */

#include "net.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/scope.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BUCKETS = 1024, PENDING_MAX = 4096, PACKETS_AT_ONCE = 64 };
/* The sixth repetition comes 64 s after the fifth; then nobody waits any more. */
enum { GIVEN_UP_MS = 70000, NOT_TAKEN_MS = 10000 };
/* One address of several that does not answer is left for the next. */
enum { NEXT_ADDRESS_MS = 3000 };

struct pending {
	struct pending *next;
	struct net_tcp *tcp;
	struct endpoint_pair pair;
	uint32_t sequence;
	int64_t seen_ms;
	bool ready; /* for accept(2): host_fd is connected, or it is for the resolver */
	struct net_reach *reach;
	int host_fd;
	struct loop_watch *host_watch, *timer;
	struct address addresses[RESOLVE_ADDRESSES_MAX];
	size_t address_count, tried;
	int error; /* of the last address that was tried */
	size_t length;
	uint8_t packet[];
};

struct net_tcp {
	struct net_door *door;
	struct loop_watch *packets, *listeners[2], *beat;
	bool listeners_rest;
	size_t count;
	struct pending *buckets[BUCKETS];
};

/* ---- the table ---------------------------------------------------------------------------- */

static size_t bucket_of(const struct endpoint_pair *pair)
{
	uint32_t hash = pair->from.port * 31u + pair->to.port;
	for (size_t i = 8; i < sizeof(pair->to.address.bytes); i++)
		hash = hash * 31 + pair->to.address.bytes[i];
	return (hash ^ hash >> 16) % BUCKETS;
}

static struct pending *find(const struct net_tcp *tcp, const struct endpoint_pair *pair)
{
	struct pending *at = tcp->buckets[bucket_of(pair)];
	while (at && !endpoint_pair_equal(&at->pair, pair))
		at = at->next;
	return at;
}

static void leave_host(struct pending *pending)
{
	loop_remove(take(pending->timer));
	loop_remove(take(pending->host_watch));
	close_now(pending->host_fd);
}

static void forget(struct pending *pending)
{
	struct net_tcp *tcp = pending->tcp;
	struct pending **at = &tcp->buckets[bucket_of(&pending->pair)];
	while (*at != pending)
		at = &(*at)->next;
	*at = pending->next;
	tcp->count--;
	net_reach_cancel(pending->reach);
	leave_host(pending);
	free(pending);
}

/* Nobody waits, or nobody took what was ready. */
static int on_beat(struct loop_watch *watch, void *context)
{
	struct net_tcp *tcp = context;
	int64_t now_ms = clock_monotonic_ms();
	for (size_t i = 0; i < BUCKETS && tcp->count > 0; i++) {
		struct pending *next;
		for (struct pending *at = tcp->buckets[i]; at; at = next) {
			next = at->next;
			if (now_ms - at->seen_ms > (at->ready ? NOT_TAKEN_MS : GIVEN_UP_MS))
				forget(at);
		}
	}
	if (tcp->listeners_rest) {
		tcp->listeners_rest = false;
		for (int i = 0; i < 2; i++)
			if (tcp->listeners[i] && loop_change_fd(tcp->listeners[i], EPOLLIN) < 0)
				error_clear();
	}
	if (tcp->count == 0)
		loop_remove(take(tcp->beat));
	return 0;
}

static void start_beat(struct net_tcp *tcp)
{
	if (!tcp->beat && loop_add_timer_ms(tcp->door->loop, NET_BEAT_MS, NET_BEAT_MS, on_beat, tcp,
				  &tcp->beat) < 0)
		error_clear(); /* then the next one starts it */
}

/* ---- what the program gets to see ---------------------------------------------------------- */

static void refuse_it(struct pending *pending, int error)
{
	uint8_t packet[2 * PACKET_ROOM];
	size_t length = 0;
	if (error == -EACCES || error == -ECONNREFUSED)
		length = packet_write_reset(packet, &pending->pair, pending->sequence);
	else if (error != -ETIMEDOUT)
		length = packet_write_unreachable(packet, &pending->pair, IPPROTO_TCP,
			pending->sequence,
			error == -ENETUNREACH ? PACKET_NO_ROUTE : PACKET_NO_HOST);
	if (length)
		net_send_packet(pending->tcp->door, &pending->pair.from, packet, length);
	forget(pending);
}

static void take_connections(struct net_tcp *tcp, int listener);

static void let_in(struct pending *pending)
{
	struct net_tcp *tcp = pending->tcp;
	bool v4 = address_is_v4(&pending->pair.to.address);
	pending->ready = true;
	pending->seen_ms = clock_monotonic_ms();
	packet_mend_first(pending->packet, pending->length);
	net_send_packet(tcp->door, &pending->pair.to, pending->packet, pending->length);
	/* On loopback the whole handshake has happened in that call, most times. */
	take_connections(tcp, tcp->door->fds[v4 ? NET_DOOR_TCP : NET_DOOR_TCP6]);
}

/* ---- connecting on the host ------------------------------------------------------------------ */

static void try_next(struct pending *pending);

static int on_connected(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct pending *pending = context;
	int error = 0;
	socklen_t length = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	loop_remove(take(pending->timer));
	loop_remove(take(pending->host_watch));
	if (error == 0) {
		let_in(pending);
		return 0;
	}
	leave_host(pending);
	pending->error = -error;
	try_next(pending);
	return 0;
}

static int on_too_late(struct loop_watch *watch, void *context)
{
	struct pending *pending = context;
	leave_host(pending);
	pending->error = -EHOSTUNREACH;
	try_next(pending);
	return 0;
}

/* Positive: connected. 0: it will tell. */
static int try_address(struct pending *pending, const struct address *address)
{
	struct loop *loop = pending->tcp->door->loop;
	const struct endpoint to = {*address, pending->pair.to.port};
	struct sockaddr_storage name;
	socklen_t length = endpoint_to_socket(&to, &name);
	int r;
	pending->host_fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pending->host_fd < 0)
		return -errno;
	if (connect(pending->host_fd, (const struct sockaddr *)&name, length) == 0)
		return 1;
	if (errno != EINPROGRESS)
		return -errno;
	r = loop_add_fd(
		loop, pending->host_fd, EPOLLOUT, on_connected, pending, &pending->host_watch);
	if (r == 0 && pending->tried < pending->address_count)
		r = loop_add_timer_ms(
			loop, NEXT_ADDRESS_MS, 0, on_too_late, pending, &pending->timer);
	if (r < 0)
		error_clear();
	return r;
}

static void try_next(struct pending *pending)
{
	while (pending->tried < pending->address_count) {
		int r = try_address(pending, &pending->addresses[pending->tried++]);
		if (r == 0)
			return;
		if (r > 0) {
			let_in(pending);
			return;
		}
		leave_host(pending);
		if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS) {
			forget(pending); /* the program will repeat its packet */
			return;
		}
		pending->error = r;
	}
	refuse_it(pending, pending->error);
}

static void on_reached(int result, const struct address *addresses, size_t count, void *context)
{
	struct pending *pending = context;
	pending->reach = NULL;
	if (result < 0) {
		refuse_it(pending, result);
		return;
	}
	memcpy(pending->addresses, addresses, count * sizeof(*addresses));
	pending->address_count = count;
	try_next(pending);
}

/* ---- first packets -----------------------------------------------------------------------------
 */

static void begin(struct net_tcp *tcp, const struct endpoint_pair *pair, uint32_t sequence,
	const uint8_t *packet, size_t length)
{
	char host[HOST_NAME_MAX_LENGTH + 1];
	struct pending *pending = find(tcp, pair);
	if (pending && pending->sequence == sequence) {
		if (!pending->ready)
			pending->seen_ms = clock_monotonic_ms();
		return;
	}
	if (pending)
		forget(pending); /* its port was used again */
	enum net_place place = net_place_of(tcp->door, &pair->to, host);
	if (place == NET_INSIDE || tcp->count >= PENDING_MAX)
		return;
	pending = calloc(1, sizeof(*pending) + length);
	if (!pending)
		return;
	size_t bucket = bucket_of(pair);
	pending->tcp = tcp;
	pending->pair = *pair;
	pending->sequence = sequence;
	pending->seen_ms = clock_monotonic_ms();
	pending->host_fd = -1;
	pending->length = length;
	memcpy(pending->packet, packet, length);
	pending->next = tcp->buckets[bucket];
	tcp->buckets[bucket] = pending;
	tcp->count++;
	start_beat(tcp);
	if (place == NET_RESOLVER) {
		let_in(pending);
		return;
	}
	/* The callback may have forgotten it by now. */
	struct net_reach *reach =
		net_reach_start(tcp->door, host, IPPROTO_TCP, pair, on_reached, pending);
	if (reach)
		pending->reach = reach;
}

static int on_packets(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct net_tcp *tcp = context;
	uint8_t packet[PACKET_FIRST_MAX];
	struct endpoint_pair pair;
	uint32_t sequence;
	for (int i = 0; i < PACKETS_AT_ONCE; i++) {
		ssize_t n = recv(fd, packet, sizeof(packet), MSG_TRUNC);
		if (n < 0)
			break;
		if ((size_t)n <= sizeof(packet) &&
			packet_read_first(packet, (size_t)n, &pair, &sequence))
			begin(tcp, &pair, sequence, packet, (size_t)n);
	}
	return 0;
}

/* ---- accepting
 * ----------------------------------------------------------------------------------- */

static bool name_ends(int fd, struct endpoint_pair *ret)
{
	struct sockaddr_storage peer, own;
	socklen_t peer_length = sizeof(peer), own_length = sizeof(own);
	if (getpeername(fd, (struct sockaddr *)&peer, &peer_length) < 0 ||
		getsockname(fd, (struct sockaddr *)&own, &own_length) < 0)
		return false;
	endpoint_from_socket(&peer, &ret->from);
	endpoint_from_socket(&own, &ret->to);
	return true;
}

static void take_connection(struct net_tcp *tcp, int fd)
{
	struct endpoint_pair pair;
	struct pending *pending = name_ends(fd, &pair) ? find(tcp, &pair) : NULL;
	/* Straight to the listener, past the packet socket: nothing was decided. */
	if (!pending || !pending->ready) {
		net_reset(fd);
		return;
	}
	int host_fd = take_fd(pending->host_fd);
	forget(pending);
	if (host_fd < 0)
		net_dns_connection(tcp->door->dns, fd);
	else
		net_relay_start(tcp->door->relays, fd, host_fd);
}

static void take_connections(struct net_tcp *tcp, int listener)
{
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		take_connection(tcp, fd);
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return;
	/* They wait in the queue; asking again at once would be in vain. */
	tcp->listeners_rest = true;
	for (int i = 0; i < 2; i++)
		if (tcp->listeners[i] && loop_change_fd(tcp->listeners[i], 0) < 0)
			error_clear();
	start_beat(tcp);
}

static int on_listener(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	take_connections(context, fd);
	return 0;
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

int net_tcp_new(struct net_door *door, struct net_tcp **ret)
{
	struct net_tcp *tcp = calloc(1, sizeof(*tcp));
	if (!tcp)
		return fail(-ENOMEM, "start the net door");
	tcp->door = door;
	int r = loop_add_fd(
		door->loop, door->fds[NET_DOOR_PACKET], EPOLLIN, on_packets, tcp, &tcp->packets);
	if (r == 0)
		r = loop_add_fd(door->loop, door->fds[NET_DOOR_TCP], EPOLLIN, on_listener, tcp,
			&tcp->listeners[0]);
	if (r == 0 && door->fds[NET_DOOR_TCP6] >= 0)
		r = loop_add_fd(door->loop, door->fds[NET_DOOR_TCP6], EPOLLIN, on_listener, tcp,
			&tcp->listeners[1]);
	if (r < 0)
		net_tcp_free(tcp);
	else
		*ret = tcp;
	return r;
}

void net_tcp_free(struct net_tcp *tcp)
{
	if (!tcp)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (tcp->buckets[i])
			forget(tcp->buckets[i]);
	loop_remove(tcp->beat);
	loop_remove(tcp->packets);
	loop_remove(tcp->listeners[0]);
	loop_remove(tcp->listeners[1]);
	free(tcp);
}
