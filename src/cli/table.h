// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Tables for people: columns as wide as their widest cell, three blanks apart.
 * Width is counted in columns of the terminal, so that umlauts and ideographs
 * stay in line; control characters, which could steer the terminal, become "?".
 */

#include "base/arena.h"
#include "base/text.h"

#define TABLE_COLUMNS_MAX 32

struct table {
	struct arena arena;
	char **lines; /* cells are separated by tabs */
	size_t count, room;
	uint32_t right;   /* bit n: column n is aligned to the right */
	uint32_t shrinks; /* bit n: column n may be shortened */
};

void table_fini(struct table *table);

/** Adds a row; cells are separated by tabs. The first row is often the heading. */
void table_add(struct table *table, const char *line);

/**
 * Adds all rows to out. Where they are wider than width (0: as wide as it gets), the columns
 * stand closer together; then those that may shrink are shortened, the widest first, and their
 * cells end in an ellipsis. What a person copies into the next command (ids, names) stays whole.
 * Where all that is not enough nothing is shortened, and the terminal breaks the lines.
 */
void table_write(const struct table *table, unsigned width, struct text *out);
