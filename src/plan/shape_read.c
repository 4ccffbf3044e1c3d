// SPDX-License-Identifier: Apache-2.0

/*
 * Shapes, from JSON to struct. Members are taken in the document's order; since
 * documents mostly follow the specification's order, the search for a member's line in
 * the table starts behind the previous one and finds it at once.
 */

#include "base/error.h"
#include "base/text.h"
#include "plan/shape.h"

#include <limits.h>

static int store_number(void *member, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		*(uint8_t *)member = (uint8_t)value;
		return 0;
	case 2:
		*(uint16_t *)member = (uint16_t)value;
		return 0;
	case 4:
		*(uint32_t *)member = (uint32_t)value;
		return 0;
	case 8:
		*(uint64_t *)member = value;
		return 0;
	default:
		return -EINVAL; /* no such member: see SIZE() */
	}
}

static int read_unsigned(const struct json *at, const struct json_field *field, uint64_t *ret_value)
{
	uint64_t highest = field->size == 8 ? UINT64_MAX : (UINT64_C(1) << field->size * 8) - 1;
	return json_unsigned(
		at, (uint64_t)field->lowest, field->highest ? field->highest : highest, ret_value);
}

static int read_signed(const struct json *at, const struct json_field *field, int64_t *ret_value)
{
	int64_t highest = field->size == 8 ? INT64_MAX : INT32_MAX;
	if (field->highest)
		return json_signed(at, field->lowest, (int64_t)field->highest, ret_value);
	return json_signed(at, -highest - 1, highest, ret_value);
}

static int read_number(const struct json *at, const struct json_field *field, void *member)
{
	uint64_t natural = 0;
	int64_t integer = 0;
	bool is_signed = field->kind == FIELD_SIGNED || field->kind == FIELD_MAYBE_SIGNED;
	int r = is_signed ? read_signed(at, field, &integer) : read_unsigned(at, field, &natural);
	if (r < 0)
		return r;
	if (field->kind == FIELD_MAYBE_UNSIGNED)
		*(struct optional_u64 *)member = (struct optional_u64){true, natural};
	else if (field->kind == FIELD_MAYBE_SIGNED)
		*(struct optional_i64 *)member = (struct optional_i64){true, integer};
	else
		return store_number(member, field->size, is_signed ? (uint64_t)integer : natural);
	return 0;
}

static int check_path(const struct json *at, const char *path)
{
	if (path[0] != '/')
		return json_refuse(at, "%s is not an absolute path", json_quote(path).text);
	if (strlen(path) >= PATH_MAX)
		return json_refuse(at, "is longer than %d bytes", PATH_MAX - 1);
	return 0;
}

static int read_string(const struct json *at, const struct json_field *field, void *member)
{
	const char *value;
	int r = json_string(at, &value);
	if (r < 0)
		return r;
	if (value[0] == '\0')
		return field->flags & REQUIRED ? json_refuse(at, "is empty") : 0;
	if (field->kind == FIELD_PATH)
		r = check_path(at, value);
	if (r < 0)
		return r;
	*(const char **)member = value;
	return 0;
}

static int unknown_word(const struct json *at, const struct words *words, const char *name)
{
	return json_refuse(at, "unknown %s %s", words->noun, json_quote(name).text);
}

/* The word that the string is; NULL, and a story, if it is none. */
static const struct word *find_word(const struct json *at, const struct words *words)
{
	const char *name;
	if (json_string(at, &name) < 0)
		return NULL;
	const struct word *word = words_find(words, name);
	if (!word)
		(void)unknown_word(at, words, name);
	return word;
}

static int read_word(const struct json *at, const struct json_field *field, void *member)
{
	bool empty = at->value->type == JSON_STRING && at->value->length == 0;
	if (empty && !(field->flags & REQUIRED))
		return 0;
	const struct word *word = find_word(at, field->words);
	if (!word)
		return -EINVAL;
	if (field->kind == FIELD_WORD)
		return store_number(member, field->size, word->value);
	*(const char **)member = word->name;
	return 0;
}

static int read_flags(const struct json *at, const struct json_field *field, void *member)
{
	int r = json_expect(at, JSON_ARRAY);
	uint64_t flags = 0;
	size_t index = 0;
	for (const struct json_value *v = at->value->first; r >= 0 && v; v = v->next) {
		struct json item = json_child(at, v, index++);
		const char *name;
		r = json_string(&item, &name);
		const struct word *word = r < 0 ? NULL : words_find(field->words, name);
		if (word)
			flags |= word->value;
		else if (r >= 0 && field->flags & LENIENT)
			json_warn(&item, "unknown %s %s is left out", field->words->noun,
				json_quote(name).text);
		else if (r >= 0)
			r = unknown_word(&item, field->words, name);
	}
	return r < 0 ? r : store_number(member, field->size, flags);
}

int json_strings(const struct json *at, struct arena *arena, const struct words *words,
	struct strings *ret_strings)
{
	int r = json_expect(at, JSON_ARRAY);
	if (r < 0)
		return r;
	struct strings strings = {arena_new(arena, const char *, at->value->length + (size_t)1), 0};
	for (const struct json_value *v = at->value->first; v; v = v->next) {
		struct json item = json_child(at, v, strings.count);
		const struct word *word = words ? find_word(&item, words) : NULL;
		if (words && !word)
			return -EINVAL;
		const char **string = &strings.items[strings.count++];
		if (word)
			*string = word->name;
		else if ((r = json_string(&item, string)) < 0)
			return r;
	}
	*ret_strings = strings;
	return 0;
}

