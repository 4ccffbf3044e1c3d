// SPDX-License-Identifier: Apache-2.0

/* Shapes, from struct to JSON, in the order of the table. */

#include "plan/shape.h"

static uint64_t load_unsigned(const void *member, unsigned size)
{
	return size == 1   ? *(const uint8_t *)member
	       : size == 2 ? *(const uint16_t *)member
	       : size == 4 ? *(const uint32_t *)member
			   : *(const uint64_t *)member;
}

static int64_t load_signed(const void *member, unsigned size)
{
	return size == 4 ? *(const int32_t *)member : *(const int64_t *)member;
}

static void write_text(
	struct json_writer *writer, const struct json_field *field, const char *value)
{
	if (value)
		json_write_string(writer, field->name, value);
}

static void write_flags(struct json_writer *writer, const struct json_field *field, uint64_t flags)
{
	json_open_lazily(writer, field->name, '[');
	for (unsigned i = 0; i < field->words->count; i++) {
		const struct word *word = &field->words->items[i];
		if (word->value && (flags & word->value) == word->value)
			json_write_string(writer, NULL, word->name);
	}
	json_close(writer);
}

static void write_list(
	struct json_writer *writer, const struct json_field *field, const struct strings *value)
{
	if (value->count || field->flags & REQUIRED)
		json_write_strings(writer, field->name, value);
}

static void write_items(
	struct json_writer *writer, const struct json_field *field, const char *source)
{
	const char *items = *(const char *const *)(const void *)(source + field->offset);
	size_t count = *(const size_t *)(const void *)(source + field->count);
	json_open_lazily(writer, field->name, field->kind == FIELD_ARRAY ? '[' : '{');
	for (size_t i = 0; i < count; i++) {
		if (field->kind == FIELD_PAIRS) {
			const struct plan_key_value *pair =
				(const struct plan_key_value *)(const void *)items + i;
			json_write_string(writer, pair->key, pair->value);
			continue;
		}
		const char *item = items + i * field->shape->size;
		const char *key =
			field->kind == FIELD_ARRAY
				? NULL
				: *(const char *const *)(const void *)(item + field->shape->key);
		json_open(writer, key, '{');
		json_shape_write(writer, field->shape, item);
		json_close(writer);
	}
	json_close(writer);
}

static void write_object(
	struct json_writer *writer, const struct json_field *field, bool given, const void *source)
{
	if (given)
		json_open(writer, field->name, '{');
	else
		json_open_lazily(writer, field->name, '{');
	json_shape_write(writer, field->shape, source);
	json_close(writer);
}

static void write_number(
	struct json_writer *writer, const struct json_field *field, bool given, const void *member)
{
	const struct optional_u64 *natural = member;
	const struct optional_i64 *integer = member;
	if (field->kind == FIELD_MAYBE_UNSIGNED && natural->given) {
		json_write_unsigned(writer, field->name, natural->value);
	} else if (field->kind == FIELD_MAYBE_SIGNED && integer->given) {
		json_write_signed(writer, field->name, integer->value);
	} else if (field->kind == FIELD_UNSIGNED) {
		uint64_t value = load_unsigned(member, field->size);
		if (value || given)
			json_write_unsigned(writer, field->name, value);
	} else if (field->kind == FIELD_SIGNED) {
		int64_t value = load_signed(member, field->size);
		bool absent = value < 0 && field->flags & NEGATIVE_IS_ABSENT;
		if ((value || given) && !absent)
			json_write_signed(writer, field->name, value);
	}
}

static void write_field(
	struct json_writer *writer, const struct json_field *field, const char *source)
{
	const void *member = source + field->offset;
	bool given = field->presence ? *((const bool *)source + field->presence - 1)
				     : (field->flags & (REQUIRED | ALWAYS)) != 0;
	if (field->presence && !given)
		return;
	switch (field->kind) {
	case FIELD_BOOL:
		if (given || *(const bool *)member)
			json_write_bool(writer, field->name, *(const bool *)member);
		return;
	case FIELD_STRING:
	case FIELD_PATH:
	case FIELD_NAME:
		write_text(writer, field, *(const char *const *)member);
		return;
	case FIELD_WORD:
		write_text(writer, field,
			words_name(field->words, load_unsigned(member, field->size)));
		return;
	case FIELD_FLAGS:
		write_flags(writer, field, load_unsigned(member, field->size));
		return;
	case FIELD_UNSIGNED:
	case FIELD_SIGNED:
	case FIELD_MAYBE_UNSIGNED:
	case FIELD_MAYBE_SIGNED:
		write_number(writer, field, given, member);
		return;
	case FIELD_STRINGS:
	case FIELD_PATHS:
	case FIELD_NAMES:
		write_list(writer, field, member);
		return;
	case FIELD_PAIRS:
	case FIELD_ARRAY:
	case FIELD_MAP:
		write_items(writer, field, source);
		return;
	case FIELD_OBJECT:
		write_object(writer, field, given, member);
		return;
	case FIELD_CUSTOM:
		field->write(writer, field->name, source);
		return;
	}
}

void json_shape_write(
	struct json_writer *writer, const struct json_shape *shape, const void *source)
{
	for (unsigned i = 0; i < shape->field_count; i++) {
		if (!(shape->fields[i].flags & READ_ONLY))
			write_field(writer, &shape->fields[i], source);
	}
}
