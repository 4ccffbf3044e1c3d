// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Answers of verbs that list or show things. The verb gathers JSON; the person
 * decides by --format what is seen of it:
 *
 *	(nothing)                  the verb's own table, or JSON for one thing
 *	table                      the same
 *	table {{.ID}}\t{{.Names}}  a table of these columns, with a heading
 *	json                       one JSON object a line
 *	{{.ID}} is {{.State}}      a line per thing
 */

#include "base/text.h"

#include <json.h>

/** A field of the rows. Rows may hold more fields, which only formats show. */
struct output_column {
	char field[24];
	char title[24]; /* of its column; "": the field in capitals */
	bool hidden;    /* not in the verb's own table */
	bool right;     /* numbers: aligned to the right there */
};

struct output {
	const struct output_column *columns; /* ends with {} */
	const char *format;                  /* NULL: the verb's own table */
	bool no_heading;
	bool no_trunc; /* lines may be wider than the terminal */
};

/** Prints a JSON array of objects to standard output. 0 or -EINVAL with a story about the format.
 */
[[nodiscard]] int output_rows(const struct output *output, struct json_object *rows);

/** The same into text; width as for table_write(). */
[[nodiscard]] int output_write(
	const struct output *output, struct json_object *rows, unsigned width, struct text *out);

/** Prints one thing: as JSON over several lines, or as format (NULL: JSON) says. */
[[nodiscard]] int output_thing(const char *format, struct json_object *thing);

/** JSON over several lines, indented by two blanks. */
void output_json(struct json_object *json, struct text *out);
