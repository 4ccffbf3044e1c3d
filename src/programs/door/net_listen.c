// SPDX-License-Identifier: Apache-2.0

/*
 * Connections inwards: for each "listen=PORT" the door listens on that port of the host, TCP and
 * UDP, both families, and connects to the same port inside. Whoever comes over the host's loopback
 * arrives at loopback inside; whoever comes from elsewhere, at the sandbox's own address, and under
 * his own: so a program that binds to 127.0.0.1 is reached from this machine alone, as it would be
 * outside, and logs name real clients.
 *
 * A socket inside is made by a thread that has entered the sandbox's network namespace: there is no
 * way back out of it for this process. It makes sockets and nothing else.
 */

#include "net.h"

#include "base/error.h"
#include "base/scope.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { BACKLOG = 4096, AT_ONCE = 64, DATAGRAM_MAX = 65536 };

struct port {
	struct port *next;
	struct net_listen *listen;
	uint16_t number;
	int tcp_fd, udp_fd; /* udp_fd -1: another program of the host has it */
	struct loop_watch *tcp_watch, *udp_watch;
};

/* Accepted, and not yet connected inside. */
struct arrival {
	struct arrival *next;
	struct net_listen *listen;
	int host_fd, inside_fd;
	struct loop_watch *watch;
};

struct net_listen {
	struct net_door *door;
	struct port *ports;
	struct arrival *arrivals;
	bool made; /* the thread runs */
	pthread_t maker;
	int wish_fd; /* a family is written, a descriptor or negative errno read */
	uint8_t datagram[DATAGRAM_MAX];
};

/* ---- the thread inside ---------------------------------------------------------------------- */

struct maker {
	int namespace_fd, wish_fd;
};

static void *make_sockets(void *argument)
{
	struct maker maker = *(struct maker *)argument;
	int family, answer = setns(maker.namespace_fd, CLONE_NEWNET) < 0 ? -errno : 0;
	bool inside = answer == 0;
	free(argument);
	(void)close(maker.namespace_fd);
	(void)!write(maker.wish_fd, &answer, sizeof(answer));
	while (inside && read(maker.wish_fd, &family, sizeof(family)) == sizeof(family)) {
		answer = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (answer < 0)
			answer = -errno;
		(void)!write(maker.wish_fd, &answer, sizeof(answer));
	}
	(void)close(maker.wish_fd);
	return NULL;
}

static int read_answer(int fd)
{
	int answer;
	ssize_t n;
	while ((n = read(fd, &answer, sizeof(answer))) < 0 && errno == EINTR)
		;
	return n == sizeof(answer) ? answer : -EPIPE;
}

static int start_maker(struct net_listen *listen)
{
	int ends[2];
	sigset_t all, before;
	autoclose int namespace_fd = ioctl(listen->door->fds[NET_DOOR_TCP], SIOCGSKNS);
	if (namespace_fd < 0)
		return fail(-errno, "find the sandbox's network");
	struct maker *maker = malloc(sizeof(*maker));
	if (!maker || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		int r = fail(maker ? -errno : -ENOMEM, "prepare listening");
		free(maker);
		return r;
	}
	*maker = (struct maker){take_fd(namespace_fd), ends[1]};
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&listen->maker, NULL, make_sockets, maker);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	listen->wish_fd = ends[0];
	if (error != 0) {
		(void)close(maker->namespace_fd);
		(void)close(ends[1]);
		free(maker);
		return fail(-error, "prepare listening");
	}
	listen->made = true;
	int r = read_answer(listen->wish_fd);
	return r < 0 ? fail(r, "enter the sandbox's network") : 0;
}

static int make_inside(struct net_listen *listen, int family)
{
	if (write(listen->wish_fd, &family, sizeof(family)) != sizeof(family))
		return -EPIPE;
	return read_answer(listen->wish_fd);
}

/* ---- connections --------------------------------------------------------------------------------
 */

static bool is_loopback(const struct address *address)
{
	static const struct address loopback6 = {{[15] = 1}};
	if (address_is_v4(address))
		return address->bytes[12] == 127;
	return memcmp(address, &loopback6, sizeof(loopback6)) == 0;
}

