// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Addresses that stand for names. A name that a program asks the resolver for gets a number, and
 * with it an address of each family that nobody else has (plan/net_door.h). What is later sent to
 * that address was meant for that name: no second name can hide behind an address, and no answer
 * of a foreign name server ever reaches the program. Numbers are never given out again.
 */

#include "plan/host.h"
#include "plan/net_door.h"

struct names {
	char **list; /* by number; of this table */
	unsigned count, room;
	unsigned *buckets; /* number + 1 of the first; 0: none */
	unsigned *next;
};

void names_fini(struct names *names);

/** The number of a name, which is host_is_name(). -ENOSPC after NET_DOOR_NAMES_MAX names. */
[[nodiscard]] int names_number(struct names *names, const char *name);

/** Both addresses of a number. */
struct in_addr names_address(unsigned number);
struct in6_addr names_address6(unsigned number);

enum names_place {
	NAMES_ELSEWHERE, /* an address of the world */
	NAMES_DOOR,      /* the door's own: resolver, and the host's loopback */
	NAMES_NAME,      /* *ret_name, valid as long as the table */
	NAMES_NOBODY,    /* of the range for names, but not given out */
};

/** What an address of the sandbox's network stands for. */
enum names_place names_find(
	const struct names *names, const struct address *address, const char **ret_name);
