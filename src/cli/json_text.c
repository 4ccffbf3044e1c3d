// SPDX-License-Identifier: Apache-2.0

#include "cli/json_text.h"

#define INDENT 4

static void add_value(
	const struct json_value *value, enum json_text_form form, unsigned depth, struct text *out);

static void new_line(enum json_text_form form, unsigned depth, struct text *out)
{
	if (form == JSON_TEXT_PRETTY)
		text_format(out, "\n%*s", (int)depth * INDENT, "");
}

static void add_children(
	const struct json_value *value, enum json_text_form form, unsigned depth, struct text *out)
{
	bool object = value->type == JSON_OBJECT;
	text_add(out, object ? "{" : "[");
	for (const struct json_value *child = value->first; child; child = child->next) {
		text_add(out, child == value->first ? "" : ",");
		new_line(form, depth + 1, out);
		if (object) {
			text_json_string(out, child->key);
			text_add(out, form == JSON_TEXT_PRETTY ? ": " : ":");
		}
		add_value(child, form, depth + 1, out);
	}
	if (value->first)
		new_line(form, depth, out);
	text_add(out, object ? "}" : "]");
}

/* The depth is limited by the reader (JSON_DEPTH_MAX). */
static void add_value(
	const struct json_value *value, enum json_text_form form, unsigned depth, struct text *out)
{
	switch (value->type) {
	case JSON_NULL:
		text_add(out, "null");
		break;
	case JSON_FALSE:
		text_add(out, "false");
		break;
	case JSON_TRUE:
		text_add(out, "true");
		break;
	case JSON_NUMBER:
		text_add_bytes(out, value->text, value->length);
		break;
	case JSON_STRING:
		text_json_string(out, value->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		add_children(value, form, depth, out);
		break;
	}
}

void json_text(const struct json_value *value, enum json_text_form form, struct text *out)
{
	add_value(value, form, 0, out);
}
