// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * How many columns of a terminal text takes. Our own tables, not wcwidth(3):
 * that one needs setlocale(), which opens files at every start and says nothing
 * useful in the C locale that services run in.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * Decodes the UTF-8 character at bytes (length > 0, part of a NUL-terminated string);
 * *ret_length is how many bytes it took. Broken bytes count as U+FFFD, one byte each.
 */
uint32_t utf8_decode(const char *bytes, size_t length, size_t *ret_length);

/** Columns of one character: 0 (combining), 1, or 2 (East Asian wide, emoji). */
unsigned character_width(uint32_t character);

/** Columns of length bytes of UTF-8. */
unsigned display_width(const char *bytes, size_t length);

/** How many bytes of the text fit into columns. */
size_t display_fit(const char *bytes, size_t length, unsigned columns);
