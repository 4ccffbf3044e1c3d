// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * An arena owns many small things that die together: a verb's strings, a plan.
 * Nothing in it is freed alone. Memory comes zeroed. Running out of memory ends
 * the process with one line (see memory_exhausted): a command-line program that cannot
 * have a few kilobytes has no better answer, and every caller stays readable.
 */

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	char *next, *end;           /* the free part of the newest block */
};

/** Says so in one line and ends the process with 125. */
[[gnu::noreturn]] void memory_exhausted(void);

/** Frees everything; a zeroed arena is fine. */
void arena_fini(struct arena *arena);

/** Zeroed memory aligned for any type; never NULL. */
[[nodiscard]] void *arena_alloc(struct arena *arena, size_t size_bytes);

/** count objects of a type, zeroed; overflow of the product is treated as out of memory. */
#define arena_new(arena, type, count) ((type *)arena_calloc((arena), (count), sizeof(type)))
[[nodiscard]] void *arena_calloc(struct arena *arena, size_t count, size_t size_bytes);

/** Copy of text; NULL stays NULL. */
[[nodiscard]] char *arena_strdup(struct arena *arena, const char *text);
[[nodiscard]] char *arena_strndup(struct arena *arena, const char *text, size_t length);

[[nodiscard, gnu::format(printf, 2, 3)]] char *arena_format(
	struct arena *arena, const char *format, ...);
[[nodiscard, gnu::format(printf, 2, 0)]] char *arena_vformat(
	struct arena *arena, const char *format, va_list arguments);
