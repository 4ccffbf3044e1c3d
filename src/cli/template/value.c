// SPDX-License-Identifier: Apache-2.0

/*
 * Values in a template: JSON seen through Go's eyes. Numbers are whole where
 * JSON's are, strings are bytes with a length (a JSON string may hold \u0000).
 */

#include "cli/template/internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct value value_of_integer(int64_t integer)
{
	return (struct value){.kind = VALUE_INTEGER, .integer = integer};
}

struct value value_of_boolean(bool boolean)
{
	return (struct value){.kind = VALUE_BOOLEAN, .boolean = boolean};
}

struct value value_of_bytes(const char *bytes, size_t length)
{
	return (struct value){.kind = VALUE_STRING, .string = {bytes, length}};
}

static struct value value_of_json_integer(struct json_object *json)
{
	struct value value = value_of_integer(json_object_get_int64(json));
	/* Only a number above INT64_MAX reads as this one and differs as unsigned. */
	if (value.integer == INT64_MAX)
		value.integer = json_object_get_uint64(json);
	return value;
}

struct value value_of_json(struct json_object *json)
{
	switch (json_object_get_type(json)) {
	case json_type_null:
		break;
	case json_type_boolean:
		return value_of_boolean(json_object_get_boolean(json));
	case json_type_int:
		return value_of_json_integer(json);
	case json_type_double:
		return (struct value){.kind = VALUE_NUMBER, .number = json_object_get_double(json)};
	case json_type_string:
		return value_of_bytes(
			json_object_get_string(json), (size_t)json_object_get_string_len(json));
	case json_type_array:
		return (struct value){.kind = VALUE_LIST, .json = json};
	case json_type_object:
		return (struct value){.kind = VALUE_MAP, .json = json};
	}
	return (struct value){};
}

bool value_truth(const struct value *value)
{
	switch (value->kind) {
	case VALUE_NONE:
		return false;
	case VALUE_BOOLEAN:
		return value->boolean;
	case VALUE_INTEGER:
		return value->integer != 0;
	case VALUE_NUMBER:
		return value->number != 0;
	case VALUE_STRING:
		return value->string.length > 0;
	case VALUE_LIST:
		return json_object_array_length(value->json) > 0;
	case VALUE_MAP:
		return json_object_object_length(value->json) > 0;
	}
	return false;
}

const char *value_kind_name(const struct value *value)
{
	static const char names[][12] = {
		[VALUE_NONE] = "nothing",
		[VALUE_BOOLEAN] = "a boolean",
		[VALUE_INTEGER] = "a number",
		[VALUE_NUMBER] = "a number",
		[VALUE_STRING] = "a text",
		[VALUE_LIST] = "a list",
		[VALUE_MAP] = "a map",
	};
	return names[value->kind];
}

/* ---- printing ---- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **map_keys(struct arena *arena, struct json_object *map)
{
	size_t count = 0;
	const char **keys =
		arena_new(arena, const char *, (size_t)json_object_object_length(map) + 1);
	json_object_object_foreach (map, key, unused) {
		(void)unused;
		keys[count++] = key;
	}
	qsort(keys, count, sizeof(*keys), compare_keys);
	return keys;
}

/*
 * Go's %v of a float64: the shortest digits that read back as the same number,
 * with an exponent only below 1e-4 and from 1e21 on.
 */
static void print_number(double number, struct text *out)
{
	if (isnan(number) || isinf(number)) {
		text_add(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
		return;
	}
	char digits[40];
	int precision = 0;
	do
		snprintf(digits, sizeof(digits), "%.*e", precision, number);
	while (precision++ < 17 && strtod(digits, NULL) != number);

	long exponent = strtol(strchr(digits, 'e') + 1, NULL, 10);
	if (exponent < -4 || exponent >= 21)
		text_add(out, digits);
	else if (exponent >= precision - 1)
		text_format(out, "%.0f", number);
	else
		text_format(out, "%.*f", (int)(precision - 1 - exponent), number);
}

static void print_integer(__int128 integer, struct text *out)
{
	if (integer > INT64_MAX)
		text_format(out, "%llu", (unsigned long long)integer);
	else
		text_format(out, "%lld", (long long)integer);
}

static void print_inner(struct json_object *json, struct text *out)
{
	struct value value = value_of_json(json);
	if (value.kind == VALUE_NONE)
		text_add(out, "<nil>");
	else
		value_print(&value, out);
}

static void print_list(struct json_object *list, struct text *out)
{
	text_add(out, "[");
	size_t count = json_object_array_length(list);
	for (size_t i = 0; i < count; i++) {
		text_add(out, i ? " " : "");
		print_inner(json_object_array_get_idx(list, i), out);
	}
	text_add(out, "]");
}

static void print_map(struct json_object *map, struct text *out)
{
	autofini(arena_fini) struct arena arena = {};
	const char **keys = map_keys(&arena, map);
	text_add(out, "map[");
	for (size_t i = 0; keys[i]; i++) {
		text_format(out, "%s%s:", i ? " " : "", keys[i]);
		print_inner(json_object_object_get(map, keys[i]), out);
	}
	text_add(out, "]");
}

void value_print(const struct value *value, struct text *out)
{
	switch (value->kind) {
	case VALUE_NONE:
		text_add(out, "<no value>");
		break;
	case VALUE_BOOLEAN:
		text_add(out, value->boolean ? "true" : "false");
		break;
	case VALUE_INTEGER:
		print_integer(value->integer, out);
		break;
	case VALUE_NUMBER:
		print_number(value->number, out);
		break;
	case VALUE_STRING:
		text_add_bytes(out, value->string.bytes, value->string.length);
		break;
	case VALUE_LIST:
		print_list(value->json, out);
		break;
	case VALUE_MAP:
		print_map(value->json, out);
		break;
	}
}

/* ---- comparing ---- */

static bool numeric(const struct value *value)
{
	return value->kind == VALUE_INTEGER || value->kind == VALUE_NUMBER;
}

static double as_number(const struct value *value)
{
	return value->kind == VALUE_INTEGER ? (double)value->integer : value->number;
}

static int compare_strings(const struct value *a, const struct value *b)
{
	size_t length = a->string.length < b->string.length ? a->string.length : b->string.length;
	int order = length ? memcmp(a->string.bytes, b->string.bytes, length) : 0;
	if (order)
		return order;
	return (a->string.length > b->string.length) - (a->string.length < b->string.length);
}

int value_compare(const struct value *a, const struct value *b, int *ret_order)
{
	if (a->kind == VALUE_INTEGER && b->kind == VALUE_INTEGER)
		*ret_order = (a->integer > b->integer) - (a->integer < b->integer);
	else if (numeric(a) && numeric(b))
		*ret_order = as_number(a) == as_number(b)  ? 0
			     : as_number(a) < as_number(b) ? -1
							   : 1;
	else if (a->kind == VALUE_STRING && b->kind == VALUE_STRING)
		*ret_order = compare_strings(a, b);
	else if (a->kind == VALUE_BOOLEAN && b->kind == VALUE_BOOLEAN)
		*ret_order = a->boolean != b->boolean;
	else if (a->kind == VALUE_NONE || b->kind == VALUE_NONE)
		*ret_order = a->kind != b->kind;
	else
		return -EINVAL;
	return 0;
}
