// SPDX-License-Identifier: Apache-2.0

/*
 * Datagrams. A flow is a pair of endpoints in the sandbox: one of its programs' and one of somebody
 * outside. The first datagram makes it: the policy is asked, the name looked up, and a socket of
 * its own connected on the host, so that only that host's answers come back; what arrives meanwhile
 * waits, a little. Answers are written into the sandbox as packets from the very address that was
 * sent to. Errors that the host's socket met, and denials, come as ICMP.
 *
 * A datagram to a "listen" port makes a flow as well; it shares the port's socket.
 *
 * A flow ends when nobody used it for some time, or when there are too many and it is the oldest.
 */

#include "net.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/scope.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BUCKETS = 1024, FLOWS_MAX = 2048 };
enum { ANSWERED_MS = 180000, UNANSWERED_MS = 60000, QUESTION_MS = 10000 };
enum { WAITING_MAX = 16, WAITING_BYTES_MAX = 128 * 1024 };
enum { BATCH = 8, DATAGRAM_MAX = 65536 };

struct waiting {
	struct waiting *next;
	size_t length;
	uint8_t contents[];
};

struct flow {
	struct flow *next;
	struct net_udp *udp;
	struct endpoint_pair pair; /* from the sandbox's program to the one outside */
	int64_t used_ms;
	bool answered;
	int host_fd;
	bool shared; /* host_fd is a "listen" port's */
	struct sockaddr_storage peer;
	socklen_t peer_length; /* of a shared one */
	struct loop_watch *watch;
	struct net_reach *reach;
	struct waiting *first;
	unsigned waiting_count;
	size_t waiting_bytes;
};

/* What recvmmsg(2) fills. */
struct batch {
	struct mmsghdr headers[BATCH];
	struct iovec pieces[BATCH];
	struct sockaddr_storage names[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][128];
	uint8_t contents[BATCH][DATAGRAM_MAX];
};

struct net_udp {
	struct net_door *door;
	struct loop_watch *watches[2], *beat;
	size_t count;
	struct flow *buckets[BUCKETS];
	struct batch batch;
	uint8_t packet[DATAGRAM_MAX + PACKET_ROOM];
};

/* ---- the table --------------------------------------------------------------------------------
 */

static size_t bucket_of(const struct endpoint_pair *pair)
{
	uint32_t hash = pair->from.port * 31u + pair->to.port;
	for (size_t i = 8; i < sizeof(pair->to.address.bytes); i++)
		hash = hash * 31 + pair->to.address.bytes[i];
	return (hash ^ hash >> 16) % BUCKETS;
}

static struct flow *find(const struct net_udp *udp, const struct endpoint_pair *pair)
{
	struct flow *at = udp->buckets[bucket_of(pair)];
	while (at && !endpoint_pair_equal(&at->pair, pair))
		at = at->next;
	return at;
}

static void drop_waiting(struct flow *flow)
{
	while (flow->first) {
		struct waiting *first = flow->first;
		flow->first = first->next;
		free(first);
	}
	flow->waiting_count = 0;
	flow->waiting_bytes = 0;
}

static void forget(struct flow *flow)
{
	struct net_udp *udp = flow->udp;
	struct flow **at = &udp->buckets[bucket_of(&flow->pair)];
	while (*at != flow)
		at = &(*at)->next;
	*at = flow->next;
	udp->count--;
	net_reach_cancel(flow->reach);
	loop_remove(flow->watch);
	if (!flow->shared)
		close_now(flow->host_fd);
	drop_waiting(flow);
	free(flow);
}

static int64_t patience_ms(const struct flow *flow)
{
	if (flow->reach)
		return INT64_MAX; /* somebody is being asked */
	if (flow->pair.to.port == 53)
		return QUESTION_MS;
	return flow->answered ? ANSWERED_MS : UNANSWERED_MS;
}

static int on_beat(struct loop_watch *watch, void *context)
{
	struct net_udp *udp = context;
	int64_t now_ms = clock_monotonic_ms();
	for (size_t i = 0; i < BUCKETS && udp->count > 0; i++) {
		struct flow *next;
		for (struct flow *at = udp->buckets[i]; at; at = next) {
			next = at->next;
			if (now_ms - at->used_ms > patience_ms(at))
				forget(at);
		}
	}
	if (udp->count == 0)
		loop_remove(take(udp->beat));
	return 0;
}

/* Makes room: the one that was not used for the longest time goes. */
static bool forget_oldest(struct net_udp *udp, const struct flow *but)
{
	struct flow *oldest = NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct flow *at = udp->buckets[i]; at; at = at->next)
			if (at != but && (!oldest || at->used_ms < oldest->used_ms))
				oldest = at;
	if (oldest)
		forget(oldest);
	return oldest != NULL;
}

