// SPDX-License-Identifier: Apache-2.0

/*
 * The functions: Go's own, and those that Docker's and Podman's formats add.
 * Widths are counted in characters, as Go counts runes.
 */

#include "cli/template/internal.h"

#include "cli/json_text.h"
#include "cli/width.h"

#include <ctype.h>
#include <errno.h>

/* ---- texts ---- */

static int need_string(const struct call *call, size_t n)
{
	if (call->arguments[n].kind == VALUE_STRING)
		return 0;
	return call_error(call, "a text is needed, not %s", value_kind_name(&call->arguments[n]));
}

static int need_integer(const struct call *call, size_t n, int64_t *ret_integer)
{
	const struct value *value = &call->arguments[n];
	if (value->kind != VALUE_INTEGER)
		return call_error(call, "a number is needed, not %s", value_kind_name(value));
	if (value->integer < -WIDTH_MAX || value->integer > WIDTH_MAX)
		return call_error(call, "the number is too large");
	*ret_integer = (int64_t)value->integer;
	return 0;
}

static int map_bytes(const struct call *call, int (*change)(int), struct value *ret_value)
{
	int r = need_string(call, 0);
	if (r < 0)
		return r;
	const struct value *from = &call->arguments[0];
	char *bytes = arena_alloc(&call->run->arena, from->string.length + 1);
	for (size_t i = 0; i < from->string.length; i++) {
		unsigned char byte = (unsigned char)from->string.bytes[i];
		/* Letters beyond ASCII stay: their case depends on the language. */
		bytes[i] = (char)(byte < 0x80 ? change(byte) : byte);
	}
	*ret_value = value_of_bytes(bytes, from->string.length);
	return 0;
}

static int apply_lower(const struct call *call, struct value *ret_value)
{
	return map_bytes(call, tolower, ret_value);
}

static int apply_upper(const struct call *call, struct value *ret_value)
{
	return map_bytes(call, toupper, ret_value);
}

static int keep_byte(int byte)
{
	return byte;
}

static int apply_title(const struct call *call, struct value *ret_value)
{
	int r = map_bytes(call, keep_byte, ret_value);
	if (r < 0)
		return r;
	char *bytes = (char *)ret_value->string.bytes; /* just made by map_bytes() */
	bool start = true;
	for (size_t i = 0; i < ret_value->string.length; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		if (start && byte < 0x80)
			bytes[i] = (char)toupper(byte);
		start = !isalnum(byte) && byte < 0x80 && byte != '_';
	}
	return 0;
}

static int apply_join(const struct call *call, struct value *ret_value)
{
	/* Both orders: join .Names ", " and .Names | join ", ". */
	const struct value *list = &call->arguments[0], *between = &call->arguments[1];
	if (list->kind == VALUE_STRING && between->kind != VALUE_STRING) {
		list = &call->arguments[1];
		between = &call->arguments[0];
	}
	bool empty = list->kind == VALUE_NONE;
	if ((!empty && list->kind != VALUE_LIST) || between->kind != VALUE_STRING)
		return call_error(call, "join needs a list and a text");
	autofini(text_fini) struct text text = {};
	const struct json_value *first = empty ? NULL : list->json->first;
	for (const struct json_value *at = first; at; at = at->next) {
		struct value word = value_of_json(at);
		if (at != first)
			text_add_bytes(&text, between->string.bytes, between->string.length);
		value_print(&word, &text);
	}
	*ret_value = run_string(call->run, &text);
	return 0;
}

/* Adds a copy of an element to a list that is being made; *last is where its next one hangs. */
static void add_element(struct arena *arena, struct json_value *list,
	const struct json_value ***last, const struct json_value *element)
{
	struct json_value *copy = arena_new(arena, struct json_value, 1);
	*copy = *element;
	copy->next = NULL;
	**last = copy;
	*last = &copy->next;
	list->length++;
}

