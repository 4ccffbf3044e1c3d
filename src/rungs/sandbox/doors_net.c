// SPDX-License-Identifier: Apache-2.0

/*
 * Loopback is the only interface, and by the route "local default dev lo" every address of the
 * world is one of this machine: what is sent to debian.org's address arrives here, addresses and
 * ports unchanged. One chain of nftables, passed by every arriving packet, gives it to the door:
 *
 *   - loopback, the sandbox's own address, multicast: stay inside
 *   - TCP: the first packet (SYN) is dropped, but the door's packet socket has seen it before.
 *     It decides, connects on the host, and only then sends the same packet once more, marked;
 *     marked it goes to the door's listener. So connect(2) inside waits while somebody is asked
 *     and ends with the very error the host's connect met. Later packets find their socket.
 *   - UDP: to the door's socket (tproxy), which reads the original destination beside each datagram
 *   - everything else is dropped: ICMP would be answered by this namespace itself, in the name of
 *     the whole world
 *
 * tproxy and no redirect: the packets stay as they are, so there is no connection tracking to pay
 * for, and a datagram still says where it wanted to go.
 *
 * The rules only lead the way. The wall is that nothing but the door's own sockets leads out of
 * the namespace: whoever got round the rules would be alone with himself.
 */

#include "rungs/sandbox/doors_net.h"

#include "base/error.h"
#include "base/text.h"
#include "walls/nftables.h"
#include "walls/routes.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

#define CHAIN "door"
enum { BEFORE_CONNTRACK = -250 }; /* priority; "raw" is -300, connection tracking -200 */

/* The backlog is cut to net.core.somaxconn. */
enum { BACKLOG = 4096, DATAGRAM_ROOM = 4 << 20, PACKET_ROOM = 4 << 20 };

/* ---- the way to the door -------------------------------------------------------------- */

static int lead_here_v4(void)
{
	autofini(netlink_fini) struct netlink netlink = {};
	routes_link_up(&netlink, ROUTES_LOOPBACK);
	routes_address(&netlink, ROUTES_LOOPBACK, AF_INET, &NET_DOOR_ADDRESS, 32);
	routes_address(&netlink, ROUTES_LOOPBACK, AF_INET, &NET_DOOR_OWN, 32);
	routes_local_default(&netlink, ROUTES_LOOPBACK, AF_INET, &NET_DOOR_OWN);
	return routes_commit(&netlink);
}

/* 0: this kernel has no IPv6, or it is switched off for new namespaces. */
static int lead_here_v6(void)
{
	autofini(netlink_fini) struct netlink netlink = {};
	routes_address(&netlink, ROUTES_LOOPBACK, AF_INET6, &NET_DOOR_ADDRESS6, 128);
	routes_address(&netlink, ROUTES_LOOPBACK, AF_INET6, &NET_DOOR_OWN6, 128);
	routes_local_default(&netlink, ROUTES_LOOPBACK, AF_INET6, &NET_DOOR_OWN6);
	int r = routes_commit(&netlink);
	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP || r == -EACCES) {
		error_clear();
		return 0;
	}
	return r < 0 ? r : 1;
}

/* ---- rules ------------------------------------------------------------------------------ */

struct destination {
	uint8_t family;
	uint8_t address[16], mask[16];
};

