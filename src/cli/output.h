// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Answers of verbs that list or show things. The verb writes JSON (plan/json_write.h);
 * the person decides by --format what is seen of it:
 *
 *	(nothing)                  the verb's own table, or JSON for one thing
 *	table                      the same
 *	table {{.ID}}\t{{.Names}}  a table of these columns, with a heading
 *	json                       one JSON object a line
 *	{{.ID}} is {{.State}}      a line per thing
 */

#include "base/text.h"

/** A field of the rows. Rows may hold more fields, which only formats show. */
struct output_column {
	char field[24];
	char title[24]; /* of its column; "": the field in capitals */
	bool hidden;    /* not in the verb's own table */
	bool right;     /* numbers: aligned to the right there */
	bool shrinks;   /* may be shortened where the terminal is narrow; no id, no name */
};

struct output {
	const struct output_column *columns; /* ends with {} */
	const char *format;                  /* NULL: the verb's own table */
	bool no_heading;
	bool no_trunc; /* nothing is shortened */
};

/**
 * Prints rows, the text of a JSON array of objects, to standard output. 0 or -EINVAL
 * with a story about the format.
 */
[[nodiscard]] int output_rows(const struct output *output, const struct text *rows);

/** The same into text; width as for table_write(). */
[[nodiscard]] int output_write(
	const struct output *output, const struct text *rows, unsigned width, struct text *out);

/** Prints one thing, the text of a JSON value: over several lines, or as format says (NULL: none).
 */
[[nodiscard]] int output_thing(const char *format, const struct text *thing);
