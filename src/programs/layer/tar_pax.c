// SPDX-License-Identifier: Apache-2.0

/*
 * Records of pax headers: "LENGTH KEY=VALUE\n", the length counting itself (POSIX.1-2017, pax,
 * "pax Extended Header"). A value is bytes: names need not be text, attributes may hold NUL.
 * Records that mean nothing here (charset, names of users, comments) are passed over.
 */

#include "base/error.h"
#include "tar.h"

#include <errno.h>
#include <stdlib.h>

static const char ATTRIBUTE[] = "SCHILY.xattr.";
#define ATTRIBUTES_MAX 1024

struct record {
	const char *key;
	char *value; /* NUL-terminated where the line's end was; may hold more NULs */
	size_t length;
};

static int bad_record(const char *what)
{
	return refuse(-EBADMSG, "damaged archive: a pax header's %s", what);
}

/* Takes the record at *at; its "=" and line end become NUL. */
static int split(char **at, const char *end, struct record *ret)
{
	char *c = *at;
	size_t length = 0;
	for (; c < end && *c >= '0' && *c <= '9' && length < TAR_HEADER_MAX; c++)
		length = length * 10 + (size_t)(*c - '0');
	size_t left = (size_t)(end - *at), head = (size_t)(c - *at) + 1;
	if (c == end || *c != ' ' || head == 1 || length > left || length <= head)
		return bad_record("record has a wrong length");
	char *key = c + 1, *last = *at + length - 1;
	char *equals = memchr(key, '=', (size_t)(last - key));
	if (*last != '\n' || !equals || equals == key)
		return bad_record("record is none");
	*equals = *last = '\0';
	*ret = (struct record){key, equals + 1, (size_t)(last - equals) - 1};
	*at += length;
	return 0;
}

/* "1700000000.123456789", also negative; what is finer than a nanosecond is cut off. */
static int read_time(const char *value, struct timespec *ret)
{
	const char *point = strchr(value, '.');
	char whole[24];
	size_t length = point ? (size_t)(point - value) : strlen(value);
	int64_t seconds;
	if (length >= sizeof(whole))
		return -ERANGE;
	memcpy(whole, value, length);
	whole[length] = '\0';
	int r = parse_int64(whole, -TAR_TIME_MAX, TAR_TIME_MAX, &seconds);
	if (r < 0)
		return r;
	long nanoseconds = 0, unit = 100000000;
	for (const char *c = point ? point + 1 : ""; *c; c++, unit /= 10) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		nanoseconds += unit * (*c - '0');
	}
	if (value[0] == '-' && nanoseconds > 0) {
		seconds--;
		nanoseconds = 1000000000 - nanoseconds;
	}
	*ret = (struct timespec){seconds, nanoseconds};
	return 0;
}

static int add_attribute(struct tar_reader *reader, const char *name, const struct record *record)
{
	if (text_empty(name) || strlen(name) > 255 || record->length > 65536) /* xattr(7) */
		return bad_record("attribute is larger than any can be");
	if (reader->attribute_count == ATTRIBUTES_MAX)
		return bad_record("attributes are more than 1024");
	if (!reader->attributes) {
		reader->attributes = calloc(ATTRIBUTES_MAX, sizeof(*reader->attributes));
		if (!reader->attributes)
			return fail(-ENOMEM, "attributes");
	}
	reader->attributes[reader->attribute_count++] =
		(struct tar_attribute){name, record->value, record->length};
	return 0;
}

/* One that cannot be understood keeps its own name, which no file system takes, and gets noted so.
 */
static int add_acl(struct tar_reader *reader, const char *name, struct record *record)
{
	bool good = tar_acl_value(record->value, record->length, &record->length) == 0;
	return add_attribute(reader, good ? name : record->key, record);
}