static const struct destination loopback[] = {
	{NFTABLES_IPV4, {127}, {0xff}},
	{NFTABLES_IPV6, {[15] = 1},
		{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
};

static const struct destination stays_inside[] = {
	{NFTABLES_IPV4, {198, 18, 0, 2}, {255, 255, 255, 255}},
	{NFTABLES_IPV4, {224}, {0xf0}},
	{NFTABLES_IPV4, {255, 255, 255, 255}, {255, 255, 255, 255}},
	{NFTABLES_IPV6, {0xfd, 0x72, 0x75, 0x6e, 0x67, [15] = 2},
		{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
	{NFTABLES_IPV6, {0xff}, {0xff}},
	{NFTABLES_IPV6, {0xfe, 0x80}, {0xff, 0xc0}},
};

static void when_family(struct nftables *nft, uint8_t family)
{
	nftables_meta(nft, NFT_META_NFPROTO);
	nftables_equal(nft, &family, sizeof(family));
}

static void when_protocol(struct nftables *nft, uint8_t protocol)
{
	nftables_meta(nft, NFT_META_L4PROTO);
	nftables_equal(nft, &protocol, sizeof(protocol));
}

static void when_destination(struct nftables *nft, const struct destination *destination)
{
	bool v4 = destination->family == NFTABLES_IPV4;
	size_t length = v4 ? 4 : 16;
	when_family(nft, destination->family);
	nftables_payload(nft, NFT_PAYLOAD_NETWORK_HEADER, v4 ? 16 : 24, (unsigned)length);
	nftables_mask(nft, destination->mask, length);
	nftables_equal(nft, destination->address, length);
}

static void when_port(struct nftables *nft, uint16_t port)
{
	uint16_t wire_port = htons(port);
	nftables_payload(nft, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(wire_port));
	nftables_equal(nft, &wire_port, sizeof(wire_port));
}

/* SYN of SYN, ACK, RST and FIN alone. */
static void when_first_packet(struct nftables *nft)
{
	static const uint8_t looked_at = 0x17, syn = 0x02;
	when_protocol(nft, IPPROTO_TCP);
	nftables_payload(nft, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	nftables_mask(nft, &looked_at, 1);
	nftables_equal(nft, &syn, 1);
}

static void when_marked(struct nftables *nft)
{
	uint32_t mark = NET_DOOR_MARK;
	nftables_meta(nft, NFT_META_MARK);
	nftables_equal(nft, &mark, sizeof(mark));
}

static void to_door(struct nftables *nft, uint8_t family)
{
	if (family == NFTABLES_IPV4)
		nftables_tproxy(nft, &NET_DOOR_ADDRESS, NET_DOOR_PORT);
	else
		nftables_tproxy6(nft, &NET_DOOR_ADDRESS6, NET_DOOR_PORT);
	nftables_verdict(nft, NFTABLES_ACCEPT);
}

/* A port of this machine's loopback that means the host's. */
static void add_host_port(struct nftables *nft, const struct destination *where, uint16_t port)
{
	nftables_rule(nft, CHAIN);
	when_destination(nft, where);
	when_first_packet(nft);
	when_port(nft, port);
	nftables_verdict(nft, NFTABLES_DROP);

	nftables_rule(nft, CHAIN);
	when_destination(nft, where);
	when_protocol(nft, IPPROTO_UDP);
	when_port(nft, port);
	to_door(nft, where->family);
}

static void add_marked(struct nftables *nft)
{
	static const uint8_t families[] = {NFTABLES_IPV4, NFTABLES_IPV6};
	for (size_t i = 0; i < array_length(families); i++) {
		nftables_rule(nft, CHAIN);
		when_marked(nft);
		when_family(nft, families[i]);
		when_first_packet(nft);
		to_door(nft, families[i]);
	}
	nftables_rule(nft, CHAIN);
	when_marked(nft);
	nftables_verdict(nft, NFTABLES_ACCEPT);
}

static void add_rest(struct nftables *nft)
{
	for (size_t i = 0; i < array_length(stays_inside); i++) {
		nftables_rule(nft, CHAIN);
		when_destination(nft, &stays_inside[i]);
		nftables_verdict(nft, NFTABLES_ACCEPT);
	}
	nftables_rule(nft, CHAIN);
	when_first_packet(nft);
	nftables_verdict(nft, NFTABLES_DROP);
	nftables_rule(nft, CHAIN);
	when_protocol(nft, IPPROTO_TCP);
	nftables_verdict(nft, NFTABLES_ACCEPT);
	for (size_t i = 0; i < array_length(loopback); i++) {
		nftables_rule(nft, CHAIN);
		when_family(nft, loopback[i].family);
		when_protocol(nft, IPPROTO_UDP);
		to_door(nft, loopback[i].family);
	}
	nftables_rule(nft, CHAIN);
	nftables_verdict(nft, NFTABLES_DROP);
}

static int add_rules(const uint16_t *host_ports, size_t host_port_count)
{
	autofini(nftables_fini) struct nftables nft = {};
	nftables_table(&nft, NFTABLES_INET, "rung");
	nftables_chain(&nft, CHAIN, "filter", NFTABLES_PREROUTING, BEFORE_CONNTRACK);
	add_marked(&nft);
	for (size_t i = 0; i < array_length(loopback); i++) {
		for (size_t k = 0; k < host_port_count; k++)
			add_host_port(&nft, &loopback[i], host_ports[k]);
		nftables_rule(&nft, CHAIN);
		when_destination(&nft, &loopback[i]);
		nftables_verdict(&nft, NFTABLES_ACCEPT);
	}
	add_rest(&nft);
	return nftables_commit(&nft);
}

/* ---- sockets ------------------------------------------------------------------------------ */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int bind_at_door(int fd, int family)
{
	const struct sockaddr_in door = {.sin_family = AF_INET,
		.sin_port = htons(NET_DOOR_PORT),
		.sin_addr = NET_DOOR_ADDRESS};
	const struct sockaddr_in6 door6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(NET_DOOR_PORT),
		.sin6_addr = NET_DOOR_ADDRESS6};
	int r = family == AF_INET ? bind(fd, (const struct sockaddr *)&door, sizeof(door))
				  : bind(fd, (const struct sockaddr *)&door6, sizeof(door6));
	return r < 0 ? -errno : 0;
}

/* A socket that takes what was meant for any address. */
static int open_transparent(int family, int type)
{
	autoclose int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, "make the net door's sockets");
	bool v4 = family == AF_INET;
	int r = v4 ? set(fd, SOL_IP, IP_TRANSPARENT, 1) : set(fd, SOL_IPV6, IPV6_TRANSPARENT, 1);
	if (r == 0 && !v4)
		r = set(fd, SOL_IPV6, IPV6_V6ONLY, 1);
	if (r == 0 && type == SOCK_DGRAM) {
		(void)set(fd, SOL_SOCKET, SO_RCVBUFFORCE, DATAGRAM_ROOM); /* or what is usual */
		r = v4 ? set(fd, SOL_IP, IP_RECVORIGDSTADDR, 1)
		       : set(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, 1);
	}
	if (r == 0)
		r = bind_at_door(fd, family);
	if (r == 0 && type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		r = -errno;
	return r < 0 ? fail(r, "open the net door's sockets") : take_fd(fd);
}

/* IPPROTO_RAW: the door writes the header of IP as well, and nothing is received. */
static int open_raw(int family)
{
	autoclose int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (fd < 0)
		return fail(-errno, "make the net door's raw sockets");
	int r = set(fd, SOL_SOCKET, SO_MARK, NET_DOOR_MARK);
	(void)set(fd, SOL_SOCKET, SO_SNDBUFFORCE, DATAGRAM_ROOM);
	return r < 0 ? fail(r, "mark what the net door sends") : take_fd(fd);
}

/*
 * Which arriving packets the packet socket wakes the door for: unmarked first packets of TCP. Those
 * that stay inside it tells apart itself, but for loopback's, of which there may be many.
 */
#define LOAD_BYTE(offset) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (offset))
#define LOAD_WORD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define MASK(bits) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (bits))
#define WHEN(value, equal, other) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (equal), (other))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, (value))

static int add_filter(int fd, bool loopback_too)
{
	struct sock_filter filter[] = {
		/* 0 */ LOAD_WORD(SKF_AD_OFF + SKF_AD_PKTTYPE),
		/* 1 */ WHEN(PACKET_HOST, 0, 22),
		/* 2 */ LOAD_WORD(SKF_AD_OFF + SKF_AD_MARK),
		/* 3 */ WHEN(NET_DOOR_MARK, 20, 0),
		/* 4 */ LOAD_BYTE(0),
		/* 5 */ MASK(0xf0),
		/* 6 */ WHEN(0x60, 7, 0),
		/* 7: IPv4 */ LOAD_BYTE(9),
		/* 8 */ WHEN(IPPROTO_TCP, 0, 15),
		/* 9 */ LOAD_BYTE(16),
		/* 10 */ WHEN(127, loopback_too ? 0 : 13, 0),
		/* 11 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		/* 12 */ BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
		/* 13 */ BPF_STMT(BPF_JMP | BPF_JA, 7),
		/* 14: IPv6 */ LOAD_BYTE(6),
		/* 15 */ WHEN(IPPROTO_TCP, 0, 8),
		/* 16 */ LOAD_WORD(36),
		/* 17 */ WHEN(1, 0, 2),
		/* 18 */ LOAD_WORD(24),
		/* 19 */ WHEN(0, loopback_too ? 0 : 4, 0),
		/* 20 */ LOAD_BYTE(40 + 13),
		/* 21: flags */ MASK(0x17),
		/* 22 */ WHEN(0x02, 0, 1),
		/* 23 */ ANSWER(UINT16_MAX),
		/* 24 */ ANSWER(0),
	};
	struct sock_fprog program = {.len = array_length(filter), .filter = filter};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

/* Bound to no protocol until the filter stands: nothing unwanted can be in its queue. */
static int open_packet(bool loopback_too)
{
	const struct sockaddr_ll everything = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ROUTES_LOOPBACK};
	autoclose int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, "make the net door's packet socket");
	(void)set(fd, SOL_SOCKET, SO_RCVBUFFORCE, PACKET_ROOM);
	/* Linux 4.20; without it each packet is looked at once more, and passed over by its type.
	 */
	(void)set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	int r = add_filter(fd, loopback_too);
	if (r == 0 && bind(fd, (const struct sockaddr *)&everything, sizeof(everything)) < 0)
		r = -errno;
	return r < 0 ? fail(r, "open the net door's packet socket") : take_fd(fd);
}

/* ---- all together --------------------------------------------------------------------------- */

static int open_sockets(int fds[NET_DOOR_FD_COUNT], bool with_v6, bool loopback_too)
{
	int r = fds[NET_DOOR_TCP] = open_transparent(AF_INET, SOCK_STREAM);
	if (r >= 0)
		r = fds[NET_DOOR_UDP] = open_transparent(AF_INET, SOCK_DGRAM);
	if (r >= 0)
		r = fds[NET_DOOR_RAW] = open_raw(AF_INET);
	if (r >= 0)
		r = fds[NET_DOOR_PACKET] = open_packet(loopback_too);
	if (r >= 0 && with_v6)
		r = fds[NET_DOOR_TCP6] = open_transparent(AF_INET6, SOCK_STREAM);
	if (r >= 0 && with_v6)
		r = fds[NET_DOOR_UDP6] = open_transparent(AF_INET6, SOCK_DGRAM);
	if (r >= 0 && with_v6)
		r = fds[NET_DOOR_RAW6] = open_raw(AF_INET6);
	return r < 0 ? r : 0;
}

int sandbox_net_door_listen(const struct permissions *permissions, int ret_fds[NET_DOOR_FD_COUNT])
{
	uint16_t host_ports[NET_DOOR_HOST_PORTS_MAX];
	size_t host_port_count = net_door_host_ports(permissions, host_ports);
	int fds[NET_DOOR_FD_COUNT] = {-1, -1, -1, -1, -1, -1, -1};
	int v6 = 0, r = lead_here_v4();
	if (r == 0)
		r = v6 = lead_here_v6();
	if (r >= 0)
		r = add_rules(host_ports, host_port_count);
	if (r == 0)
		r = open_sockets(fds, v6 > 0, host_port_count > 0);
	for (int i = 0; i < NET_DOOR_FD_COUNT; i++) {
		if (r == 0)
			ret_fds[i] = fds[i];
		else
			close_now(fds[i]);
	}
	if (r < 0)
		return r;
	return v6 > 0 ? NET_DOOR_FD_COUNT : NET_DOOR_FD_COUNT_V4;
}
