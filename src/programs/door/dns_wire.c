// SPDX-License-Identifier: Apache-2.0

#include "dns_wire.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 12, RECORD = 10 /* behind its name */, LABEL_MAX = 63 };
enum { ANSWER = 0x8000, OPCODE = 0x7800, AUTHORITATIVE = 0x0400, TRUNCATED = 0x0200 };
enum { RECURSION_DESIRED = 0x0100, RECURSION_AVAILABLE = 0x0080, CODE = 0x000f };
enum { POINTER = 0xc0 };

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xffff);
}

/*
 * A name without compression, as questions have it; dots inside labels and other odd bytes become
 * "?", which no host name has. Returns its length in the message, 0 if it is none.
 */
static size_t read_name(
	const uint8_t *at, size_t length, char name[static HOST_NAME_MAX_LENGTH + 1])
{
	size_t used = 0, out = 0;
	while (used < length && at[used] != 0) {
		size_t label = at[used++];
		if (label > LABEL_MAX || label >= length - used ||
			out + label + (out > 0) > HOST_NAME_MAX_LENGTH)
			return 0;
		if (out > 0)
			name[out++] = '.';
		for (size_t i = 0; i < label; i++) {
			uint8_t c = at[used++];
			bool odd = c <= ' ' || c >= 0x7f || c == '.';
			name[out++] = odd ? '?' : (char)tolower(c);
		}
	}
	name[out] = '\0';
	return used < length ? used + 1 : 0;
}

/* The length of a name that may end in a pointer, which is not followed; 0: none. */
static size_t skip_name(const uint8_t *at, size_t length)
{
	size_t used = 0;
	while (used < length) {
		uint8_t label = at[used];
		if (label == 0)
			return used + 1;
		if ((label & POINTER) == POINTER)
			return used + 2 <= length ? used + 2 : 0;
		if (label > LABEL_MAX)
			return 0;
		used += 1 + (size_t)label;
	}
	return 0;
}

/* The length of a record; 0: none. */
static size_t skip_record(const uint8_t *at, size_t length, uint16_t *ret_type)
{
	size_t name = skip_name(at, length);
	if (name == 0 || length - name < RECORD)
		return 0;
	size_t whole = name + RECORD + get16(at + name + 8);
	if (whole > length)
		return 0;
	*ret_type = get16(at + name);
	return whole;
}

/* EDNS says how long answers may be, in the class of its record. */
static void look_for_edns(
	const uint8_t *at, size_t length, unsigned records, struct dns_query *query)
{
	for (unsigned i = 0; i < records; i++) {
		uint16_t type, size;
		size_t record = skip_record(at, length, &type);
		if (record == 0)
			return;
		if (type == DNS_OPT) {
			size = get16(at + skip_name(at, length) + 2);
			query->edns = true;
			query->room = size < DNS_UDP_MAX ? DNS_UDP_MAX : size;
			return;
		}
		at += record;
		length -= record;
	}
}

int dns_read_query(const uint8_t *bytes, size_t length, struct dns_query *ret)
{
	struct dns_query query = {.room = DNS_UDP_MAX};
	if (length < HEADER || (get16(bytes + 2) & ANSWER))
		return -EBADMSG;
	query.id = get16(bytes);
	query.flags = get16(bytes + 2);
	*ret = query;
	if (query.flags & OPCODE)
		return -EOPNOTSUPP;
	if (get16(bytes + 4) != 1)
		return -EINVAL;
	query.question = bytes + HEADER;
	size_t name = read_name(query.question, length - HEADER, query.name);
	if (name == 0 || length - HEADER - name < 4)
		return -EINVAL;
	query.type = get16(query.question + name);
	query.class = get16(query.question + name + 2);
	query.question_length = name + 4;
	query.plain = host_is_name(query.name);
	look_for_edns(query.question + query.question_length,
		length - HEADER - query.question_length,
		(unsigned)get16(bytes + 6) + get16(bytes + 8) + get16(bytes + 10), &query);
	*ret = query;
	return 0;
}

