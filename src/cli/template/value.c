// SPDX-License-Identifier: Apache-2.0

/*
 * Values in a template: JSON seen through Go's eyes. Numbers are whole where
 * JSON's are, strings are bytes with a length, because slices of them are values too.
 */

#include "cli/template/internal.h"

#include <ctype.h>
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

/* As JSON writes it. Whole numbers that fit stay whole. */
static struct value value_of_digits(const char *text, size_t length)
{
	bool negative = length && text[0] == '-';
	__int128 integer = 0;
	size_t at = negative;
	for (; at < length && at < 20 && isdigit((unsigned char)text[at]); at++)
		integer = integer * 10 + (text[at] - '0');
	if (negative)
		integer = -integer;
	if (at == length && integer >= INT64_MIN && integer <= UINT64_MAX)
		return (struct value){.kind = VALUE_INTEGER, .integer = integer};

	autofini(text_fini) struct text digits = {};
	text_add_bytes(&digits, text, length);
	return (struct value){.kind = VALUE_NUMBER, .number = strtod(text_get(&digits), NULL)};
}

struct value value_of_json(const struct json_value *json)
{
	if (!json)
		return (struct value){};
	switch (json->type) {
	case JSON_NULL:
		break;
	case JSON_FALSE:
	case JSON_TRUE:
		return value_of_boolean(json->type == JSON_TRUE);
	case JSON_NUMBER:
		return value_of_digits(json->text, json->length);
	case JSON_STRING:
		return value_of_bytes(json->text, json->length);
	case JSON_ARRAY:
		return (struct value){.kind = VALUE_LIST, .json = json};
	case JSON_OBJECT:
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
	case VALUE_MAP:
		return value->json->length > 0;
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
	const struct json_value *const *left = a, *const *right = b;
	return strcmp((*left)->key, (*right)->key);
}

const struct json_value **map_members(struct arena *arena, const struct json_value *map)
{
	size_t count = 0;
	const struct json_value **members =
		arena_new(arena, const struct json_value *, (size_t)map->length + 1);
	for (const struct json_value *member = map->first; member; member = member->next)
		members[count++] = member;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
	qsort(members, count, sizeof(*members), compare_keys);
	return members;
}

const struct json_value *map_find(const struct json_value *map, const char *name, size_t length)
{
	for (const struct json_value *member = map->first; member; member = member->next)
		if (strlen(member->key) == length && memcmp(member->key, name, length) == 0)
			return member;
	return NULL;
}

const struct json_value *list_element(const struct json_value *list, size_t n)
{
	const struct json_value *element = list->first;
	while (n--)
		element = element->next;
	return element;
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
	if (exponent < -4 || exponent >= 21) {
		text_add(out, digits);
	} else if (exponent >= precision - 1) {
		/* The shortest digits, then zeros: printf would know digits that are not there. */
		for (const char *c = digits; *c != 'e'; c++)
			if (*c != '.')
				text_add_bytes(out, c, 1);
		for (long i = precision - 1; i < exponent; i++)
			text_add(out, "0");
	} else {
		text_format(out, "%.*f", (int)(precision - 1 - exponent), number);
	}
}

static void print_integer(__int128 integer, struct text *out)
{
	if (integer > INT64_MAX)
		text_format(out, "%llu", (unsigned long long)integer);
	else
		text_format(out, "%lld", (long long)integer);
}

static void print_inner(const struct json_value *json, struct text *out)
{
	struct value value = value_of_json(json);
	if (value.kind == VALUE_NONE)
		text_add(out, "<nil>");
	else
		value_print(&value, out);
}

static void print_list(const struct json_value *list, struct text *out)
{
	text_add(out, "[");
	for (const struct json_value *element = list->first; element; element = element->next) {
		text_add(out, element == list->first ? "" : " ");
		print_inner(element, out);
	}
	text_add(out, "]");
}

static void print_map(const struct json_value *map, struct text *out)
{
	autofini(arena_fini) struct arena arena = {};
	const struct json_value **members = map_members(&arena, map);
	text_add(out, "map[");
	for (size_t i = 0; members[i]; i++) {
		text_format(out, "%s%s:", i ? " " : "", members[i]->key);
		print_inner(members[i], out);
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
