// SPDX-License-Identifier: Apache-2.0

/*
 * Typed questions to a JSON value, and the sentences for when the answer is no.
 * Places are spelled only here: member names joined by dots, indexes and unusual
 * names in brackets, as in annotations["org.rung.landlock"].
 */

#include "plan/json.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>

static bool plain_name(const char *key)
{
	for (const char *c = key; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	}
	return *key != '\0';
}

struct json_quoted json_quote(const char *text)
{
	enum { SHOWN = 80 };
	struct json_quoted quoted;
	autofini(text_fini) struct text out = {};
	text_json_string(&out, text);
	if (out.length <= SHOWN) {
		(void)snprintf(quoted.text, sizeof(quoted.text), "%s", text_get(&out));
		return quoted;
	}
	size_t length = SHOWN;
	while (length > 0 && (out.bytes[length] & 0xc0) == 0x80)
		length--;
	(void)snprintf(quoted.text, sizeof(quoted.text), "%.*s…", (int)length, out.bytes);
	return quoted;
}

static void add_path(struct text *out, const struct json *at)
{
	if (!at->parent)
		return;
	add_path(out, at->parent);
	if (!at->key)
		text_format(out, "[%zu]", at->index);
	else if (plain_name(at->key))
		text_format(out, "%s%s", at->parent->parent ? "." : "", at->key);
	else
		text_format(out, "[%s]", json_quote(at->key).text);
}

/* "document: path: ", or "document: " at the top. */
static void add_place(struct text *out, const struct json *at)
{
	text_format(out, "%s: ", at->document);
	if (at->parent) {
		add_path(out, at);
		text_add(out, ": ");
	}
}

[[gnu::format(printf, 2, 0)]] static int refuse_with(
	const struct json *at, const char *format, va_list arguments)
{
	char message[512];
	(void)vsnprintf(message, sizeof(message), format, arguments);
	autofini(text_fini) struct text place = {};
	add_place(&place, at);
	return refuse(-EINVAL, "%s%s", text_get(&place), message);
}

int(json_refuse)(const struct json *at, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r = refuse_with(at, format, arguments);
	va_end(arguments);
	return r;
}

int(json_refuse_member)(const struct json *at, const char *key, const char *format, ...)
{
	struct json member = {.document = at->document, .parent = at, .key = key};
	va_list arguments;
	va_start(arguments, format);
	int r = refuse_with(&member, format, arguments);
	va_end(arguments);
	return r;
}

void json_warn(const struct json *at, const char *format, ...)
{
	char message[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	autofini(text_fini) struct text place = {};
	add_place(&place, at);
	warn("%s%s", text_get(&place), message);
}

struct json json_child(const struct json *parent, const struct json_value *child, size_t index)
{
	return (struct json){child, parent->document, parent, child->key, index};
}

bool json_find(const struct json *object, const char *key, struct json *ret_member)
{
	if (object->value->type != JSON_OBJECT)
		return false;
	for (const struct json_value *member = object->value->first; member;
		member = member->next) {
		if (member->type != JSON_NULL && text_equal(member->key, key)) {
			*ret_member = json_child(object, member, 0);
			return true;
		}
	}
	return false;
}

static const char *type_name(enum json_value_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",
		[JSON_FALSE] = "false",
		[JSON_TRUE] = "true",
		[JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};
	return names[type];
}

int json_expect(const struct json *at, enum json_value_type type)
{
	if (at->value->type == type)
		return 0;
	return json_refuse(
		at, "expected %s, found %s", type_name(type), type_name(at->value->type));
}

int json_boolean(const struct json *at, bool *ret_value)
{
	if (at->value->type != JSON_TRUE && at->value->type != JSON_FALSE)
		return json_refuse(
			at, "expected true or false, found %s", type_name(at->value->type));
	*ret_value = at->value->type == JSON_TRUE;
	return 0;
}

int json_string(const struct json *at, const char **ret_value)
{
	int r = json_expect(at, JSON_STRING);
	if (r < 0)
		return r;
	*ret_value = at->value->text;
	return 0;
}

/* The digits as a string, "" when they are more than any 64-bit number has. */
struct digits {
	char text[24];
};

static int number_text(const struct json *at, struct digits *ret_digits)
{
	int r = json_expect(at, JSON_NUMBER);
	if (r < 0)
		return r;
	size_t length = at->value->length;
	for (size_t i = 0; i < length; i++) {
		char c = at->value->text[i];
		if (c == '.' || c == 'e' || c == 'E')
			return json_refuse(at, "expected a whole number, found %.*s",
				(int)(length < 40 ? length : 40), at->value->text);
	}
	*ret_digits = (struct digits){};
	if (length < sizeof(ret_digits->text))
		memcpy(ret_digits->text, at->value->text, length);
	return 0;
}

static int out_of_range(const struct json *at, const char *lowest, const char *highest)
{
	size_t length = at->value->length;
	return json_refuse(at, "%.*s%s is outside of %s..%s", (int)(length < 40 ? length : 40),
		at->value->text, length < 40 ? "" : "…", lowest, highest);
}

int json_unsigned(const struct json *at, uint64_t lowest, uint64_t highest, uint64_t *ret_value)
{
	struct digits digits, low, high;
	uint64_t value;
	int r = number_text(at, &digits);
	if (r < 0)
		return r;
	const char *text = text_equal(digits.text, "-0") ? "0" : digits.text;
	if (parse_uint64(text, highest, &value) < 0 || value < lowest) {
		(void)snprintf(low.text, sizeof(low.text), "%ju", (uintmax_t)lowest);
		(void)snprintf(high.text, sizeof(high.text), "%ju", (uintmax_t)highest);
		return out_of_range(at, low.text, high.text);
	}
	*ret_value = value;
	return 0;
}

int json_signed(const struct json *at, int64_t lowest, int64_t highest, int64_t *ret_value)
{
	struct digits digits, low, high;
	int r = number_text(at, &digits);
	if (r < 0)
		return r;
	if (parse_int64(digits.text, lowest, highest, ret_value) < 0) {
		(void)snprintf(low.text, sizeof(low.text), "%jd", (intmax_t)lowest);
		(void)snprintf(high.text, sizeof(high.text), "%jd", (intmax_t)highest);
		return out_of_range(at, low.text, high.text);
	}
	return 0;
}

const char *json_member_text(const struct json *object, const char *key)
{
	struct json at;
	return json_find(object, key, &at) && at.value->type == JSON_STRING ? at.value->text : "";
}

int64_t json_member_number(const struct json *object, const char *key)
{
	struct json at;
	int64_t value = 0;
	if (json_find(object, key, &at) && json_signed(&at, INT64_MIN, INT64_MAX, &value) < 0)
		error_clear();
	return value;
}
