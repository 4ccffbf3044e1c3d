// SPDX-License-Identifier: Apache-2.0

/*
 * The resolver inside the sandbox. Every name gets an address that stands for it (names.h), of both
 * families, whatever the host's world has: the door connects by what there is. Only for names that
 * may be reached somewhere the host is asked at once whether they exist; a query for any other name
 * goes nowhere, or the names themselves would carry letters out. Whether such a name may be reached
 * is decided, and asked, when somebody connects: then the port is known as well.
 *
 * Other types (MX, TXT, SRV …) are passed to the host's name servers for allowed names, refused for
 * others. Hints that would lead round these addresses (HTTPS, SVCB) do not exist here.
 */

#include "net.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/scope.h"
#include "base/text.h"
#include "dns_wire.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { OPEN_MAX = 512, CONNECTIONS_MAX = 64, IDLE_MS = 30000, TTL_SECONDS = 60 };
enum { QUESTION_ROOM = HOST_NAME_MAX_LENGTH + 2 + 4 };

struct connection {
	struct connection *next;
	struct net_dns *dns;
	int fd;
	struct loop_watch *watch;
	int64_t used_ms;
	struct asked *asked; /* one at a time; others wait in the socket */
	size_t in_length, out_length, out_sent;
	uint8_t in[2 + DNS_QUERY_MAX];
	uint8_t out[2 + DNS_MESSAGE_MAX];
};

/* A query that waits for the host. */
struct asked {
	struct asked *next;
	struct net_dns *dns;
	struct connection *connection; /* NULL: it came as a datagram */
	struct endpoint_pair pair;
	struct resolve_request *request;
	struct dns_query query;
	uint8_t question[QUESTION_ROOM];
};

struct net_dns {
	struct net_door *door;
	struct asked *open;
	size_t open_count;
	struct connection *connections;
	size_t connection_count;
	struct loop_watch *beat;
	uint8_t answer[DNS_MESSAGE_MAX];
	uint8_t packet[DNS_MESSAGE_MAX + PACKET_ROOM];
};

/* ---- answers go out ---------------------------------------------------------------------------
 */

static void send_answer(struct connection *connection, const uint8_t *answer, size_t length);

static void answer_to(struct net_dns *dns, struct connection *connection,
	const struct endpoint_pair *pair, const struct dns_query *query, uint8_t *answer,
	size_t length)
{
	if (connection) {
		send_answer(connection, answer, length);
		return;
	}
	struct endpoint_pair back = endpoint_pair_turn(pair);
	if (length > query->room)
		length = dns_truncate(answer, query);
	size_t whole = packet_write_datagram(dns->packet, &back, answer, length);
	net_send_packet(dns->door, &back.to, dns->packet, whole);
}

static void forget_asked(struct asked *asked)
{
	struct asked **at = &asked->dns->open;
	while (*at != asked)
		at = &(*at)->next;
	*at = asked->next;
	asked->dns->open_count--;
	if (asked->connection)
		asked->connection->asked = NULL;
	resolve_cancel(asked->request);
	free(asked);
}

/* ---- what is answered --------------------------------------------------------------------------
 */

static bool has_v6(const struct net_dns *dns)
{
	return dns->door->fds[NET_DOOR_TCP6] >= 0;
}

/* The address of this type that stands for the name. */
static size_t write_stand_in(struct net_dns *dns, const struct dns_query *query)
{
	int number = names_number(&dns->door->names, query->name);
	if (number < 0)
		return dns_write_code(dns->answer, query, DNS_FAILED);
	if (query->type == DNS_A) {
		struct in_addr address = names_address((unsigned)number);
		return dns_write_address(dns->answer, query, &address, 4, TTL_SECONDS);
	}
	struct in6_addr address = names_address6((unsigned)number);
	return has_v6(dns) ? dns_write_address(dns->answer, query, &address, 16, TTL_SECONDS)
			   : dns_write_code(dns->answer, query, DNS_OK);
}

/* RFC 6761, 6.3. */
static size_t write_localhost(struct net_dns *dns, const struct dns_query *query)
{
	static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
	if (query->type == DNS_A)
		return dns_write_address(dns->answer, query, v4, sizeof(v4), TTL_SECONDS);
	if (query->type == DNS_AAAA)
		return dns_write_address(dns->answer, query, v6, sizeof(v6), TTL_SECONDS);
	return dns_write_code(dns->answer, query, DNS_OK);
}

static size_t write_reverse(
	struct net_dns *dns, const struct dns_query *query, const struct address *address)
{
	const char *name = NULL;
	switch (names_find(&dns->door->names, address, &name)) {
	case NAMES_NAME:
		return dns_write_pointer(dns->answer, query, name, TTL_SECONDS);
	case NAMES_DOOR:
		return dns_write_pointer(dns->answer, query, "localhost", TTL_SECONDS);
	default:
		return dns_write_code(dns->answer, query, DNS_NO_NAME);
	}
}

