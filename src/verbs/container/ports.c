// SPDX-License-Identifier: Apache-2.0

/* "127.0.0.1:8080-8081:80-81/udp" taken apart and put together. */

#include "verbs/container/ports.h"

#include "base/error.h"
#include "base/scope.h"

#include <errno.h>

struct range {
	uint16_t first, count;
};

static int read_port(const char *text, size_t length, uint16_t *ret_port)
{
	char digits[8];
	uint64_t port;
	if (length == 0 || length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (parse_uint64(digits, UINT16_MAX, &port) < 0)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

/* "80", "80-90", "" (any) */
static int read_range(const char *text, struct range *ret_range)
{
	*ret_range = (struct range){0, 1};
	if (*text == '\0')
		return 0;
	const char *dash = strchr(text, '-');
	uint16_t first, last;
	size_t length = dash ? (size_t)(dash - text) : strlen(text);
	if (read_port(text, length, &first) < 0)
		return -EINVAL;
	last = first;
	if (dash && (read_port(dash + 1, strlen(dash + 1), &last) < 0 || last < first))
		return -EINVAL;
	*ret_range = (struct range){first, (uint16_t)(last - first + 1)};
	return 0;
}

/* Splits off what stands behind the last colon that is not inside of brackets. */
static char *split_last(char *text)
{
	char *bracket = strrchr(text, ']'), *colon = strrchr(text, ':');
	if (!colon || (bracket && colon < bracket))
		return NULL;
	*colon = '\0';
	return colon + 1;
}

struct reading {
	struct arena *arena;
	struct port_mapping *items;
	size_t count, room;
};

static void add(struct reading *reading, const struct port_mapping *mapping)
{
	if (reading->count == reading->room) {
		reading->room = reading->room * 2 + 8;
		struct port_mapping *more =
			arena_new(reading->arena, struct port_mapping, reading->room);
		if (reading->count)
			memcpy(more, reading->items, reading->count * sizeof(*more));
		reading->items = more;
	}
	reading->items[reading->count++] = *mapping;
}

static int read_one(struct reading *reading, const char *word)
{
	char *text = arena_strdup(reading->arena, word), *slash = strchr(text, '/');
	struct port_mapping mapping = {.address = "", .protocol = slash ? slash + 1 : "tcp"};
	if (slash)
		*slash = '\0';
	char *inside = split_last(text), *outside = inside ? split_last(text) : NULL;
	if (outside) {
		size_t length = strlen(text);
		bool brackets = text[0] == '[' && length > 1 && text[length - 1] == ']';
		mapping.address =
			brackets ? arena_strndup(reading->arena, text + 1, length - 2) : text;
	}
	struct range host, container;
	if (read_range(outside  ? outside
		       : inside ? text
				: "",
		    &host) < 0 ||
		read_range(inside ? inside : text, &container) < 0 || container.first == 0 ||
		(host.first && host.count != container.count && container.count != 1))
		return refuse(-EINVAL, "port %s: say [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]", word);
	for (unsigned i = 0; i < container.count; i++) {
		mapping.host = host.first ? (uint16_t)(host.first + i) : 0;
		mapping.container = (uint16_t)(container.first + i);
		add(reading, &mapping);
	}
	return 0;
}

int ports_read(const struct strings *published, struct arena *arena,
	struct port_mapping **ret_mappings, size_t *ret_count)
{
	struct reading reading = {.arena = arena};
	for (size_t i = 0; i < published->count; i++) {
		int r = read_one(&reading, published->items[i]);
		if (r < 0)
			return r;
	}
	*ret_mappings = reading.items;
	*ret_count = reading.count;
	return 0;
}

static bool continues(const struct port_mapping *a, const struct port_mapping *b)
{
	return text_equal(a->address, b->address) && text_equal(a->protocol, b->protocol) &&
	       b->container == a->container + 1 &&
	       (a->host ? b->host == a->host + 1 : b->host == 0);
}

void ports_write(const struct port_mapping *mappings, size_t count, struct text *out)
{
	for (size_t first = 0, last; first < count; first = last + 1) {
		for (last = first; last + 1 < count; last++)
			if (!continues(&mappings[last], &mappings[last + 1]))
				break;
		const struct port_mapping *a = &mappings[first], *b = &mappings[last];
		const char *address = a->address[0] ? a->address : "0.0.0.0";
		bool brackets = strchr(address, ':');
		text_format(out, "%s%s%s%s:%u", first ? ", " : "", brackets ? "[" : "", address,
			brackets ? "]" : "", a->host);
		if (last > first && a->host)
			text_format(out, "-%u", b->host);
		text_format(out, "->%u", a->container);
		if (last > first)
			text_format(out, "-%u", b->container);
		text_format(out, "/%s", a->protocol);
	}
}