static struct address place_inside(bool v4, bool loopback)
{
	const struct in6_addr own6 = NET_DOOR_OWN6;
	const struct in_addr own = NET_DOOR_OWN;
	struct address address = {};
	if (v4) {
		address.bytes[10] = address.bytes[11] = 0xff;
		memcpy(address.bytes + 12, loopback ? "\x7f\0\0\1" : (const char *)&own, 4);
	} else if (loopback) {
		address.bytes[15] = 1;
	} else {
		memcpy(address.bytes, &own6, sizeof(own6));
	}
	return address;
}

static void forget_arrival(struct arrival *arrival)
{
	struct arrival **at = &arrival->listen->arrivals;
	while (*at != arrival)
		at = &(*at)->next;
	*at = arrival->next;
	loop_remove(arrival->watch);
	if (arrival->host_fd >= 0)
		net_reset(arrival->host_fd);
	close_now(arrival->inside_fd);
	free(arrival);
}

static void hand_on(struct arrival *arrival)
{
	struct net_relays *relays = arrival->listen->door->relays;
	loop_remove(take(arrival->watch));
	int host_fd = take_fd(arrival->host_fd), inside_fd = take_fd(arrival->inside_fd);
	forget_arrival(arrival);
	net_relay_start(relays, host_fd, inside_fd);
}

static int on_connected(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct arrival *arrival = context;
	int error = 0;
	socklen_t length = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0)
		forget_arrival(arrival);
	else
		hand_on(arrival);
	return 0;
}

/* The client's own address, so that the program knows who it is. Without it works as well. */
static void wear(int fd, const struct endpoint *client)
{
	struct sockaddr_storage name;
	socklen_t length = endpoint_to_socket(client, &name);
	bool v4 = name.ss_family == AF_INET;
	int on = 1;
	if (setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &on,
		    sizeof(on)) == 0)
		(void)!bind(fd, (const struct sockaddr *)&name, length);
}

/* Positive: connected. 0: it will tell. */
static int connect_inside(
	struct arrival *arrival, const struct endpoint *client, uint16_t port_number)
{
	struct net_listen *listen = arrival->listen;
	bool v4 = address_is_v4(&client->address), loopback = is_loopback(&client->address);
	const struct endpoint to = {place_inside(v4, loopback), port_number};
	struct sockaddr_storage name;
	socklen_t length = endpoint_to_socket(&to, &name);
	arrival->inside_fd = make_inside(listen, name.ss_family);
	if (arrival->inside_fd < 0)
		return arrival->inside_fd;
	if (!loopback)
		wear(arrival->inside_fd, client);
	if (connect(arrival->inside_fd, (const struct sockaddr *)&name, length) == 0)
		return 1;
	if (errno != EINPROGRESS)
		return -errno;
	return loop_add_fd(listen->door->loop, arrival->inside_fd, EPOLLOUT, on_connected, arrival,
		&arrival->watch);
}

static void take_arrival(struct port *port, int fd, const struct sockaddr_storage *peer)
{
	struct net_listen *listen = port->listen;
	struct arrival *arrival = calloc(1, sizeof(*arrival));
	struct endpoint client;
	if (!arrival) {
		net_reset(fd);
		return;
	}
	*arrival = (struct arrival){
		.next = listen->arrivals, .listen = listen, .host_fd = fd, .inside_fd = -1};
	listen->arrivals = arrival;
	endpoint_from_socket(peer, &client);
	int r = connect_inside(arrival, &client, port->number);
	if (r > 0)
		hand_on(arrival);
	else if (r < 0)
		forget_arrival(arrival);
	error_clear();
}

static int on_arrivals(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct port *port = context;
	for (int i = 0; i < AT_ONCE; i++) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof(peer);
		int taken = accept4(
			fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (taken < 0)
			break;
		take_arrival(port, taken, &peer);
	}
	return 0;
}

/* ---- datagrams
 * --------------------------------------------------------------------------------------- */

/* Loopback's addresses would not lead back here from inside: one that does stands for them. */
static void stand_in_for_loopback(struct endpoint *client)
{
	const struct in6_addr door6 = NET_DOOR_ADDRESS6;
	if (!is_loopback(&client->address))
		return;
	if (address_is_v4(&client->address)) {
		uint32_t third = htonl(NET_DOOR_NAMES_V4 + 3);
		memcpy(client->address.bytes + 12, &third, sizeof(third));
	} else {
		memcpy(client->address.bytes, &door6, sizeof(door6));
		client->address.bytes[15] = 3;
	}
}

