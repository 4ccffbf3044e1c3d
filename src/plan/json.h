// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * JSON in: a strict reader (RFC 8259) and typed questions to what it read.
 *
 * Every value is reached through a struct json that knows where it stands, so each
 * refusal names the document and the place: "config.json: process.rlimits[2].type:
 * unknown limit "RLIMIT_FOO"". The chain of places lives on the caller's stack and
 * costs nothing until something is refused.
 *
 *	struct json_document document = {};
 *	int r = json_parse(text, length, "state.json", &arena, &document);
 *	...
 *	struct json pid;
 *	if (json_find(&document.top, "pid", &pid))
 *		r = json_unsigned(&pid, 0, INT32_MAX, &value);
 *
 * Larger objects are better described by a table: see plan/shape.h.
 */

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Containers inside containers; deeper documents are refused. */
#define JSON_DEPTH_MAX 64

enum json_value_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/** A node of what was read. Walked with first and next; length counts an array's or object's. */
struct json_value {
	enum json_value_type type;
	uint32_t length;               /* of text in bytes, or the number of children */
	const char *key;               /* the member's name; NULL in arrays */
	const struct json_value *next; /* in the same array or object */
	union {
		const char *text; /* string: NUL-terminated; number: as written, not terminated */
		const struct json_value *first; /* array, object */
	};
};

/** A value and where it stands. */
struct json {
	const struct json_value *value;
	const char *document;      /* name for errors */
	const struct json *parent; /* NULL: the top */
	const char *key;           /* name in the parent; NULL: the index counts */
	size_t index;
};

struct json_document {
	struct arena nodes;
	struct json top;
};

/**
 * Reads a whole document. Keys and strings are decoded into @strings and live as long
 * as it does; the tree lives in the document. -EINVAL with a story that names line and
 * column on anything RFC 8259 does not allow, and on what it leaves open and no two
 * readers treat alike: bytes that are not UTF-8, NUL in a string, half a surrogate
 * pair, text after the end. @name is kept, not copied.
 */
[[nodiscard]] int json_parse(const char *text, size_t length, const char *name,
	struct arena *strings, struct json_document *ret_document);
void json_document_fini(struct json_document *document);

/** "document: path: <text>". Returns -EINVAL. */
[[gnu::format(printf, 2, 3)]] int json_refuse(const struct json *at, const char *format, ...);

/** The same for a member of the object @at, which need not be there. */
[[gnu::format(printf, 3, 4)]] int json_refuse_member(
	const struct json *at, const char *key, const char *format, ...);

/* Negative, as the compiler shall know: see error.h. */
#define json_refuse(...) error_negative(json_refuse(__VA_ARGS__))
#define json_refuse_member(...) error_negative(json_refuse_member(__VA_ARGS__))

/** Warns with the place in front (see log.h). */
[[gnu::format(printf, 2, 3)]] void json_warn(const struct json *at, const char *format, ...);

/** The text as a person may safely see it: JSON-quoted, at most 80 bytes of it. In @at's words. */
struct json_quoted {
	char text[112];
};
struct json_quoted json_quote(const char *text);

/** The member, unless it is absent or null. @object must be an object. */
[[nodiscard]] bool json_find(const struct json *object, const char *key, struct json *ret_member);

/* What a member says, for documents that may lack it: "" or 0 where it is absent or another type.
 */
const char *json_member_text(const struct json *object, const char *key);
int64_t json_member_number(const struct json *object, const char *key);

/** Place of a child met while walking; @index counts within an array. */
struct json json_child(const struct json *parent, const struct json_value *child, size_t index);

/* Each: 0, or -EINVAL with a story when the value is of another type or out of range. */
[[nodiscard]] int json_expect(const struct json *at, enum json_value_type type);
[[nodiscard]] int json_boolean(const struct json *at, bool *ret_value);
[[nodiscard]] int json_string(const struct json *at, const char **ret_value);
[[nodiscard]] int json_unsigned(
	const struct json *at, uint64_t lowest, uint64_t highest, uint64_t *ret_value);
[[nodiscard]] int json_signed(
	const struct json *at, int64_t lowest, int64_t highest, int64_t *ret_value);
