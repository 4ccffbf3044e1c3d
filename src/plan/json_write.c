// SPDX-License-Identifier: Apache-2.0
#include "plan/json_write.h"

#include "base/arena.h"
#include "plan/plan.h"

static void new_line(struct json_writer *writer, unsigned depth)
{
	if (writer->compact)
		return;
	text_add(writer->out, "\n");
	while (depth--)
		text_add(writer->out, "\t");
}

/* What stands in front of a value that is the child of the container at depth - 1. */
static void begin_value(struct json_writer *writer, unsigned depth, const char *key)
{
	if (depth > 0) {
		if (writer->open[depth - 1].has_children)
			text_add(writer->out, ",");
		writer->open[depth - 1].has_children = true;
		new_line(writer, depth);
	}
	if (key) {
		text_json_string(writer->out, key);
		text_add(writer->out, writer->compact ? ":" : ": ");
	}
}

/* Writes the brackets that were only promised so far. */
static void begin(struct json_writer *writer, const char *key)
{
	for (unsigned i = 0; i < writer->depth; i++) {
		if (writer->open[i].written)
			continue;
		begin_value(writer, i, writer->open[i].key);
		text_add_bytes(writer->out, &writer->open[i].bracket, 1);
		writer->open[i].written = true;
	}
	begin_value(writer, writer->depth, key);
}

void json_open_lazily(struct json_writer *writer, const char *key, char bracket)
{
	if (writer->depth == array_length(writer->open))
		abort(); /* a shape nested deeper than any that exists: a bug, not an input */
	writer->open[writer->depth].key = key;
	writer->open[writer->depth].bracket = bracket;
	writer->open[writer->depth].written = false;
	writer->open[writer->depth].has_children = false;
	writer->depth++;
}

void json_open(struct json_writer *writer, const char *key, char bracket)
{
	begin(writer, key);
	text_add_bytes(writer->out, &bracket, 1);
	json_open_lazily(writer, key, bracket);
	writer->open[writer->depth - 1].written = true;
}

void json_close(struct json_writer *writer)
{
	unsigned depth = --writer->depth;
	if (!writer->open[depth].written)
		return;
	if (writer->open[depth].has_children)
		new_line(writer, depth);
	text_add(writer->out, writer->open[depth].bracket == '{' ? "}" : "]");
}

void json_write_string(struct json_writer *writer, const char *key, const char *value)
{
	begin(writer, key);
	text_json_string(writer->out, value);
}

void json_write_null(struct json_writer *writer, const char *key)
{
	begin(writer, key);
	text_add(writer->out, "null");
}

void json_write_bool(struct json_writer *writer, const char *key, bool value)
{
	begin(writer, key);
	text_add(writer->out, value ? "true" : "false");
}

void json_write_unsigned(struct json_writer *writer, const char *key, uint64_t value)
{
	begin(writer, key);
	text_format(writer->out, "%ju", (uintmax_t)value);
}

void json_write_signed(struct json_writer *writer, const char *key, int64_t value)
{
	begin(writer, key);
	text_format(writer->out, "%jd", (intmax_t)value);
}

void json_write_strings(struct json_writer *writer, const char *key, const struct strings *value)
{
	json_open(writer, key, '[');
	for (size_t i = 0; i < value->count; i++)
		json_write_string(writer, NULL, value->items[i]);
	json_close(writer);
}