static int on_datagrams(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	struct port *port = context;
	struct net_listen *listen = port->listen;
	for (int i = 0; i < AT_ONCE; i++) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof(peer);
		struct endpoint_pair pair;
		ssize_t n = recvfrom(fd, listen->datagram, sizeof(listen->datagram), MSG_DONTWAIT,
			(struct sockaddr *)&peer, &length);
		if (n < 0)
			break;
		endpoint_from_socket(&peer, &pair.from);
		stand_in_for_loopback(&pair.from);
		bool v4 = address_is_v4(&pair.from.address);
		pair.to = (struct endpoint){place_inside(v4, false), port->number};
		net_udp_deliver(
			listen->door->udp, fd, &peer, length, &pair, listen->datagram, (size_t)n);
	}
	return 0;
}

/* ---- ports
 * ---------------------------------------------------------------------------------------------- */

static int bind_everywhere(int family, int type, uint16_t number)
{
	autoclose int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(number)};
	const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(number)};
	int on = 1, off = 0, r;
	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		(void)setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	r = family == AF_INET6 ? bind(fd, (const struct sockaddr *)&v6, sizeof(v6))
			       : bind(fd, (const struct sockaddr *)&v4, sizeof(v4));
	if (r < 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) < 0))
		return -errno;
	return take_fd(fd);
}

static int bind_port(int type, uint16_t number)
{
	int fd = bind_everywhere(AF_INET6, type, number);
	return fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL ? bind_everywhere(AF_INET, type, number)
							   : fd;
}

static int open_port(struct net_listen *listen, uint16_t number)
{
	struct loop *loop = listen->door->loop;
	struct port *port = calloc(1, sizeof(*port));
	if (!port)
		return fail(-ENOMEM, "listen on port %u", number);
	*port = (struct port){
		.next = listen->ports, .listen = listen, .number = number, .udp_fd = -1};
	listen->ports = port;
	port->tcp_fd = bind_port(SOCK_STREAM, number);
	if (port->tcp_fd < 0)
		return fail(port->tcp_fd, "listen on port %u", number);
	port->udp_fd = bind_port(SOCK_DGRAM, number);
	int r = loop_add_fd(loop, port->tcp_fd, EPOLLIN, on_arrivals, port, &port->tcp_watch);
	if (r == 0 && port->udp_fd >= 0)
		r = loop_add_fd(loop, port->udp_fd, EPOLLIN, on_datagrams, port, &port->udp_watch);
	return r;
}

static bool is_open(const struct net_listen *listen, uint16_t number)
{
	const struct port *at = listen->ports;
	while (at && at->number != number)
		at = at->next;
	return at != NULL;
}

int net_listen_new(struct net_door *door, struct net_listen **ret)
{
	struct net_listen *listen = calloc(1, sizeof(*listen));
	int r = 0;
	if (!listen)
		return fail(-ENOMEM, "start the net door");
	listen->door = door;
	listen->wish_fd = -1;
	for (size_t i = 0; r == 0 && i < door->permissions->count; i++) {
		const struct permission *item = &door->permissions->items[i];
		if (item->kind != PERMISSION_LISTEN || item->answer != PERMISSION_ALLOW ||
			is_open(listen, item->port))
			continue;
		if (!listen->made)
			r = start_maker(listen);
		if (r == 0)
			r = open_port(listen, item->port);
	}
	if (r < 0)
		net_listen_free(listen);
	else
		*ret = listen;
	return r;
}

void net_listen_free(struct net_listen *listen)
{
	if (!listen)
		return;
	while (listen->arrivals)
		forget_arrival(listen->arrivals);
	while (listen->ports) {
		struct port *port = listen->ports;
		listen->ports = port->next;
		loop_remove(port->tcp_watch);
		loop_remove(port->udp_watch);
		scope_close(&port->tcp_fd);
		scope_close(&port->udp_fd);
		free(port);
	}
	close_now(listen->wish_fd);
	if (listen->made)
		(void)pthread_join(listen->maker, NULL);
	free(listen);
}