static void on_addresses(const struct resolved *resolved, void *context)
{
	struct asked *asked = context;
	struct net_dns *dns = asked->dns;
	size_t length;
	asked->request = NULL;
	if (resolved->result == -ENOENT)
		length = dns_write_code(dns->answer, &asked->query, DNS_NO_NAME);
	else if (resolved->result < 0)
		length = dns_write_code(dns->answer, &asked->query, DNS_FAILED);
	else
		length = write_stand_in(dns, &asked->query);
	struct connection *connection = asked->connection;
	const struct endpoint_pair pair = asked->pair;
	const struct dns_query query = asked->query;
	answer_to(dns, connection, &pair, &query, dns->answer, length);
	forget_asked(asked);
}

static void on_records(const struct resolved *resolved, void *context)
{
	struct asked *asked = context;
	struct net_dns *dns = asked->dns;
	int length = -EBADMSG;
	asked->request = NULL;
	if (resolved->result == 0 && resolved->message_length <= sizeof(dns->answer)) {
		memcpy(dns->answer, resolved->message, resolved->message_length);
		length = dns_adopt_answer(dns->answer, resolved->message_length, &asked->query);
	}
	if (length < 0)
		length = (int)dns_write_code(dns->answer, &asked->query, DNS_FAILED);
	answer_to(dns, asked->connection, &asked->pair, &asked->query, dns->answer, (size_t)length);
	forget_asked(asked);
}

/* 0: the host is being asked, or it was answered from memory. */
static size_t ask_host(struct net_dns *dns, struct connection *connection,
	const struct endpoint_pair *pair, const struct dns_query *query)
{
	bool addresses = query->type == DNS_A || query->type == DNS_AAAA;
	struct asked *asked = dns->open_count < OPEN_MAX ? calloc(1, sizeof(*asked)) : NULL;
	if (!asked)
		return dns_write_code(dns->answer, query, DNS_FAILED);
	asked->dns = dns;
	asked->connection = connection;
	asked->pair = *pair;
	asked->query = *query;
	memcpy(asked->question, query->question, query->question_length);
	asked->query.question = asked->question;
	asked->next = dns->open;
	dns->open = asked;
	dns->open_count++;
	if (connection)
		connection->asked = asked;
	struct resolver *resolver = dns->door->resolver;
	struct resolve_request *request =
		addresses ? resolve_addresses(resolver, query->name, on_addresses, asked)
			  : resolve_records(resolver, query->name, query->type, on_records, asked);
	if (request)
		asked->request = request;
	return 0;
}

static bool is_localhost(const char *name)
{
	return text_equal(name, "localhost") || text_ends(name, ".localhost");
}

/* Length of the answer in dns->answer; 0: none, or later. */
static size_t answer_query(struct net_dns *dns, struct connection *connection,
	const struct endpoint_pair *pair, const struct dns_query *query)
{
	struct address address;
	if (query->class != DNS_INTERNET || query->type == DNS_ANY)
		return dns_write_code(dns->answer, query, DNS_NOT_IMPLEMENTED);
	if (query->type == DNS_PTR && dns_reverse(query->name, &address))
		return write_reverse(dns, query, &address);
	if (!query->plain)
		return dns_write_code(dns->answer, query, DNS_NO_NAME);
	if (is_localhost(query->name))
		return write_localhost(dns, query);
	if (query->type == DNS_HTTPS || query->type == DNS_SVCB)
		return dns_write_code(dns->answer, query, DNS_OK);
	if (net_name_is_allowed(dns->door, query->name))
		return ask_host(dns, connection, pair, query);
	if (query->type == DNS_A || query->type == DNS_AAAA)
		return write_stand_in(dns, query);
	return dns_write_code(dns->answer, query, DNS_REFUSED);
}

/* false: no answer to such a thing. */
static bool handle(struct net_dns *dns, struct connection *connection,
	const struct endpoint_pair *pair, const uint8_t *bytes, size_t length)
{
	struct dns_query query = {};
	int r = dns_read_query(bytes, length, &query);
	size_t answer;
	if (r == -EBADMSG)
		return false;
	if (r < 0)
		answer = dns_write_code(
			dns->answer, &query, r == -EINVAL ? DNS_MALFORMED : DNS_NOT_IMPLEMENTED);
	else
		answer = answer_query(dns, connection, pair, &query);
	if (answer)
		answer_to(dns, connection, pair, &query, dns->answer, answer);
	return true;
}

void net_dns_datagram(
	struct net_dns *dns, const struct endpoint_pair *pair, const uint8_t *query, size_t length)
{
	(void)handle(dns, NULL, pair, query, length);
}