static int apply_split(const struct call *call, struct value *ret_value)
{
	if (need_string(call, 0) < 0 || need_string(call, 1) < 0)
		return -EINVAL;
	const struct value *from = &call->arguments[0], *by = &call->arguments[1];
	if (by->string.length == 0)
		return call_error(call, "split needs something to split at");
	struct arena *arena = &call->run->arena;
	struct json_value *list = arena_new(arena, struct json_value, 1);
	list->type = JSON_ARRAY;
	const struct json_value **last = &list->first;
	const char *at = from->string.bytes, *end = at + from->string.length;
	for (;;) {
		const char *hit =
			memmem(at, (size_t)(end - at), by->string.bytes, by->string.length);
		size_t length = (size_t)((hit ? hit : end) - at);
		const struct json_value part = {.type = JSON_STRING,
			.length = (uint32_t)length,
			.text = arena_strndup(arena, at, length)};
		add_element(arena, list, &last, &part);
		if (!hit)
			break;
		at = hit + by->string.length;
	}
	*ret_value = value_of_json(list);
	return 0;
}

static size_t character_bytes(const struct value *string, size_t characters)
{
	size_t at = 0, step;
	for (; characters && at < string->string.length; characters--, at += step)
		(void)utf8_decode(string->string.bytes + at, string->string.length - at, &step);
	return at;
}

static int apply_truncate(const struct call *call, struct value *ret_value)
{
	int64_t length = 0;
	if (need_string(call, 0) < 0 || need_integer(call, 1, &length) < 0)
		return -EINVAL;
	const struct value *from = &call->arguments[0];
	*ret_value = value_of_bytes(
		from->string.bytes, character_bytes(from, length < 0 ? 0 : (size_t)length));
	return 0;
}

static int apply_pad(const struct call *call, struct value *ret_value)
{
	int64_t before = 0, behind = 0;
	if (need_string(call, 0) < 0 || need_integer(call, 1, &before) < 0 ||
		need_integer(call, 2, &behind) < 0)
		return -EINVAL;
	autofini(text_fini) struct text text = {};
	const struct value *from = &call->arguments[0];
	/* Docker leaves an empty text empty. */
	if (from->string.length) {
		text_format(&text, "%*s", (int)(before < 0 ? 0 : before), "");
		text_add_bytes(&text, from->string.bytes, from->string.length);
		text_format(&text, "%*s", (int)(behind < 0 ? 0 : behind), "");
	}
	*ret_value = run_string(call->run, &text);
	return 0;
}

static int apply_json(const struct call *call, struct value *ret_value)
{
	const struct value *from = &call->arguments[0];
	autofini(text_fini) struct text text = {};
	if (from->kind == VALUE_LIST || from->kind == VALUE_MAP)
		json_text(from->json, JSON_TEXT_COMPACT, &text);
	else if (from->kind == VALUE_STRING)
		text_json_string(&text,
			arena_strndup(&call->run->arena, from->string.bytes, from->string.length));
	else if (from->kind == VALUE_NONE)
		text_add(&text, "null");
	else
		value_print(from, &text);
	*ret_value = run_string(call->run, &text);
	return 0;
}

/* ---- printing ---- */

/* Go's Sprint puts a blank between two values unless one of them is a text. */
static int apply_print(const struct call *call, struct value *ret_value)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < call->count; i++) {
		if (i && call->arguments[i].kind != VALUE_STRING &&
			call->arguments[i - 1].kind != VALUE_STRING)
			text_add(&text, " ");
		value_print(&call->arguments[i], &text);
	}
	*ret_value = run_string(call->run, &text);
	return 0;
}

static int apply_println(const struct call *call, struct value *ret_value)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < call->count; i++) {
		text_add(&text, i ? " " : "");
		value_print(&call->arguments[i], &text);
	}
	text_add(&text, "\n");
	*ret_value = run_string(call->run, &text);
	return 0;
}

/* ---- logic ---- */

static int apply_not(const struct call *call, struct value *ret_value)
{
	*ret_value = value_of_boolean(!value_truth(&call->arguments[0]));
	return 0;
}

