// SPDX-License-Identifier: Apache-2.0

#include "net_packet.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>

/* netinet/tcp.h and linux/tcp.h quarrel; this is all of it that is needed (RFC 9293, 3.1). */
struct segment {
	uint16_t from_port, to_port;
	uint32_t sequence, acknowledged;
	uint8_t length, flags; /* the length in words of 32 bits lies in the upper half */
	uint16_t window, checksum, urgent;
};
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

enum { HOPS = 64 };

/* ---- endpoints ---------------------------------------------------------------------- */

void endpoint_from_socket(const struct sockaddr_storage *address, struct endpoint *ret)
{
	struct endpoint endpoint = {};
	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		memcpy(endpoint.address.bytes, &v6->sin6_addr, sizeof(endpoint.address.bytes));
		endpoint.port = ntohs(v6->sin6_port);
	} else {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
		endpoint.address.bytes[10] = endpoint.address.bytes[11] = 0xff;
		memcpy(endpoint.address.bytes + 12, &v4->sin_addr, sizeof(v4->sin_addr));
		endpoint.port = ntohs(v4->sin_port);
	}
	*ret = endpoint;
}

socklen_t endpoint_to_socket(const struct endpoint *endpoint, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (address_is_v4(&endpoint->address)) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		memcpy(&v4->sin_addr, endpoint->address.bytes + 12, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(endpoint->port);
	memcpy(&v6->sin6_addr, endpoint->address.bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port &&
	       memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes)) == 0;
}

bool endpoint_pair_equal(const struct endpoint_pair *a, const struct endpoint_pair *b)
{
	return endpoint_equal(&a->from, &b->from) && endpoint_equal(&a->to, &b->to);
}

struct endpoint_pair endpoint_pair_turn(const struct endpoint_pair *pair)
{
	return (struct endpoint_pair){pair->to, pair->from};
}

/* ---- checksums (RFC 1071) ---------------------------------------------------------------- */