/* ---- reverse names ----------------------------------------------------------------- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);
	return c && at ? (int)(at - digits) : -1;
}

bool dns_reverse(const char *name, struct address *ret)
{
	struct address address = {};
	if (text_ends(name, ".in-addr.arpa")) {
		unsigned a, b, c, d;
		char end[16], text[ADDRESS_TEXT_SIZE];
		if (sscanf(name, "%3u.%3u.%3u.%3u.%15s", &d, &c, &b, &a, end) != 5 ||
			!text_equal(end, "in-addr.arpa"))
			return false;
		snprintf(text, sizeof(text), "%u.%u.%u.%u", a, b, c, d);
		return address_read(text, ret);
	}
	if (strlen(name) != 64 + strlen("ip6.arpa") || !text_ends(name, ".ip6.arpa"))
		return false;
	for (unsigned i = 0; i < 32; i++) {
		int digit = hex_digit(name[2 * i]);
		if (digit < 0 || name[2 * i + 1] != '.')
			return false;
		address.bytes[15 - i / 2] |= (uint8_t)(digit << (i % 2 ? 4 : 0));
	}
	*ret = address;
	return true;
}

/* ---- answers ------------------------------------------------------------------------- */

static unsigned answer_flags(const struct dns_query *query, enum dns_code code)
{
	return ANSWER | (query->flags & RECURSION_DESIRED) | RECURSION_AVAILABLE | (unsigned)code;
}

/* Header and question; returns where records go. */
static uint8_t *begin(
	uint8_t *answer, const struct dns_query *query, enum dns_code code, unsigned answers)
{
	uint8_t *at = put16(answer, query->id);
	at = put16(at, answer_flags(query, code));
	at = put16(at, query->question_length > 0);
	at = put16(at, answers);
	at = put16(at, 0);
	at = put16(at, query->edns);
	if (query->question_length)
		memcpy(at, query->question, query->question_length);
	return at + query->question_length;
}

static size_t end(const uint8_t *answer, uint8_t *at, const struct dns_query *query)
{
	if (query->edns) { /* ours: no options, answers of any length */
		*at++ = 0;
		at = put16(at, DNS_OPT);
		at = put16(at, DNS_QUERY_MAX);
		at = put32(at, 0);
		at = put16(at, 0);
	}
	return (size_t)(at - answer);
}

/* A record about the name that was asked for. */
static uint8_t *put_record(
	uint8_t *at, const struct dns_query *query, uint32_t ttl_seconds, size_t length)
{
	at = put16(at, POINTER << 8 | HEADER);
	at = put16(at, query->type);
	at = put16(at, query->class);
	at = put32(at, ttl_seconds);
	return put16(at, (unsigned)length);
}

size_t dns_write_code(uint8_t *answer, const struct dns_query *query, enum dns_code code)
{
	return end(answer, begin(answer, query, code, 0), query);
}

size_t dns_write_address(uint8_t *answer, const struct dns_query *query, const void *address,
	size_t length, uint32_t ttl_seconds)
{
	uint8_t *at = begin(answer, query, DNS_OK, 1);
	at = put_record(at, query, ttl_seconds, length);
	memcpy(at, address, length);
	return end(answer, at + length, query);
}

size_t dns_write_pointer(
	uint8_t *answer, const struct dns_query *query, const char *name, uint32_t ttl_seconds)
{
	uint8_t *at = begin(answer, query, DNS_OK, 1);
	at = put_record(at, query, ttl_seconds, strlen(name) + 2);
	while (*name) {
		size_t label = strcspn(name, ".");
		*at++ = (uint8_t)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	*at++ = 0;
	return end(answer, at, query);
}

size_t dns_truncate(uint8_t *answer, const struct dns_query *query)
{
	size_t length = dns_write_code(answer, query, DNS_OK);
	put16(answer + 2, answer_flags(query, DNS_OK) | TRUNCATED);
	return length;
}

int dns_adopt_answer(uint8_t *bytes, size_t length, const struct dns_query *query)
{
	char name[HOST_NAME_MAX_LENGTH + 1];
	if (length < HEADER || length > DNS_MESSAGE_MAX || !(get16(bytes + 2) & ANSWER) ||
		get16(bytes + 4) != 1)
		return -EBADMSG;
	size_t used = read_name(bytes + HEADER, length - HEADER, name);
	if (used == 0 || length - HEADER - used < 4 || !text_equal(name, query->name) ||
		get16(bytes + HEADER + used) != query->type)
		return -EBADMSG;
	used += HEADER + 4;
	unsigned answers = get16(bytes + 6);
	for (unsigned i = 0; i < answers; i++) {
		uint16_t type;
		size_t record = skip_record(bytes + used, length - used, &type);
		if (record == 0)
			return -EBADMSG;
		used += record;
	}
	enum dns_code code = get16(bytes + 2) & CODE;
	put16(bytes, query->id);
	put16(bytes + 2, answer_flags(query, code));
	put16(bytes + 8, 0);
	put16(bytes + 10, 0);
	return (int)used;
}