/* Version 0.1: "offset,length,offset,length". */
static int read_map(struct tar_reader *reader, char *value)
{
	reader->piece_count = 0;
	while (value && *value) {
		char *offset = strsep(&value, ","), *length = strsep(&value, ",");
		uint64_t first, size;
		if (!length || parse_uint64(offset, INT64_MAX, &first) < 0 ||
			parse_uint64(length, INT64_MAX, &size) < 0)
			return bad_record("map of a sparse file is none");
		int r = tar_add_piece(reader, first, size);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Version 0.0: a record "offset", then one "numbytes", again and again. */
static int read_old_map(
	struct tar_reader *reader, const char *what, uint64_t value, uint64_t *offset)
{
	if (text_equal(what, "offset")) {
		*offset = value;
		return 0;
	}
	return tar_add_piece(reader, *offset, value);
}

static int read_sparse(struct tar_reader *reader, const char *what, struct record *record,
	uint64_t *offset, struct tar_pax *pax)
{
	uint64_t number;
	pax->sparse = true;
	if (text_equal(what, "name")) {
		pax->sparse_name = record->value;
		return 0;
	}
	if (text_equal(what, "map"))
		return read_map(reader, record->value);
	if (parse_uint64(record->value, INT64_MAX, &number) < 0)
		return bad_record("number is none");
	if (text_equal(what, "major"))
		pax->sparse_major = (unsigned)number;
	else if (text_equal(what, "minor"))
		pax->sparse_minor = (unsigned)number;
	else if (text_equal(what, "size") || text_equal(what, "realsize")) {
		pax->real_size = number;
		pax->has_real_size = true;
	} else if (text_equal(what, "offset") || text_equal(what, "numbytes"))
		return read_old_map(reader, what, number, offset);
	return 0;
}

static int read_number(const struct record *record, uint64_t *ret, bool *ret_has)
{
	if (parse_uint64(record->value, INT64_MAX, ret) < 0)
		return bad_record("number is none");
	*ret_has = true;
	return 0;
}

static int read_name(const struct record *record, const char **ret)
{
	if (strlen(record->value) != record->length)
		return bad_record("name has a NUL");
	*ret = record->value;
	return 0;
}

/* An empty value takes a record back: the header's own field counts (as Go reads it). */
static int read_record(
	struct tar_reader *reader, struct record *record, uint64_t *offset, struct tar_pax *pax)
{
	if (text_starts(record->key, ATTRIBUTE))
		return add_attribute(reader, record->key + sizeof(ATTRIBUTE) - 1, record);
	if (record->length == 0)
		return 0;
	if (text_equal(record->key, "SCHILY.acl.access"))
		return add_acl(reader, "system.posix_acl_access", record);
	if (text_equal(record->key, "SCHILY.acl.default"))
		return add_acl(reader, "system.posix_acl_default", record);
	if (text_equal(record->key, "path"))
		return read_name(record, &pax->path);
	if (text_equal(record->key, "linkpath"))
		return read_name(record, &pax->link);
	if (text_equal(record->key, "size"))
		return read_number(record, &pax->size, &pax->has_size);
	if (text_equal(record->key, "uid"))
		return read_number(record, &pax->uid, &pax->has_uid);
	if (text_equal(record->key, "gid"))
		return read_number(record, &pax->gid, &pax->has_gid);
	if (text_equal(record->key, "mtime")) {
		pax->has_modified = true;
		if (read_time(record->value, &pax->modified) < 0)
			return bad_record("time is none");
	}
	if (text_starts(record->key, "GNU.sparse."))
		return read_sparse(
			reader, record->key + strlen("GNU.sparse."), record, offset, pax);
	return 0;
}

int tar_pax_read(struct tar_reader *reader, char *bytes, size_t length, struct tar_pax *ret_pax)
{
	struct tar_pax pax = {};
	uint64_t offset = 0;
	reader->attribute_count = reader->piece_count = 0;
	for (char *at = bytes, *end = bytes + length; at < end;) {
		struct record record;
		int r = split(&at, end, &record);
		if (r == 0)
			r = read_record(reader, &record, &offset, &pax);
		if (r < 0)
			return r;
	}
	*ret_pax = pax;
	return 0;
}
