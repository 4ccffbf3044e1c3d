// SPDX-License-Identifier: Apache-2.0

/*
 * Rows of JSON become what the person asked for. A table is made by the same
 * templates as everything else: its heading is the template run on the titles.
 */

#include "cli/output.h"

#include "base/error.h"
#include "cli/json_text.h"
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

static void describe_columns(const struct output_column *columns, struct table *table)
{
	unsigned n = 0;
	for (const struct output_column *column = columns; column->field[0]; column++) {
		if (column->hidden)
			continue;
		table->right |= (uint32_t)column->right << n;
		table->shrinks |= (uint32_t)column->shrinks << n++;
	}
}

/* An object from fields to the titles of their columns. */
static const struct json_value *titles(struct arena *arena, const struct output_column *columns)
{
	struct json_value *object = arena_new(arena, struct json_value, 1);
	object->type = JSON_OBJECT;
	for (const struct output_column *column = columns; column->field[0]; column++) {
		if (!column->title[0])
			continue;
		struct json_value *title = arena_new(arena, struct json_value, 1);
		*title = (struct json_value){.type = JSON_STRING,
			.length = (uint32_t)strlen(column->title),
			.key = column->field,
			.next = object->first,
			.text = column->title};
		object->first = title;
		object->length++;
	}
	return object;
}

static int write_table(const struct output *output, struct arena *arena, const char *source,
	const struct json_value *rows, unsigned width, struct text *out)
{
	autofini(table_fini) struct table table = {};
	if (source[0] == '\0') {
		source = own_table(arena, output->columns);
		describe_columns(output->columns, &table);
	}
	const struct template *template;
	int r = template_parse(arena, source, &template);
	if (r >= 0 && !output->no_heading) {
		autofini(text_fini) struct text line = {};
		r = template_print_heading(template, titles(arena, output->columns), &line);
		table_add(&table, text_get(&line));
	}
	for (const struct json_value *row = rows->first; row && r >= 0; row = row->next) {
		autofini(text_fini) struct text line = {};
		r = template_print(template, row, &line);
		table_add(&table, text_get(&line));
	}
	if (r >= 0)
		table_write(&table, width, out);
	return r;
}

static int write_lines(
	struct arena *arena, const char *source, const struct json_value *rows, struct text *out)
{
	const struct template *template;
	int r = template_parse(arena, source, &template);
	for (const struct json_value *row = rows->first; row && r >= 0; row = row->next) {
		r = template_print(template, row, out);
		text_add(out, "\n");
	}
	return r;
}

static void write_json_lines(const struct json_value *rows, struct text *out)
{
	for (const struct json_value *row = rows->first; row; row = row->next) {
		json_text(row, JSON_TEXT_COMPACT, out);
		text_add(out, "\n");
	}
}

static int write_rows(const struct output *output, struct arena *arena,
	const struct json_value *rows, unsigned width, struct text *out)
{
	const char *format = output->format ? output->format : "";
	if (text_equal(format, "json")) {
		write_json_lines(rows, out);
		return 0;
	}
	const char *source = unescape(arena, format);
	bool table = text_starts(source, "table") &&
		     (source[5] == '\0' || source[5] == ' ' || source[5] == '\t');
	if (!table && source[0])
		return write_lines(arena, source, rows, out);
	if (table)
		source += 5;
	source += strspn(source, " \t");
	return write_table(output, arena, source, rows, width, out);
}

int output_write(
	const struct output *output, const struct text *rows, unsigned width, struct text *out)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text_get(rows), rows->length, "rows", &arena, &document);
	if (r < 0)
		return r;
	return write_rows(output, &arena, document.top.value, width, out);
}

int output_rows(const struct output *output, const struct text *rows)
{
	autofini(text_fini) struct text text = {};
	bool fit = !output->no_trunc && isatty(STDOUT_FILENO);
	int r = output_write(output, rows, fit ? terminal_columns(STDOUT_FILENO) : 0, &text);
	if (r < 0)
		return wrap(r, "--format");
	fputs(text_get(&text), stdout);
	return 0;
}

static int write_thing(
	const char *format, struct arena *arena, const struct json_value *thing, struct text *out)
{
	int r = 0;
	const struct template *template;
	if (text_empty(format))
		json_text(thing, JSON_TEXT_PRETTY, out);
	else if (text_equal(format, "json"))
		json_text(thing, JSON_TEXT_COMPACT, out);
	else {
		r = template_parse(arena, unescape(arena, format), &template);
		if (r >= 0)
			r = template_print(template, thing, out);
	}
	text_add(out, "\n");
	return r;
}

int output_thing(const char *format, const struct text *thing)
{
	autofini(text_fini) struct text text = {};
	autofini(arena_fini) struct arena arena = {};
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text_get(thing), thing->length, "answer", &arena, &document);
	if (r >= 0)
		r = write_thing(format, &arena, document.top.value, &text);
	if (r < 0)
		return wrap(r, "--format");
	fputs(text_get(&text), stdout);
	return 0;
}
