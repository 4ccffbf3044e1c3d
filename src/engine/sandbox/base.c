// SPDX-License-Identifier: Apache-2.0

#include "engine/sandbox/base.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/trees.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC "rung-base 1\n"
enum { BASE_LENGTH_MAX = 1 << 28, NANOSECONDS = 1000000000 };

static int compare_records(const void *a, const void *b)
{
	return strcmp(((const struct base_record *)a)->path, ((const struct base_record *)b)->path);
}

static int parse_record(const char *line, struct arena *arena, struct base_record *ret_record)
{
	uint64_t inode, names, doubtful;
	int64_t seconds;
	long nanoseconds;
	int length = 0;
	if (sscanf(line, "%" SCNu64 " %" SCNd64 " %ld %" SCNu64 " %" SCNu64 "\t%n", &inode,
		    &seconds, &nanoseconds, &names, &doubtful, &length) != 5 ||
		!length || line[length - 1] != '\t' || nanoseconds < 0 ||
		nanoseconds >= NANOSECONDS || names > UINT32_MAX || doubtful > 1)
		return -EINVAL;
	*ret_record = (struct base_record){.path = arena_strdup(arena, line + length),
		.inode = inode,
		.changed = {.tv_sec = seconds, .tv_nsec = nanoseconds},
		.names = (uint32_t)names,
		.doubtful = doubtful};
	return 0;
}

int base_parse(const char *bytes, size_t length, struct arena *arena, struct base *ret_base)
{
	size_t start = strlen(MAGIC), count = 0;
	if (length < start || memcmp(bytes, MAGIC, start) != 0)
		return refuse(-EINVAL, "no table of originals");
	for (size_t i = start; i < length; i++)
		count += bytes[i] == '\0';
	if (length > start && bytes[length - 1] != '\0')
		return refuse(-EINVAL, "the table of originals is cut off");
	struct base base = {.records = arena_new(arena, struct base_record, count + 1)};
	for (size_t at = start; at < length; at += strlen(bytes + at) + 1)
		if (parse_record(bytes + at, arena, &base.records[base.count++]) < 0)
			return refuse(-EINVAL, "record %zu of the table of originals", base.count);
	if (base.count)
		qsort(base.records, base.count, sizeof(*base.records), compare_records);
	*ret_base = base;
	return 0;
}

int base_read(int sandbox_fd, unsigned number, struct arena *arena, struct base *ret_base)
{
	const struct tree_name name = tree_name(number, "base");
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(sandbox_fd, name.text, BASE_LENGTH_MAX, &bytes, &length);
	if (r == -ENOENT) {
		*ret_base = (struct base){};
		return 0;
	}
	if (r < 0)
		return fail(r, "read %s", name.text);
	r = base_parse(bytes, length, arena, ret_base);
	return r < 0 ? wrap(r, "%s", name.text) : 0;
}

int base_write(int sandbox_fd, unsigned number, struct base *base)
{
	autofini(text_fini) struct text out = {};
	text_add(&out, MAGIC);
	if (base->count)
		qsort(base->records, base->count, sizeof(*base->records), compare_records);
	for (size_t i = 0; i < base->count; i++) {
		const struct base_record *record = &base->records[i];
		text_format(&out, "%" PRIu64 " %" PRId64 " %ld %" PRIu32 " %d\t%s", record->inode,
			(int64_t)record->changed.tv_sec, record->changed.tv_nsec, record->names,
			record->doubtful, record->path);
		text_add_bytes(&out, "", 1);
	}
	/* Always the same temporary name: one that a killed command left is used up by the next. */
	const struct tree_name name = tree_name(number, "base");
	const struct tree_name temporary = tree_name(number, "base.tmp");
	if (unlinkat(sandbox_fd, temporary.text, 0) < 0 && errno != ENOENT)
		return fail(-errno, "remove %s", temporary.text);
	int r = fs_create(sandbox_fd, temporary.text, text_get(&out), out.length, 0600);
	if (r < 0)
		return r;
	if (renameat(sandbox_fd, temporary.text, sandbox_fd, name.text) < 0)
		return fail(-errno, "write %s", name.text);
	return 0;
}

const struct base_record *base_find(const struct base *base, const char *path)
{
	const struct base_record wanted = {.path = path};
	return base->count ? bsearch(&wanted, base->records, base->count, sizeof(wanted),
				     compare_records)
			   : NULL;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int base_forget(int sandbox_fd, unsigned number, struct strings *paths, struct arena *arena)
{
	struct base base, rest = {};
	int r = paths->count ? base_read(sandbox_fd, number, arena, &base) : 0;
	if (r < 0 || paths->count == 0 || base.count == 0)
		return r;
	qsort(paths->items, paths->count, sizeof(*paths->items), compare_paths);
	rest.records = arena_new(arena, struct base_record, base.count + 1);
	for (size_t i = 0; i < base.count; i++)
		if (!bsearch(&base.records[i].path, paths->items, paths->count,
			    sizeof(*paths->items), compare_paths))
			rest.records[rest.count++] = base.records[i];
	return base_write(sandbox_fd, number, &rest);
}

int base_since(int sandbox_fd, struct timespec *ret_since)
{
	char line[64];
	int64_t seconds;
	long nanoseconds;
	int r = fs_read_small(sandbox_fd, TREES_SINCE, line, sizeof(line));
	if (r == -ENOENT) {
		*ret_since = (struct timespec){};
		return 0;
	}
	if (r < 0)
		return fail(r, "read since");
	if (sscanf(line, "%" SCNd64 ".%9ld", &seconds, &nanoseconds) != 2)
		return refuse(-EINVAL, "since: no time");
	*ret_since = (struct timespec){.tv_sec = seconds, .tv_nsec = nanoseconds};
	return 0;
}
