// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The net door of a sandbox, as far as both of its sides have to know it: who makes the sockets
 * (rungs/sandbox/doors_net.c, PID 1 inside the sandbox's network namespace) and who serves them
 * (programs/door, outside). src/programs/door/README.md tells how it works.
 *
 * The namespace has nothing but loopback. Three addresses in it belong to rung, of the range for
 * benchmarks that nobody routes (198.18.0.0/15, RFC 2544) and of a ULA (RFC 4193):
 *
 *	198.18.0.1   fd72:756e:6700::1   the door: resolver at port 53; at the others, the host's
 *	                                 own loopback, for "net=localhost:PORT"
 *	198.18.0.2   fd72:756e:6700::2   the sandbox itself: source of what its programs send
 *	198.18.1.0 … 198.19.255.255      names: each name that was asked for has an address of its
 *	fd72:756e:6700::1:0 …            own as long as the sandbox lives
 */

#include "plan/permission.h"

#include <netinet/in.h>
#include <stdint.h>

/** For resolv.conf inside. */
#define NET_DOOR_RESOLVER "198.18.0.1"

#define NET_DOOR_ADDRESS ((struct in_addr){htonl(0xc6120001)})
#define NET_DOOR_OWN ((struct in_addr){htonl(0xc6120002)})
#define NET_DOOR_ADDRESS6 \
	((struct in6_addr){{{0xfd, 0x72, 0x75, 0x6e, 0x67, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}})
#define NET_DOOR_OWN6 \
	((struct in6_addr){{{0xfd, 0x72, 0x75, 0x6e, 0x67, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}})

/** The number of a name lies in the last bytes: NET_DOOR_NAMES + n of 198.18.0.0 and of the ULA. */
#define NET_DOOR_NAMES 0x100
#define NET_DOOR_NAMES_MAX 0xff00
#define NET_DOOR_NAMES_V4 0xc6120000
#define NET_DOOR_NAMES_V6_BASE 0x10000

/**
 * Where the listening sockets are bound at the door's address: below 1024, where the sandbox's
 * programs, which have no capability, cannot bind even the wildcard address.
 */
#define NET_DOOR_PORT 1

/** Mark of the packets that the door itself sends into the namespace. */
#define NET_DOOR_MARK 0x646f6f72

/** The descriptors, in the order in which they are handed over; the last three only with IPv6. */
enum net_door_fd {
	NET_DOOR_TCP,    /* transparent listener */
	NET_DOOR_UDP,    /* transparent, tells the original destination */
	NET_DOOR_PACKET, /* packet(7): sees every first packet of a TCP connection */
	NET_DOOR_RAW,    /* for packets that the door writes itself, marked */
	NET_DOOR_TCP6,
	NET_DOOR_UDP6,
	NET_DOOR_RAW6,
	NET_DOOR_FD_COUNT,
};
#define NET_DOOR_FD_COUNT_V4 NET_DOOR_TCP6

/** At most so many ports of loopback can be given to the host. */
#define NET_DOOR_HOST_PORTS_MAX 256

/**
 * Ports that "net=localhost:PORT" and its like give or ask about: inside, loopback's port leads to
 * the host's. Returns how many.
 */
size_t net_door_host_ports(
	const struct permissions *permissions, uint16_t ret_ports[NET_DOOR_HOST_PORTS_MAX]);