static int read_strings(const struct json *at, const struct json_field *field, struct arena *arena,
	struct strings *member)
{
	int r = json_strings(at, arena, field->words, member);
	if (r < 0 || field->kind != FIELD_PATHS)
		return r;
	size_t index = 0;
	for (const struct json_value *v = at->value->first; r >= 0 && v; v = v->next) {
		struct json item = json_child(at, v, index++);
		r = check_path(&item, v->text);
	}
	return r;
}

/* Objects with names of the user's choosing: strings, or structs that keep the name. */
static int read_map_item(const struct json *at, const struct json_field *field, struct arena *arena,
	char *items, size_t index)
{
	if (at->key[0] == '\0')
		return json_refuse(at, "empty name");
	if (field->kind == FIELD_PAIRS) {
		struct plan_key_value *pair = (struct plan_key_value *)(void *)items + index;
		pair->key = at->key;
		return json_string(at, &pair->value);
	}
	char *item = items + index * field->shape->size;
	*(const char **)(void *)(item + field->shape->key) = at->key;
	return json_shape_read(at, field->shape, arena, item);
}

static int read_items(
	const struct json *at, const struct json_field *field, struct arena *arena, char *target)
{
	int r = json_expect(at, field->kind == FIELD_ARRAY ? JSON_ARRAY : JSON_OBJECT);
	if (r < 0)
		return r;
	size_t size =
		field->kind == FIELD_PAIRS ? sizeof(struct plan_key_value) : field->shape->size;
	char *items = arena_calloc(arena, at->value->length, size);
	size_t count = 0;
	for (const struct json_value *v = at->value->first; v; v = v->next, count++) {
		struct json item = json_child(at, v, count);
		r = field->kind == FIELD_ARRAY
			    ? json_shape_read(&item, field->shape, arena, items + count * size)
			    : read_map_item(&item, field, arena, items, count);
		if (r < 0)
			return r;
	}
	*(void **)(void *)(target + field->offset) = items;
	*(size_t *)(void *)(target + field->count) = count;
	return 0;
}

static int read_field(
	const struct json *at, const struct json_field *field, struct arena *arena, char *target)
{
	void *member = target + field->offset;
	switch (field->kind) {
	case FIELD_BOOL:
		return json_boolean(at, member);
	case FIELD_STRING:
	case FIELD_PATH:
		return read_string(at, field, member);
	case FIELD_NAME:
	case FIELD_WORD:
		return read_word(at, field, member);
	case FIELD_FLAGS:
		return read_flags(at, field, member);
	case FIELD_UNSIGNED:
	case FIELD_SIGNED:
	case FIELD_MAYBE_UNSIGNED:
	case FIELD_MAYBE_SIGNED:
		return read_number(at, field, member);
	case FIELD_STRINGS:
	case FIELD_PATHS:
	case FIELD_NAMES:
		return read_strings(at, field, arena, member);
	case FIELD_OBJECT:
		return json_shape_read(at, field->shape, arena, member);
	case FIELD_PAIRS:
	case FIELD_ARRAY:
	case FIELD_MAP:
		return read_items(at, field, arena, target);
	case FIELD_CUSTOM:
		return field->read(at, arena, target);
	}
	return -EINVAL;
}

/* The member's line in the table, searched from @hint on and around; count if there is none. */
static unsigned find_field(const struct json_shape *shape, const char *name, unsigned hint)
{
	for (unsigned i = 0; i < shape->field_count; i++) {
		unsigned candidate = hint + i;
		if (candidate >= shape->field_count)
			candidate -= shape->field_count;
		if (text_equal(shape->fields[candidate].name, name))
			return candidate;
	}
	return shape->field_count;
}

int json_shape_read(
	const struct json *at, const struct json_shape *shape, struct arena *arena, void *target)
{
	int r = json_expect(at, JSON_OBJECT);
	if (r < 0)
		return r;
	uint64_t seen = 0;
	unsigned hint = 0;
	for (const struct json_value *v = at->value->first; v; v = v->next) {
		unsigned index = find_field(shape, v->key, hint);
		if (index == shape->field_count || v->type == JSON_NULL)
			continue;
		const struct json_field *field = &shape->fields[index];
		struct json member = json_child(at, v, 0);
		if (seen & UINT64_C(1) << index)
			return json_refuse(&member, "is given twice");
		seen |= UINT64_C(1) << index;
		hint = index + 1;
		r = read_field(&member, field, arena, target);
		if (r < 0)
			return r;
		if (field->presence)
			*((bool *)target + field->presence - 1) = true;
	}
	for (unsigned i = 0; i < shape->field_count; i++) {
		if (shape->fields[i].flags & REQUIRED && !(seen & UINT64_C(1) << i))
			return json_refuse_member(at, shape->fields[i].name, "is missing");
	}
	return shape->check ? shape->check(at, arena, target) : 0;
}
