// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the originals of a tree's changes were like when the runs that made the changes ended: the
 * answer to "has somebody else changed this file since?" (see caught_judge.c). In
 * trees/N/base, one record a path:
 *
 *	rung-base 1\n
 *	<inode> <seconds> <nanoseconds> <names> <doubtful>\t<path>\0
 *
 * inode 0: there was no original. The time is that of the last change (st_ctim), of a deleted
 * directory the newest one of all that is in it; names counts these. doubtful: it had changed
 * already when this was written.
 */

#include "base/arena.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct base_record {
	const char *path;
	uint64_t inode;
	struct timespec changed;
	uint32_t names;
	bool doubtful;
};

struct base {
	struct base_record *records; /* sorted by path */
	size_t count;
};

/** Reads records; what is no such text is -EINVAL with a story. Exposed for the fuzzer. */
[[nodiscard]] int base_parse(
	const char *bytes, size_t length, struct arena *arena, struct base *ret_base);

/** Of a tree; none where there is no such file. Tells a story. */
[[nodiscard]] int base_read(
	int sandbox_fd, unsigned number, struct arena *arena, struct base *ret_base);

/** Replaces it; sorts the records. Tells a story. */
[[nodiscard]] int base_write(int sandbox_fd, unsigned number, struct base *base);

/** Takes these paths out of a tree's; sorts them. Tells a story. */
[[nodiscard]] int base_forget(
	int sandbox_fd, unsigned number, struct strings *paths, struct arena *arena);

/** NULL: not known. */
const struct base_record *base_find(const struct base *base, const char *path);

/** When the runs began that base knows nothing of; 0.0: there were none. Tells a story. */
[[nodiscard]] int base_since(int sandbox_fd, struct timespec *ret_since);