/* ---- over TCP: each message after its length (RFC 7766)
 * ------------------------------------------ */

static void close_connection(struct connection *connection)
{
	struct connection **at = &connection->dns->connections;
	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	connection->dns->connection_count--;
	if (connection->asked)
		forget_asked(connection->asked);
	loop_remove(connection->watch);
	(void)close(connection->fd);
	free(connection);
}

/* Reads while it answers nobody, writes while there is an answer. */
static int watch_connection(struct connection *connection)
{
	uint32_t events = connection->asked ? 0 : EPOLLIN;
	if (connection->out_length)
		events = EPOLLOUT;
	return loop_change_fd(connection->watch, events);
}

static void send_answer(struct connection *connection, const uint8_t *answer, size_t length)
{
	connection->out[0] = (uint8_t)(length >> 8);
	connection->out[1] = (uint8_t)length;
	memcpy(connection->out + 2, answer, length);
	connection->out_length = 2 + length;
	connection->out_sent = 0;
	if (loop_change_fd(connection->watch, EPOLLOUT) < 0)
		error_clear(); /* it ends by its idleness */
}

/* The next whole query in what was read. False: the connection is not worth keeping. */
static bool take_query(struct connection *connection)
{
	static const struct endpoint_pair nobody;
	uint8_t *in = connection->in;
	if (connection->in_length < 2 || connection->asked || connection->out_length)
		return true;
	size_t length = (size_t)in[0] << 8 | in[1];
	if (length > DNS_QUERY_MAX)
		return false;
	if (connection->in_length < 2 + length)
		return true;
	bool known = handle(connection->dns, connection, &nobody, in + 2, length);
	connection->in_length -= 2 + length;
	memmove(in, in + 2 + length, connection->in_length);
	return known;
}

static bool read_some(struct connection *connection)
{
	size_t room = sizeof(connection->in) - connection->in_length;
	if (room == 0)
		return true;
	ssize_t n =
		recv(connection->fd, connection->in + connection->in_length, room, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	connection->in_length += (size_t)n;
	return true;
}

static bool write_some(struct connection *connection)
{
	size_t left = connection->out_length - connection->out_sent;
	ssize_t n = send(connection->fd, connection->out + connection->out_sent, left,
		MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	connection->out_sent += (size_t)n;
	if (connection->out_sent == connection->out_length)
		connection->out_length = connection->out_sent = 0;
	return true;
}

static int on_connection(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct connection *connection = context;
	bool keep = !(events & (EPOLLERR | EPOLLHUP));
	connection->used_ms = clock_monotonic_ms();
	if (keep && connection->out_length)
		keep = write_some(connection);
	else if (keep && (events & EPOLLIN))
		keep = read_some(connection);
	if (keep)
		keep = take_query(connection);
	if (!keep || watch_connection(connection) < 0) {
		error_clear();
		close_connection(connection);
	}
	return 0;
}

static int on_beat(struct loop_watch *watch, void *context)
{
	struct net_dns *dns = context;
	struct connection *next;
	int64_t now_ms = clock_monotonic_ms();
	for (struct connection *at = dns->connections; at; at = next) {
		next = at->next;
		if (now_ms - at->used_ms > IDLE_MS && !at->asked)
			close_connection(at);
	}
	if (!dns->connections)
		loop_remove(take(dns->beat));
	return 0;
}

void net_dns_connection(struct net_dns *dns, int fd)
{
	struct loop *loop = dns->door->loop;
	struct connection *connection =
		dns->connection_count < CONNECTIONS_MAX ? calloc(1, sizeof(*connection)) : NULL;
	if (!connection ||
		loop_add_fd(loop, fd, EPOLLIN, on_connection, connection, &connection->watch) < 0) {
		error_clear();
		free(connection);
		net_reset(fd);
		return;
	}
	connection->dns = dns;
	connection->fd = fd;
	connection->used_ms = clock_monotonic_ms();
	connection->next = dns->connections;
	dns->connections = connection;
	dns->connection_count++;
	if (!dns->beat &&
		loop_add_timer_ms(loop, NET_BEAT_MS, NET_BEAT_MS, on_beat, dns, &dns->beat) < 0)
		error_clear();
}

/* ---- life
 * ------------------------------------------------------------------------------------------- */

int net_dns_new(struct net_door *door, struct net_dns **ret)
{
	struct net_dns *dns = calloc(1, sizeof(*dns));
	if (!dns)
		return fail(-ENOMEM, "start the net door");
	dns->door = door;
	*ret = dns;
	return 0;
}

void net_dns_free(struct net_dns *dns)
{
	if (!dns)
		return;
	while (dns->connections)
		close_connection(dns->connections);
	while (dns->open)
		forget_asked(dns->open);
	loop_remove(dns->beat);
	free(dns);
}