static struct flow *add_flow(struct net_udp *udp, const struct endpoint_pair *pair)
{
	if (udp->count >= FLOWS_MAX)
		(void)forget_oldest(udp, NULL);
	struct flow *flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	size_t bucket = bucket_of(pair);
	flow->udp = udp;
	flow->pair = *pair;
	flow->host_fd = -1;
	flow->used_ms = clock_monotonic_ms();
	flow->next = udp->buckets[bucket];
	udp->buckets[bucket] = flow;
	udp->count++;
	if (!udp->beat && loop_add_timer_ms(udp->door->loop, NET_BEAT_MS, NET_BEAT_MS, on_beat, udp,
				  &udp->beat) < 0)
		error_clear();
	return flow;
}

/* ---- batches
 * --------------------------------------------------------------------------------------- */

static int receive(struct batch *batch, int fd)
{
	for (int i = 0; i < BATCH; i++) {
		batch->pieces[i] = (struct iovec){batch->contents[i], DATAGRAM_MAX};
		batch->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->names[i],
			.msg_namelen = sizeof(batch->names[i]),
			.msg_iov = &batch->pieces[i],
			.msg_iovlen = 1,
			.msg_control = batch->control[i],
			.msg_controllen = sizeof(batch->control[i]),
		};
	}
	return recvmmsg(fd, batch->headers, BATCH, MSG_DONTWAIT, NULL);
}

/* ---- from the host into the sandbox
 * -------------------------------------------------------------- */

static void tell_error(struct flow *flow, int error)
{
	uint8_t packet[2 * PACKET_ROOM];
	enum packet_unreachable why = PACKET_NO_HOST;
	if (error == -EACCES)
		why = PACKET_FORBIDDEN;
	else if (error == -ECONNREFUSED)
		why = PACKET_NO_PORT;
	else if (error == -ENETUNREACH)
		why = PACKET_NO_ROUTE;
	size_t length = packet_write_unreachable(packet, &flow->pair, IPPROTO_UDP, 0, why);
	net_send_packet(flow->udp->door, &flow->pair.from, packet, length);
}

static void send_inside(
	struct net_udp *udp, const struct endpoint_pair *pair, const void *contents, size_t length)
{
	size_t whole = packet_write_datagram(udp->packet, pair, contents, length);
	net_send_packet(udp->door, &pair->to, udp->packet, whole);
}

static int on_answers(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct flow *flow = context;
	struct net_udp *udp = flow->udp;
	struct endpoint_pair back = endpoint_pair_turn(&flow->pair);
	int count = receive(&udp->batch, fd);
	if (count < 0) {
		if (errno != EAGAIN && errno != EINTR)
			tell_error(flow, -errno);
		return 0;
	}
	flow->answered = true;
	flow->used_ms = clock_monotonic_ms();
	for (int i = 0; i < count; i++)
		send_inside(udp, &back, udp->batch.contents[i], udp->batch.headers[i].msg_len);
	return 0;
}

/* ---- from the sandbox to the host
 * ------------------------------------------------------------------ */

static void send_outside(struct flow *flow, const uint8_t *contents, size_t length)
{
	ssize_t n;
	flow->used_ms = clock_monotonic_ms();
	if (flow->shared)
		n = sendto(flow->host_fd, contents, length, MSG_DONTWAIT | MSG_NOSIGNAL,
			(const struct sockaddr *)&flow->peer, flow->peer_length);
	else
		n = send(flow->host_fd, contents, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* What does not fit is lost, as on any way; an error may be an earlier datagram's. */
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		tell_error(flow, -errno);
}

static void keep_waiting(struct flow *flow, const uint8_t *contents, size_t length)
{
	if (flow->waiting_count >= WAITING_MAX || flow->waiting_bytes + length > WAITING_BYTES_MAX)
		return;
	struct waiting *waiting = malloc(sizeof(*waiting) + length);
	if (!waiting)
		return;
	waiting->next = NULL;
	waiting->length = length;
	memcpy(waiting->contents, contents, length);
	struct waiting **end = &flow->first;
	while (*end)
		end = &(*end)->next;
	*end = waiting;
	flow->waiting_count++;
	flow->waiting_bytes += length;
}

static int open_host(struct flow *flow, const struct address *address)
{
	const struct endpoint to = {*address, flow->pair.to.port};
	struct sockaddr_storage name;
	socklen_t length = endpoint_to_socket(&to, &name);
	int type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	autoclose int fd = socket(name.ss_family, type, 0);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && forget_oldest(flow->udp, flow))
		fd = socket(name.ss_family, type, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&name, length) < 0)
		return -errno;
	int r = loop_add_fd(flow->udp->door->loop, fd, EPOLLIN, on_answers, flow, &flow->watch);
	if (r < 0)
		error_clear();
	else
		flow->host_fd = take_fd(fd);
	return r;
}