static int compare(const struct call *call, size_t n, int *ret_order)
{
	const struct value *a = &call->arguments[0], *b = &call->arguments[n];
	if (value_compare(a, b, ret_order) < 0)
		return call_error(call, "%s cannot be compared with %s", value_kind_name(a),
			value_kind_name(b));
	return 0;
}

/* eq a b c…: whether a is one of the others. */
static int apply_eq(const struct call *call, struct value *ret_value)
{
	bool equal = false;
	for (size_t n = 1; n < call->count && !equal; n++) {
		int order = 0, r = compare(call, n, &order);
		if (r < 0)
			return r;
		equal = order == 0;
	}
	*ret_value = value_of_boolean(equal);
	return 0;
}

static int apply_ne(const struct call *call, struct value *ret_value)
{
	int order = 0, r = compare(call, 1, &order);
	if (r >= 0)
		*ret_value = value_of_boolean(order != 0);
	return r;
}

static int ordered(const struct call *call, int *ret_order)
{
	enum value_kind kind = call->arguments[0].kind;
	if (kind == VALUE_BOOLEAN || kind == VALUE_NONE || call->arguments[1].kind == VALUE_NONE)
		return call_error(call, "%s has no order",
			value_kind_name(&call->arguments[kind != VALUE_BOOLEAN && kind]));
	return compare(call, 1, ret_order);
}

static int apply_lt(const struct call *call, struct value *ret_value)
{
	int order = 0, r = ordered(call, &order);
	if (r >= 0)
		*ret_value = value_of_boolean(order < 0);
	return r;
}

static int apply_le(const struct call *call, struct value *ret_value)
{
	int order = 0, r = ordered(call, &order);
	if (r >= 0)
		*ret_value = value_of_boolean(order <= 0);
	return r;
}

static int apply_gt(const struct call *call, struct value *ret_value)
{
	int order = 0, r = ordered(call, &order);
	if (r >= 0)
		*ret_value = value_of_boolean(order > 0);
	return r;
}

static int apply_ge(const struct call *call, struct value *ret_value)
{
	int order = 0, r = ordered(call, &order);
	if (r >= 0)
		*ret_value = value_of_boolean(order >= 0);
	return r;
}

/* ---- looking inside ---- */

static size_t value_length(const struct value *value)
{
	if (value->kind == VALUE_STRING)
		return value->string.length;
	return value->kind == VALUE_LIST || value->kind == VALUE_MAP ? value->json->length : 0;
}

static int apply_len(const struct call *call, struct value *ret_value)
{
	const struct value *of = &call->arguments[0];
	if (of->kind != VALUE_STRING && of->kind != VALUE_LIST && of->kind != VALUE_MAP &&
		of->kind != VALUE_NONE)
		return call_error(call, "%s has no length", value_kind_name(of));
	*ret_value = value_of_integer((int64_t)value_length(of));
	return 0;
}

static int index_map(const struct call *call, const struct value *map, const struct value *key,
	struct value *ret)
{
	if (key->kind != VALUE_STRING)
		return call_error(call, "the index of a map is a text");
	*ret = value_of_json(map_find(map->json, key->string.bytes, key->string.length));
	return 0;
}

static int index_list(const struct call *call, const struct value *list, const struct value *key,
	struct value *ret_value)
{
	if (key->kind != VALUE_INTEGER)
		return call_error(call, "the index of %s is a number", value_kind_name(list));
	if (key->integer < 0 || key->integer >= (__int128)value_length(list))
		return call_error(call, "index %lld of %zu is out of range",
			(long long)key->integer, value_length(list));
	size_t n = (size_t)key->integer;
	*ret_value = list->kind == VALUE_STRING
			     ? value_of_integer((unsigned char)list->string.bytes[n])
			     : value_of_json(list_element(list->json, n));
	return 0;
}

