// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Shapes: a JSON object and a C struct described by one table, read in both
 * directions. A chapter of the OCI specification is a table of its members in the
 * specification's order; adding a member is adding a line, and what can be read can be
 * written by construction.
 *
 *	static const struct json_field rlimit_fields[] = {
 *		WORD("type", struct plan_rlimit, resource, &rlimit_words, .flags = REQUIRED),
 *		UNSIGNED("hard", struct plan_rlimit, hard, .flags = REQUIRED),
 *		UNSIGNED("soft", struct plan_rlimit, soft, .flags = REQUIRED),
 *	};
 *	const struct json_shape rlimit_shape = SHAPE(struct plan_rlimit, rlimit_fields);
 *
 * Reading: unknown members are ignored (config.md "Extensibility"); null, and an empty
 * string where a string is optional, count as absent (Go writes both); a known member
 * given twice is refused. Writing: what is absent, zero, false or empty is left out
 * unless it is required.
 */

#include "plan/json.h"
#include "plan/json_write.h"
#include "plan/plan.h"
#include "plan/words.h"

enum json_field_kind {
	FIELD_BOOL,
	FIELD_STRING,
	FIELD_PATH,     /* an absolute path */
	FIELD_NAME,     /* a string out of a word table; points to the table's spelling */
	FIELD_WORD,     /* the number of a word */
	FIELD_FLAGS,    /* an array of words, or'ed together */
	FIELD_UNSIGNED, /* of the struct member's width */
	FIELD_SIGNED,
	FIELD_MAYBE_UNSIGNED, /* struct optional_u64 */
	FIELD_MAYBE_SIGNED,   /* struct optional_i64 */
	FIELD_STRINGS,
	FIELD_PATHS,
	FIELD_NAMES,
	FIELD_PAIRS,  /* an object of strings → array of struct plan_key_value */
	FIELD_OBJECT, /* an object with a shape of its own, inside the same struct */
	FIELD_ARRAY,  /* an array of objects → array of structs */
	FIELD_MAP, /* an object of objects → array of structs; the name goes to the key member */
	FIELD_CUSTOM, /* functions; they get the whole struct */
};

enum json_field_flags {
	OPTIONAL = 0,
	REQUIRED = 1 << 0,
	ALWAYS = 1 << 1,             /* written even if zero */
	NEGATIVE_IS_ABSENT = 1 << 2, /* a negative number is not written */
	READ_ONLY = 1 << 3,          /* an older or foreign spelling: understood, never written */
	LENIENT = 1 << 4,            /* flags: unknown words are left out with a warning */
};

struct json_shape;

struct json_field {
	const char *name;
	enum json_field_kind kind;
	enum json_field_flags flags;
	uint16_t offset, size; /* the struct member */
	uint16_t count;        /* arrays, maps, pairs: offset of the number of items */
	uint16_t presence;     /* offset + 1 of a bool that says "given"; 0: there is none */
	int64_t lowest;        /* numbers: the range; lowest = highest = 0: all that fits */
	uint64_t highest;
	const struct json_shape *shape;
	const struct words *words;
	int (*read)(const struct json *at, struct arena *arena, void *target);
	void (*write)(struct json_writer *writer, const char *name, const void *source);
};

struct json_shape {
	const struct json_field *fields;
	unsigned field_count; /* at most 64 */
	uint16_t size;        /* of the struct */
	uint16_t key;         /* offset of the name's member, when items of a map */
	/** What one member alone cannot show: what excludes what. May be NULL. */
	int (*check)(const struct json *at, struct arena *arena, void *target);
};

/** Reads the object at @at into @target, a zeroed struct of this shape. */
[[nodiscard]] int json_shape_read(
	const struct json *at, const struct json_shape *shape, struct arena *arena, void *target);

/** Writes the members (the caller opens and closes the object). */
void json_shape_write(
	struct json_writer *writer, const struct json_shape *shape, const void *source);

/** An array of strings; with @words each must be one of them. */
[[nodiscard]] int json_strings(const struct json *at, struct arena *arena,
	const struct words *words, struct strings *ret_strings);

/* ---- spelling of tables -------------------------------------------------- */

/* What follows the named arguments is further initializers: ".flags = REQUIRED", ".lowest = -1". */

/* clang-format off */

