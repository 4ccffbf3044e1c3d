// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Packets that the net door reads and writes itself: the first packet of a TCP connection, and what
 * answers it; datagrams; messages of ICMP. IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP
 * (RFC 768), ICMP (RFC 792, 4443). Nothing here touches a socket.
 */

#include "plan/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** An address and a port in the host's order. All bytes count when it is compared. */
struct endpoint {
	struct address address;
	uint16_t port;
};

/** Who sends what to whom. */
struct endpoint_pair {
	struct endpoint from, to;
};

void endpoint_from_socket(const struct sockaddr_storage *address, struct endpoint *ret);
/** Returns the length for bind(2), connect(2). IPv4 as such, not in its IPv6 form. */
socklen_t endpoint_to_socket(const struct endpoint *endpoint, struct sockaddr_storage *ret);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
bool endpoint_pair_equal(const struct endpoint_pair *a, const struct endpoint_pair *b);
struct endpoint_pair endpoint_pair_turn(const struct endpoint_pair *pair);

/** Longest packet with a first segment: two headers with all their options. */
#define PACKET_FIRST_MAX (60 + 60 + 1500)

/**
 * Reads a packet that begins a connection. *ret_sequence: its initial sequence number. False for
 * everything else, and for packets that are not whole.
 */
bool packet_read_first(const uint8_t *packet, size_t length, struct endpoint_pair *ret_pair,
	uint32_t *ret_sequence);

/** Writes the checksum of TCP anew: on loopback the kernel leaves that to whoever looks. */
void packet_mend_first(uint8_t *packet, size_t length);

/** Room that every packet below finds enough, beside the datagram's contents. */
#define PACKET_ROOM 128

/** Answers a first packet of pair with "refused": RST. Returns the length. */
size_t packet_write_reset(uint8_t *packet, const struct endpoint_pair *pair, uint32_t sequence);

/** A datagram. @length at most 65507 (IPv4). The contents are copied. */
size_t packet_write_datagram(
	uint8_t *packet, const struct endpoint_pair *pair, const void *contents, size_t length);

enum packet_unreachable {
	PACKET_NO_ROUTE,  /* ENETUNREACH */
	PACKET_NO_HOST,   /* EHOSTUNREACH */
	PACKET_NO_PORT,   /* ECONNREFUSED */
	PACKET_FORBIDDEN, /* EHOSTUNREACH, by IPv6 EACCES */
};

/**
 * "Your packet of pair did not arrive": what the kernel makes an error of the socket of. @protocol:
 * IPPROTO_TCP, with the sequence number of the lost packet, or IPPROTO_UDP.
 */
size_t packet_write_unreachable(uint8_t *packet, const struct endpoint_pair *pair, int protocol,
	uint32_t sequence, enum packet_unreachable why);
