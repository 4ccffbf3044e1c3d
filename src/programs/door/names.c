// SPDX-License-Identifier: Apache-2.0

#include "names.h"

#include "base/scope.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 12 };

void names_fini(struct names *names)
{
	for (unsigned i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
	free(names->buckets);
	free(names->next);
	*names = (struct names){};
}

/* FNV-1a; a program that makes its own names collide slows down its own resolver. */
static unsigned bucket_of(const char *name)
{
	uint32_t hash = 2166136261u;
	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return (hash ^ hash >> 16) % BUCKETS;
}

static int grow(struct names *names)
{
	unsigned room = names->room ? names->room * 2 : 64;
	char **list = realloc(names->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	names->list = list;
	unsigned *next = realloc(names->next, room * sizeof(*next));
	if (!next)
		return -ENOMEM;
	names->next = next;
	if (!names->buckets)
		names->buckets = calloc(BUCKETS, sizeof(*names->buckets));
	if (!names->buckets)
		return -ENOMEM;
	names->room = room;
	return 0;
}

int names_number(struct names *names, const char *name)
{
	unsigned bucket = bucket_of(name);
	if (names->buckets)
		for (unsigned i = names->buckets[bucket]; i; i = names->next[i - 1])
			if (text_equal(names->list[i - 1], name))
				return (int)(i - 1);
	if (names->count == NET_DOOR_NAMES_MAX)
		return -ENOSPC;
	int r = names->count == names->room ? grow(names) : 0;
	if (r < 0)
		return r;
	unsigned number = names->count;
	names->list[number] = strdup(name);
	if (!names->buckets || !names->list[number])
		return -ENOMEM;
	names->next[number] = names->buckets[bucket];
	names->buckets[bucket] = ++names->count;
	return (int)number;
}

struct in_addr names_address(unsigned number)
{
	return (struct in_addr){htonl(NET_DOOR_NAMES_V4 + NET_DOOR_NAMES + number)};
}

struct in6_addr names_address6(unsigned number)
{
	struct in6_addr address = NET_DOOR_ADDRESS6;
	uint32_t low = htonl(NET_DOOR_NAMES_V6_BASE + number);
	memcpy(address.s6_addr + 12, &low, sizeof(low));
	return address;
}

/* The number in the door's own network, from the address of either family; false: not of it. */
static bool read_place(const struct address *address, uint32_t *ret_low, uint32_t *ret_first)
{
	const struct in6_addr door6 = NET_DOOR_ADDRESS6;
	uint32_t low;
	memcpy(&low, address->bytes + 12, sizeof(low));
	low = ntohl(low);
	if (address_is_v4(address)) {
		*ret_low = low - NET_DOOR_NAMES_V4;
		*ret_first = NET_DOOR_NAMES;
		return low >> 17 == NET_DOOR_NAMES_V4 >> 17; /* /15 */
	}
	*ret_low = low;
	*ret_first = NET_DOOR_NAMES_V6_BASE;
	return memcmp(address->bytes, door6.s6_addr, 8) == 0; /* /64 */
}

enum names_place names_find(
	const struct names *names, const struct address *address, const char **ret_name)
{
	static const uint8_t zeros[4];
	uint32_t low = 0, first = 0;
	if (!read_place(address, &low, &first))
		return NAMES_ELSEWHERE;
	if (!address_is_v4(address) && memcmp(address->bytes + 8, zeros, sizeof(zeros)) != 0)
		return NAMES_NOBODY;
	if (low == 1)
		return NAMES_DOOR;
	if (low < first || low - first >= names->count)
		return NAMES_NOBODY;
	*ret_name = names->list[low - first];
	return NAMES_NAME;
}