/* offsetof that does not compile unless the member has the type that its kind writes to. */
#define MEMBER(type, member, wanted) \
	(uint16_t)(offsetof(type, member) + 0 * sizeof(char[ \
	__builtin_types_compatible_p(__typeof__(((type *)0)->member), wanted) ? 1 : -1]))
#define NUMBER(type, member, is_signed) \
	(uint16_t)(offsetof(type, member) + 0 * sizeof(char[ \
	(((__typeof__(((type *)0)->member))-1 < 1) == (is_signed)) ? 1 : -1]))
#define SIZE(type, member) (uint16_t)sizeof(((type *)0)->member)
#define GIVEN(type, member) (uint16_t)(MEMBER(type, member, bool) + 1)

#define BOOL(json, type, member, ...) \
	{json, FIELD_BOOL, .offset = MEMBER(type, member, bool), __VA_ARGS__}
#define STRING(json, type, member, ...) \
	{json, FIELD_STRING, .offset = MEMBER(type, member, const char *), __VA_ARGS__}
#define PATH(json, type, member, ...) \
	{json, FIELD_PATH, .offset = MEMBER(type, member, const char *), __VA_ARGS__}
#define NAME(json, type, member, table, ...) \
	{json, FIELD_NAME, .offset = MEMBER(type, member, const char *), .words = (table), \
	__VA_ARGS__}
#define WORD(json, type, member, table, ...) \
	{json, FIELD_WORD, .offset = offsetof(type, member), .size = SIZE(type, member), \
	.words = (table), __VA_ARGS__}
#define FLAGS(json, type, member, table, ...) \
	{json, FIELD_FLAGS, .offset = NUMBER(type, member, false), .size = SIZE(type, member), \
	.words = (table), __VA_ARGS__}
#define UNSIGNED(json, type, member, ...) \
	{json, FIELD_UNSIGNED, .offset = NUMBER(type, member, false), .size = SIZE(type, member), \
	__VA_ARGS__}
#define SIGNED(json, type, member, ...) \
	{json, FIELD_SIGNED, .offset = NUMBER(type, member, true), .size = SIZE(type, member), \
	__VA_ARGS__}
#define MAYBE_UNSIGNED(json, type, member, ...) \
	{json, FIELD_MAYBE_UNSIGNED, .offset = MEMBER(type, member, struct optional_u64), \
	.size = 8, __VA_ARGS__}
#define MAYBE_SIGNED(json, type, member, ...) \
	{json, FIELD_MAYBE_SIGNED, .offset = MEMBER(type, member, struct optional_i64), \
	.size = 8, __VA_ARGS__}
#define STRINGS(json, type, member, ...) \
	{json, FIELD_STRINGS, .offset = MEMBER(type, member, struct strings), __VA_ARGS__}
#define PATHS(json, type, member, ...) \
	{json, FIELD_PATHS, .offset = MEMBER(type, member, struct strings), __VA_ARGS__}
#define NAMES(json, type, member, table, ...) \
	{json, FIELD_NAMES, .offset = MEMBER(type, member, struct strings), .words = (table), \
	__VA_ARGS__}
#define PAIRS(json, type, member, counter, ...) \
	{json, FIELD_PAIRS, .offset = MEMBER(type, member, struct plan_key_value *), \
	.count = MEMBER(type, counter, size_t), __VA_ARGS__}
/* The object's members are members of this struct, or of a struct inside it. */
#define GROUP(json, table, ...) {json, FIELD_OBJECT, .shape = (table), __VA_ARGS__}
#define OBJECT(json, type, member, table, ...) \
	{json, FIELD_OBJECT, .offset = offsetof(type, member), .shape = (table), __VA_ARGS__}
#define ARRAY(json, type, member, counter, table, ...) \
	{json, FIELD_ARRAY, .offset = offsetof(type, member), \
	.count = MEMBER(type, counter, size_t), .shape = (table), __VA_ARGS__}
#define MAP(json, type, member, counter, table, ...) \
	{json, FIELD_MAP, .offset = offsetof(type, member), \
	.count = MEMBER(type, counter, size_t), .shape = (table), __VA_ARGS__}
#define CUSTOM(json, reader, writer, ...) \
	{json, FIELD_CUSTOM, .read = (reader), .write = (writer), __VA_ARGS__}

#define SHAPE(type, table, ...) \
	{.fields = (table), .field_count = sizeof(table) / sizeof((table)[0]), \
	.size = sizeof(type), __VA_ARGS__}

/* clang-format on */
