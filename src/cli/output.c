// SPDX-License-Identifier: Apache-2.0

#include "cli/output.h"

#include "base/error.h"
#include "cli/table.h"
#include "cli/template/template.h"
#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* In a shell's single quotes people write \t and \n, and mean a tab and a new line. */
static char *unescape(struct arena *arena, const char *format)
{
	char *copy = arena_strdup(arena, format), *to = copy;
	for (const char *from = copy; *from; from++) {
		bool escape = from[0] == '\\' && (from[1] == 't' || from[1] == 'n');
		*to++ = !escape ? *from : from[1] == 't' ? '\t' : '\n';
		from += escape;
	}
	*to = '\0';
	return copy;
}

/* The verb's own table as a template. */
static char *own_table(struct arena *arena, const struct output_column *columns)
{
	autofini(text_fini) struct text text = {};
	for (const struct output_column *column = columns; column->field[0]; column++)
		if (!column->hidden)
			text_format(&text, "%s{{.%s}}", text.length ? "\t" : "", column->field);
	return arena_strdup(arena, text_get(&text));
}

static uint32_t right_columns(const struct output_column *columns)
{
	uint32_t right = 0;
	unsigned n = 0;
	for (const struct output_column *column = columns; column->field[0]; column++)
		if (!column->hidden)
			right |= (uint32_t)column->right << n++;
	return right;
}

static int add_heading(
	const struct template *template, const struct output_column *columns, struct table *table)
{
	struct json_object *headings = json_object_new_object();
	for (const struct output_column *column = columns; column->field[0]; column++)
		if (column->title[0])
			json_object_object_add(
				headings, column->field, json_object_new_string(column->title));
	autofini(text_fini) struct text line = {};
	int r = template_print_heading(template, headings, &line);
	json_object_put(headings);
	if (r >= 0)
		table_add(table, text_get(&line));
	return r;
}

static int write_table(const struct output *output, struct arena *arena, const char *source,
	struct json_object *rows, unsigned width, struct text *out)
{
	autofini(table_fini) struct table table = {};
	if (source[0] == '\0') {
		source = own_table(arena, output->columns);
		table.right = right_columns(output->columns);
	}
	const struct template *template;
	int r = template_parse(arena, source, &template);
	if (r >= 0 && !output->no_heading)
		r = add_heading(template, output->columns, &table);
	size_t count = json_object_array_length(rows);
	for (size_t i = 0; i < count && r >= 0; i++) {
		autofini(text_fini) struct text line = {};
		r = template_print(template, json_object_array_get_idx(rows, i), &line);
		table_add(&table, text_get(&line));
	}
	if (r >= 0)
		table_write(&table, width, out);
	return r;
}

static int write_lines(
	struct arena *arena, const char *source, struct json_object *rows, struct text *out)
{
	const struct template *template;
	int r = template_parse(arena, source, &template);
	size_t count = json_object_array_length(rows);
	for (size_t i = 0; i < count && r >= 0; i++) {
		r = template_print(template, json_object_array_get_idx(rows, i), out);
		text_add(out, "\n");
	}
	return r;
}

static void write_json_lines(struct json_object *rows, struct text *out)
{
	size_t count = json_object_array_length(rows);
	for (size_t i = 0; i < count; i++)
		text_format(out, "%s\n",
			json_object_to_json_string_ext(json_object_array_get_idx(rows, i),
				JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

int output_write(
	const struct output *output, struct json_object *rows, unsigned width, struct text *out)
{
	autofini(arena_fini) struct arena arena = {};
	const char *format = output->format ? output->format : "";
	if (text_equal(format, "json")) {
		write_json_lines(rows, out);
		return 0;
	}
	const char *source = unescape(&arena, format);
	bool table = text_starts(source, "table") &&
		     (source[5] == '\0' || source[5] == ' ' || source[5] == '\t');
	if (!table && source[0])
		return write_lines(&arena, source, rows, out);
	if (table)
		source += 5;
	source += strspn(source, " \t");
	return write_table(output, &arena, source, rows, width, out);
}

int output_rows(const struct output *output, struct json_object *rows)
{
	autofini(text_fini) struct text text = {};
	bool fit = !output->no_trunc && isatty(STDOUT_FILENO);
	int r = output_write(output, rows, fit ? terminal_columns(STDOUT_FILENO) : 0, &text);
	if (r < 0)
		return wrap(r, "--format");
	fputs(text_get(&text), stdout);
	return 0;
}

void output_json(struct json_object *json, struct text *out)
{
	text_format(out, "%s\n",
		json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_SPACED |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
}

int output_thing(const char *format, struct json_object *thing)
{
	autofini(text_fini) struct text text = {};
	autofini(arena_fini) struct arena arena = {};
	if (text_empty(format)) {
		output_json(thing, &text);
	} else if (text_equal(format, "json")) {
		text_format(&text, "%s\n",
			json_object_to_json_string_ext(
				thing, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	} else {
		const struct template *template;
		int r = template_parse(&arena, unescape(&arena, format), &template);
		if (r >= 0)
			r = template_print(template, thing, &text);
		if (r < 0)
			return wrap(r, "--format");
		text_add(&text, "\n");
	}
	fputs(text_get(&text), stdout);
	return 0;
}
