// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Text: a growing byte string, and the small questions one asks of strings.
 * Running out of memory ends the process, as with the arena.
 */

#include "base/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	char *bytes; /* NUL-terminated when length > 0; use text_get() */
	size_t length, room;
};

void text_fini(struct text *text);

/** The string; "" when nothing was added. Valid until the next addition. */
const char *text_get(const struct text *text);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
/** The arguments must not lie in the text itself. */
[[gnu::format(printf, 2, 3)]] void text_format(struct text *text, const char *format, ...);

/**
 * The length of the well-formed UTF-8 sequence at text, 0 if there is none (Unicode 15,
 * table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). NUL counts as one.
 */
[[nodiscard]] size_t text_utf8_length(const char *text);

/** Adds string as a JSON string with quotes; bytes that are not UTF-8 become U+FFFD (RFC 8259). */
void text_json_string(struct text *text, const char *string);

static inline bool text_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool text_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);
	return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

static inline bool text_empty(const char *text)
{
	return !text || text[0] == '\0';
}

/**
 * Whole decimal numbers, nothing before or after ("5x", "", " 5" are refused).
 * Returns 0, -EINVAL (not a number) or -ERANGE (outside of lowest..highest).
 * No story is told: the caller knows what the number was for.
 */
[[nodiscard]] int parse_int64(
	const char *text, int64_t lowest, int64_t highest, int64_t *ret_value);
[[nodiscard]] int parse_uint64(const char *text, uint64_t highest, uint64_t *ret_value);

/**
 * A size with an optional unit k, m, g, t, p (powers of 1024) and "i", "b" or "ib" after it, as
 * Docker reads them: "64m", "1.5g", "512 MiB". Bytes, fractions of one dropped.
 */
[[nodiscard]] int parse_size(const char *text, uint64_t *ret_bytes);
