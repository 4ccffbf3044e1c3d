// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Hosts, as network permissions name them: names, names below a name, addresses and networks; and
 * which of them covers the one that a program wants to reach.
 *
 *	debian.org         that name
 *	*.debian.org       every name below it, at any depth, not debian.org itself
 *	192.0.2.7, ::1     that address
 *	192.0.2.0/24       every address of that network
 *	localhost          this machine's own loopback
 *
 * Permission for a name is no permission for the addresses behind it, nor the other way round: what
 * a program reached by name is judged by name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest name in text, without the dot at the end (RFC 1035, 3.1). */
#define HOST_NAME_MAX_LENGTH 253

/** An address of either family; IPv4 is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), whoever asks. */
struct address {
	uint8_t bytes[16];
};

/** Longest text of an address, with its NUL. */
#define ADDRESS_TEXT_SIZE 46

/** Only the common spellings: four decimal numbers, or RFC 4291's; no zone. False: a name. */
bool address_read(const char *text, struct address *ret);

/** "192.0.2.7" or "2001:db8::7"; returns buffer. */
const char *address_write(const struct address *address, char buffer[static ADDRESS_TEXT_SIZE]);

static inline bool address_is_v4(const struct address *address)
{
	for (int i = 0; i < 10; i++)
		if (address->bytes[i])
			return false;
	return address->bytes[10] == 0xff && address->bytes[11] == 0xff;
}

/** Whether the first bits of both are the same; bits counts the 128 of the IPv6 form. */
bool address_same_network(const struct address *a, const struct address *b, unsigned bits);

/**
 * Addresses that mean another thing on each machine and lead to its inside: loopback, "this host"
 * (0.0.0.0 reaches loopback), link-local with its cloud metadata at 169.254.169.254, multicast and
 * broadcast; also as IPv4 written into IPv6. Nobody's name may lead there (DNS rebinding).
 */
bool address_is_inward(const struct address *address);

/**
 * Whether a permission for pattern is one for host, an address or a name in lower case without a
 * dot at the end. NULL covers every host but "localhost" and inward addresses: those count only
 * when they are written out.
 */
bool host_covers(const char *pattern, const char *host);

/**
 * Whether it is a host name that may be asked for: labels of letters, digits, "-" and "_", in lower
 * case, the last not a number, so that no spelling of an address ("0x7f.1") goes through as a name.
 */
bool host_is_name(const char *text);
