// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the parts of the net door share. Each part is one file that keeps its own state behind a
 * pointer in struct net_door; net_door.c puts them together.
 *
 *	net_reach.c    where to: address → name → may it? → addresses on the host
 *	net_owner.c    who wants it, for questions
 *	net_tcp.c      connections outwards, from the first packet on
 *	net_udp.c      datagrams outwards, and those to "listen" ports
 *	net_dns.c      the resolver at port 53
 *	net_listen.c   connections inwards
 *	net_relay.c    bytes between two sockets
 */

#include "names.h"
#include "net_door.h"
#include "net_packet.h"
#include "net_relay.h"
#include "resolve.h"

struct net_tcp;
struct net_udp;
struct net_dns;
struct net_listen;

struct net_door {
	struct loop *loop;
	int fds[NET_DOOR_FD_COUNT];
	struct policy *policy;
	const struct permissions *permissions;
	uint16_t host_ports[NET_DOOR_HOST_PORTS_MAX];
	size_t host_port_count;
	struct names names;
	struct resolver *resolver;
	struct net_relays *relays;
	struct net_tcp *tcp;
	struct net_udp *udp;
	struct net_dns *dns;
	struct net_listen *listen;
};

/** Sends a packet of net_packet.h into the sandbox. What does not get through is lost, as it is
 * with packets. */
void net_send_packet(
	struct net_door *door, const struct endpoint *to, const void *packet, size_t length);

/** A second's beat for whatever has to end some time. */
enum { NET_BEAT_MS = 1000 };

/* ---- net_reach.c ------------------------------------------------------------------- */

enum net_place {
	NET_INSIDE,   /* not for the door: loopback, the sandbox's own address, multicast */
	NET_RESOLVER, /* the resolver, under any address */
	NET_HOST,     /* somewhere on the host's side */
};

/** What an endpoint in the sandbox stands for. @ret_host: a name, "localhost", an address. */
enum net_place net_place_of(const struct net_door *door, const struct endpoint *to,
	char ret_host[static HOST_NAME_MAX_LENGTH + 1]);

struct net_reach;

/**
 * @result: 0 with where to connect to, the best first; -EACCES: denied; -EHOSTUNREACH: there is no
 * such host, or only where nobody's name may lead.
 */
typedef void (*net_reached)(
	int result, const struct address *addresses, size_t count, void *context);

/**
 * Asks the policy, then the resolver. @protocol, @pair: whose socket of the sandbox wants it; the
 * port is the one that it sent to. NULL: the callback was called already.
 */
struct net_reach *net_reach_start(struct net_door *door, const char *host, int protocol,
	const struct endpoint_pair *pair, net_reached reached, void *context);

/** The callback will not be called. NULL is fine. */
void net_reach_cancel(struct net_reach *reach);

/** Whether some port of a name may be reached without asking anybody. */
bool net_name_is_allowed(const struct net_door *door, const char *name);

/* ---- net_owner.c ------------------------------------------------------------------- */

/** The process that has the socket from which pair was sent; 0: nobody knows. */
pid_t net_owner(const struct net_door *door, int protocol, const struct endpoint_pair *pair);

/* ---- net_tcp.c ------------------------------------------------------------------------ */

[[nodiscard]] int net_tcp_new(struct net_door *door, struct net_tcp **ret);
void net_tcp_free(struct net_tcp *tcp);

/* ---- net_udp.c ------------------------------------------------------------------------- */

[[nodiscard]] int net_udp_new(struct net_door *door, struct net_udp **ret);
void net_udp_free(struct net_udp *udp);

/**
 * A datagram that somebody sent to the "listen" port of the host: it goes to the sandbox, and what
 * comes back leaves by host_fd for the peer. @pair: as the sandbox shall see it.
 */
void net_udp_deliver(struct net_udp *udp, int host_fd, const struct sockaddr_storage *peer,
	socklen_t peer_length, const struct endpoint_pair *pair, const void *contents,
	size_t length);

/* ---- net_dns.c --------------------------------------------------------------------------- */

[[nodiscard]] int net_dns_new(struct net_door *door, struct net_dns **ret);
void net_dns_free(struct net_dns *dns);

/** A query that came as a datagram. */
void net_dns_datagram(
	struct net_dns *dns, const struct endpoint_pair *pair, const uint8_t *query, size_t length);

/** Somebody connected to the resolver; takes fd. */
void net_dns_connection(struct net_dns *dns, int fd);

/* ---- net_listen.c ---------------------------------------------------------------------- */

[[nodiscard]] int net_listen_new(struct net_door *door, struct net_listen **ret);
void net_listen_free(struct net_listen *listen);