static uint64_t add(uint64_t sum, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	for (; length >= 2; at += 2, length -= 2)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): bit-fields */
		sum += (uint64_t)at[0] << 8 | at[1];
	return length ? sum + ((uint64_t)at[0] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The pseudo-header's part; addresses lie side by side in both kinds of headers. */
static uint64_t add_pseudo(const void *addresses, size_t size, int protocol, size_t length)
{
	return add(0, addresses, size) + (uint64_t)protocol + length;
}

/* ---- reading ------------------------------------------------------------------------- */

/* Where the segment begins; 0: none. Extension headers are not followed. */
static size_t find_segment(const uint8_t *packet, size_t length, size_t *ret_end)
{
	struct ip v4;
	struct ip6_hdr v6;
	size_t start = 0, end = 0;
	if (length >= sizeof(v4) && packet[0] >> 4 == 4) {
		memcpy(&v4, packet, sizeof(v4));
		start = (size_t)v4.ip_hl * 4;
		end = ntohs(v4.ip_len);
		if (start < sizeof(v4) || v4.ip_p != IPPROTO_TCP ||
			(v4.ip_off & htons(IP_MF | IP_OFFMASK)))
			return 0;
	} else if (length >= sizeof(v6) && packet[0] >> 4 == 6) {
		memcpy(&v6, packet, sizeof(v6));
		start = sizeof(v6);
		end = start + ntohs(v6.ip6_plen);
		if (v6.ip6_nxt != IPPROTO_TCP)
			return 0;
	}
	if (start == 0 || end > length || end < start + sizeof(struct segment))
		return 0;
	*ret_end = end;
	return start;
}

static void read_address(struct address *address, const uint8_t *bytes, bool v4)
{
	*address = (struct address){};
	if (v4)
		address->bytes[10] = address->bytes[11] = 0xff;
	memcpy(address->bytes + (v4 ? 12 : 0), bytes, v4 ? 4 : 16);
}

bool packet_read_first(const uint8_t *packet, size_t length, struct endpoint_pair *ret_pair,
	uint32_t *ret_sequence)
{
	struct segment segment;
	size_t end = 0, start = find_segment(packet, length, &end);
	if (start == 0)
		return false;
	memcpy(&segment, packet + start, sizeof(segment));
	if ((segment.flags & (FIN | SYN | RST | ACK)) != SYN)
		return false;
	bool v4 = packet[0] >> 4 == 4;
	struct endpoint_pair pair = {};
	read_address(&pair.from.address, packet + (v4 ? 12 : 8), v4);
	read_address(&pair.to.address, packet + (v4 ? 16 : 24), v4);
	pair.from.port = ntohs(segment.from_port);
	pair.to.port = ntohs(segment.to_port);
	*ret_pair = pair;
	*ret_sequence = ntohl(segment.sequence);
	return true;
}

void packet_mend_first(uint8_t *packet, size_t length)
{
	size_t end = 0, start = find_segment(packet, length, &end);
	if (start == 0)
		return;
	bool v4 = packet[0] >> 4 == 4;
	uint8_t *checksum = packet + start + offsetof(struct segment, checksum);
	memset(checksum, 0, 2);
	uint64_t sum = add_pseudo(packet + (v4 ? 12 : 8), v4 ? 8 : 32, IPPROTO_TCP, end - start);
	uint16_t value = fold(add(sum, packet + start, end - start));
	memcpy(checksum, &value, sizeof(value));
}

/* ---- writing --------------------------------------------------------------------------- */

static bool is_v4(const struct endpoint_pair *pair)
{
	return address_is_v4(&pair->to.address) && address_is_v4(&pair->from.address);
}

/* The header of IP in front of length bytes; returns its own length. */
static size_t write_header(
	uint8_t *packet, const struct endpoint_pair *pair, int protocol, size_t length)
{
	if (is_v4(pair)) {
		struct ip v4 = {.ip_v = 4,
			.ip_hl = sizeof(v4) / 4,
			.ip_len = htons((uint16_t)(sizeof(v4) + length)),
			.ip_ttl = HOPS,
			.ip_p = (uint8_t)protocol};
		memcpy(&v4.ip_src, pair->from.address.bytes + 12, 4);
		memcpy(&v4.ip_dst, pair->to.address.bytes + 12, 4);
		v4.ip_sum = fold(add(0, &v4, sizeof(v4)));
		memcpy(packet, &v4, sizeof(v4));
		return sizeof(v4);
	}
	struct ip6_hdr v6 = {.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons((uint16_t)length),
		.ip6_nxt = (uint8_t)protocol,
		.ip6_hlim = HOPS};
	memcpy(&v6.ip6_src, pair->from.address.bytes, 16);
	memcpy(&v6.ip6_dst, pair->to.address.bytes, 16);
	memcpy(packet, &v6, sizeof(v6));
	return sizeof(v6);
}

/* Of what follows the header of IP at packet. */
static uint16_t checksum(const uint8_t *packet, int protocol, size_t start, size_t length)
{
	bool v4 = packet[0] >> 4 == 4;
	uint64_t sum = add_pseudo(packet + (v4 ? 12 : 8), v4 ? 8 : 32, protocol, length);
	return fold(add(sum, packet + start, length));
}

size_t packet_write_reset(uint8_t *packet, const struct endpoint_pair *pair, uint32_t sequence)
{
	struct endpoint_pair back = endpoint_pair_turn(pair);
	struct segment segment = {.from_port = htons(back.from.port),
		.to_port = htons(back.to.port),
		.acknowledged = htonl(sequence + 1),
		.length = sizeof(segment) / 4 << 4,
		.flags = RST | ACK};
	size_t start = write_header(packet, &back, IPPROTO_TCP, sizeof(segment));
	memcpy(packet + start, &segment, sizeof(segment));
	segment.checksum = checksum(packet, IPPROTO_TCP, start, sizeof(segment));
	memcpy(packet + start, &segment, sizeof(segment));
	return start + sizeof(segment);
}

size_t packet_write_datagram(
	uint8_t *packet, const struct endpoint_pair *pair, const void *contents, size_t length)
{
	size_t whole = sizeof(struct udphdr) + length;
	struct udphdr header = {.uh_sport = htons(pair->from.port),
		.uh_dport = htons(pair->to.port),
		.uh_ulen = htons((uint16_t)whole)};
	size_t start = write_header(packet, pair, IPPROTO_UDP, whole);
	memcpy(packet + start + sizeof(header), contents, length);
	memcpy(packet + start, &header, sizeof(header));
	/* None is allowed in IPv4, and loopback loses nothing. In IPv6 there must be one, not 0. */
	if (packet[0] >> 4 == 6) {
		header.uh_sum = checksum(packet, IPPROTO_UDP, start, whole);
		if (header.uh_sum == 0)
			header.uh_sum = 0xffff;
		memcpy(packet + start, &header, sizeof(header));
	}
	return start + whole;
}

/* The lost packet again: its header and the first eight bytes behind it, which hold the ports. */
static size_t write_lost(
	uint8_t *packet, const struct endpoint_pair *pair, int protocol, uint32_t sequence)
{
	struct segment segment = {.from_port = htons(pair->from.port),
		.to_port = htons(pair->to.port),
		.sequence = htonl(sequence)};
	struct udphdr header = {.uh_sport = segment.from_port,
		.uh_dport = segment.to_port,
		.uh_ulen = htons(sizeof(header))};
	bool tcp = protocol == IPPROTO_TCP;
	size_t start = write_header(
		packet, pair, protocol, tcp ? sizeof(struct segment) : sizeof(struct udphdr));
	memcpy(packet + start, tcp ? (const void *)&segment : (const void *)&header, 8);
	return start + 8;
}

size_t packet_write_unreachable(uint8_t *packet, const struct endpoint_pair *pair, int protocol,
	uint32_t sequence, enum packet_unreachable why)
{
	/* Of the codes with that errno those that also a socket of UDP takes to heart. */
	static const uint8_t codes_v4[] = {[PACKET_NO_ROUTE] = ICMP_NET_ANO,
		[PACKET_NO_HOST] = ICMP_HOST_ANO,
		[PACKET_NO_PORT] = ICMP_PORT_UNREACH,
		[PACKET_FORBIDDEN] = ICMP_PKT_FILTERED};
	static const uint8_t codes_v6[] = {[PACKET_NO_ROUTE] = ICMP6_DST_UNREACH_NOROUTE,
		[PACKET_NO_HOST] = ICMP6_DST_UNREACH_ADDR,
		[PACKET_NO_PORT] = ICMP6_DST_UNREACH_NOPORT,
		[PACKET_FORBIDDEN] = ICMP6_DST_UNREACH_ADMIN};
	if (!is_v4(pair) && protocol == IPPROTO_UDP && why != PACKET_FORBIDDEN)
		why = PACKET_NO_PORT; /* IPv6 has no others */
	struct endpoint_pair back = endpoint_pair_turn(pair);
	uint8_t message[8 + PACKET_ROOM] = {};
	bool v4 = is_v4(pair);
	message[0] = v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;
	message[1] = v4 ? codes_v4[why] : codes_v6[why];
	size_t length = 8 + write_lost(message + 8, pair, protocol, sequence);
	int icmp = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	size_t start = write_header(packet, &back, icmp, length);
	memcpy(packet + start, message, length);
	uint16_t sum = v4 ? fold(add(0, message, length)) : checksum(packet, icmp, start, length);
	memcpy(packet + start + 2, &sum, sizeof(sum));
	return start + length;
}