static int apply_index(const struct call *call, struct value *ret_value)
{
	struct value value = call->arguments[0];
	for (size_t n = 1; n < call->count; n++) {
		const struct value *key = &call->arguments[n];
		int r = 0;
		if (value.kind == VALUE_MAP)
			r = index_map(call, &value, key, &value);
		else if (value.kind == VALUE_LIST || value.kind == VALUE_STRING)
			r = index_list(call, &value, key, &value);
		else if (value.kind != VALUE_NONE)
			r = call_error(call, "index of %s", value_kind_name(&value));
		if (r < 0)
			return r;
	}
	*ret_value = value;
	return 0;
}

static int slice_bounds(const struct call *call, size_t length, size_t *ret_from, size_t *ret_to)
{
	__int128 from = 0, to = (__int128)length;
	for (size_t n = 1; n < call->count; n++)
		if (call->arguments[n].kind != VALUE_INTEGER)
			return call_error(call, "the bounds of a slice are numbers");
	if (call->count > 1)
		from = call->arguments[1].integer;
	if (call->count > 2)
		to = call->arguments[2].integer;
	if (from < 0 || to < from || to > (__int128)length)
		return call_error(call, "the slice is out of range: there are %zu", length);
	*ret_from = (size_t)from;
	*ret_to = (size_t)to;
	return 0;
}

static int apply_slice(const struct call *call, struct value *ret_value)
{
	const struct value *of = &call->arguments[0];
	if (of->kind != VALUE_STRING && of->kind != VALUE_LIST)
		return call_error(call, "%s cannot be sliced", value_kind_name(of));
	size_t from = 0, to = 0;
	int r = slice_bounds(call, value_length(of), &from, &to);
	if (r < 0)
		return r;
	if (of->kind == VALUE_STRING) {
		*ret_value = value_of_bytes(of->string.bytes + from, to - from);
		return 0;
	}
	struct json_value *list = arena_new(&call->run->arena, struct json_value, 1);
	list->type = JSON_ARRAY;
	const struct json_value **last = &list->first, *at = of->json->first;
	for (size_t n = 0; n < to; n++, at = at->next)
		if (n >= from)
			add_element(&call->run->arena, list, &last, at);
	*ret_value = value_of_json(list);
	return 0;
}

static const struct function functions[] = {
	{"and", 1, ARGUMENTS_MAX, .lazy = FUNCTION_AND},
	{"or", 1, ARGUMENTS_MAX, .lazy = FUNCTION_OR},
	{"not", 1, 1, .apply = apply_not},
	{"eq", 2, ARGUMENTS_MAX, .apply = apply_eq},
	{"ne", 2, 2, .apply = apply_ne},
	{"lt", 2, 2, .apply = apply_lt},
	{"le", 2, 2, .apply = apply_le},
	{"gt", 2, 2, .apply = apply_gt},
	{"ge", 2, 2, .apply = apply_ge},
	{"index", 1, ARGUMENTS_MAX, .apply = apply_index},
	{"slice", 1, 3, .apply = apply_slice},
	{"len", 1, 1, .apply = apply_len},
	{"print", 0, ARGUMENTS_MAX, .apply = apply_print},
	{"printf", 1, ARGUMENTS_MAX, .apply = function_printf},
	{"println", 0, ARGUMENTS_MAX, .apply = apply_println},
	{"json", 1, 1, .apply = apply_json, .shapes = true},
	{"join", 2, 2, .apply = apply_join, .shapes = true},
	{"split", 2, 2, .apply = apply_split, .shapes = true},
	{"lower", 1, 1, .apply = apply_lower, .shapes = true},
	{"upper", 1, 1, .apply = apply_upper, .shapes = true},
	{"title", 1, 1, .apply = apply_title, .shapes = true},
	{"pad", 3, 3, .apply = apply_pad, .shapes = true},
	{"truncate", 2, 2, .apply = apply_truncate, .shapes = true},
};

const struct function *function_find(const char *name, size_t length)
{
	for (size_t i = 0; i < array_length(functions); i++)
		if (strlen(functions[i].name) == length &&
			memcmp(functions[i].name, name, length) == 0)
			return &functions[i];
	return NULL;
}
