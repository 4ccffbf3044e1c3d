// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Where profiles lie, and which one is for a program. */

#include "base/arena.h"

#include <stddef.h>

/** The earlier beats the later. */
enum profile_source { PROFILE_OF_USER, PROFILE_OF_HOST, PROFILE_SHIPPED, PROFILE_SOURCES };

/** "user", "host", "rung": for tables. */
extern const char *const profile_source_names[];

/** The directory, which need not exist; NULL: there is none. */
const char *profile_directory(enum profile_source source, struct arena *arena);

/**
 * Finds NAME<suffix> (".profile", ".include", ".local"), from @first on. 0 or -ENOENT without a
 * story. Out-parameters may be NULL.
 */
[[nodiscard]] int profile_locate(const char *name, const char *suffix, enum profile_source first,
	struct arena *arena, const char **ret_path, enum profile_source *ret_source);

struct profile_entry {
	const char *name, *path;
	enum profile_source source;
};

/** All files with a suffix, by name; of one name only that which holds. */
[[nodiscard]] int profile_entries(const char *suffix, struct arena *arena,
	struct profile_entry **ret_entries, size_t *ret_count);

/**
 * Whose "program" line names the program: exact words before patterns, in each directory. 0 or
 * -ENOENT without a story.
 */
[[nodiscard]] int profile_locate_program(
	const char *program, struct arena *arena, const char **ret_path);