static void on_reached(int result, const struct address *addresses, size_t count, void *context)
{
	struct flow *flow = context;
	flow->reach = NULL;
	for (size_t i = 0; i < count && flow->host_fd < 0; i++)
		result = open_host(flow, &addresses[i]);
	if (flow->host_fd < 0) {
		tell_error(flow, result);
		forget(flow);
		return;
	}
	for (const struct waiting *at = flow->first; at; at = at->next)
		send_outside(flow, at->contents, at->length);
	drop_waiting(flow);
}

static void begin(struct net_udp *udp, const struct endpoint_pair *pair, const char *host,
	const uint8_t *contents, size_t length)
{
	struct flow *flow = add_flow(udp, pair);
	if (!flow)
		return;
	keep_waiting(flow, contents, length);
	/* The callback may have forgotten it by now. */
	struct net_reach *reach =
		net_reach_start(udp->door, host, IPPROTO_UDP, pair, on_reached, flow);
	if (reach)
		flow->reach = reach;
}

static void take_datagram(struct net_udp *udp, const struct endpoint_pair *pair,
	const uint8_t *contents, size_t length)
{
	char host[HOST_NAME_MAX_LENGTH + 1];
	struct flow *flow = find(udp, pair);
	if (flow && flow->host_fd >= 0) {
		send_outside(flow, contents, length);
		return;
	}
	if (flow) {
		flow->used_ms = clock_monotonic_ms();
		keep_waiting(flow, contents, length);
		return;
	}
	switch (net_place_of(udp->door, &pair->to, host)) {
	case NET_INSIDE:
		break;
	case NET_RESOLVER:
		net_dns_datagram(udp->door->dns, pair, contents, length);
		break;
	case NET_HOST:
		begin(udp, pair, host, contents, length);
		break;
	}
}

/* Where it was sent to: the kernel tells beside the datagram. */
static bool read_destination(struct msghdr *header, struct endpoint *ret)
{
	struct sockaddr_storage name = {};
	for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
		size_t length = 0;
		if (at->cmsg_level == SOL_IP && at->cmsg_type == IP_ORIGDSTADDR)
			length = sizeof(struct sockaddr_in);
		else if (at->cmsg_level == SOL_IPV6 && at->cmsg_type == IPV6_ORIGDSTADDR)
			length = sizeof(struct sockaddr_in6);
		if (length && at->cmsg_len >= CMSG_LEN(length)) {
			memcpy(&name, CMSG_DATA(at), length);
			endpoint_from_socket(&name, ret);
			return true;
		}
	}
	return false;
}

static int on_datagrams(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct net_udp *udp = context;
	struct batch *batch = &udp->batch;
	int count = receive(batch, fd);
	for (int i = 0; i < count; i++) {
		struct endpoint_pair pair;
		endpoint_from_socket(&batch->names[i], &pair.from);
		if (read_destination(&batch->headers[i].msg_hdr, &pair.to))
			take_datagram(udp, &pair, batch->contents[i], batch->headers[i].msg_len);
	}
	return 0;
}

/* ---- "listen" ports
 * --------------------------------------------------------------------------------- */

void net_udp_deliver(struct net_udp *udp, int host_fd, const struct sockaddr_storage *peer,
	socklen_t peer_length, const struct endpoint_pair *pair, const void *contents,
	size_t length)
{
	struct endpoint_pair key = endpoint_pair_turn(pair);
	struct flow *flow = find(udp, &key);
	if (!flow)
		flow = add_flow(udp, &key);
	if (!flow || (flow->host_fd >= 0 && !flow->shared) || flow->reach)
		return;
	flow->host_fd = host_fd;
	flow->shared = true;
	flow->peer = *peer;
	flow->peer_length = peer_length;
	flow->answered = true;
	flow->used_ms = clock_monotonic_ms();
	send_inside(udp, pair, contents, length);
}

/* ---- life
 * -----------------------------------------------------------------------------------------------
 */

int net_udp_new(struct net_door *door, struct net_udp **ret)
{
	struct net_udp *udp = calloc(1, sizeof(*udp));
	if (!udp)
		return fail(-ENOMEM, "start the net door");
	udp->door = door;
	int r = loop_add_fd(
		door->loop, door->fds[NET_DOOR_UDP], EPOLLIN, on_datagrams, udp, &udp->watches[0]);
	if (r == 0 && door->fds[NET_DOOR_UDP6] >= 0)
		r = loop_add_fd(door->loop, door->fds[NET_DOOR_UDP6], EPOLLIN, on_datagrams, udp,
			&udp->watches[1]);
	if (r < 0)
		net_udp_free(udp);
	else
		*ret = udp;
	return r;
}

void net_udp_free(struct net_udp *udp)
{
	if (!udp)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (udp->buckets[i])
			forget(udp->buckets[i]);
	loop_remove(udp->beat);
	loop_remove(udp->watches[0]);
	loop_remove(udp->watches[1]);
	free(udp);
}
