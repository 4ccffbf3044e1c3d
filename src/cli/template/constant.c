// SPDX-License-Identifier: Apache-2.0

/* Constants of a template: "text" with Go's escapes, `raw text`, 'c' and numbers. */

#include "cli/template/internal.h"

#include <errno.h>
#include <stdlib.h>

static void add_utf8(struct text *text, unsigned long character)
{
	char bytes[4];
	size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	for (size_t i = length - 1; i > 0; i--, character >>= 6)
		bytes[i] = (char)(0x80 | (character & 0x3f));
	static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
	bytes[0] = (char)(first[length] | character);
	text_add_bytes(text, bytes, length);
}

/* One escape behind the backslash at *at; moves *at to its last character. */
static bool add_escape(struct text *text, const char **at, const char *end)
{
	static const char letters[] = "abfnrtv\\\"'", meanings[] = "\a\b\f\n\r\t\v\\\"'";
	char c = **at;
	const char *simple = strchr(letters, c);
	if (c && simple) {
		text_add_bytes(text, &meanings[simple - letters], 1);
		return true;
	}
	unsigned count = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	if (count == 0 || end - *at <= (ptrdiff_t)count)
		return false;
	char digits[9] = "";
	memcpy(digits, *at + 1, count);
	char *stop;
	unsigned long character = strtoul(digits, &stop, 16);
	if (*stop || strspn(digits, "0123456789abcdefABCDEF") != count || character > 0x10ffff ||
		character == 0)
		return false;
	*at += count;
	if (c == 'x')
		text_add_bytes(text, &(char){(char)character}, 1);
	else
		add_utf8(text, character);
	return true;
}

int constant_text(
	struct arena *arena, const char *source, const struct token *token, struct value *ret_value)
{
	const char *at = token->at + 1, *end = token->at + token->length - 1;
	if (token->kind == TOKEN_RAW) {
		*ret_value = value_of_bytes(at, (size_t)(end - at));
		return 0;
	}
	autofini(text_fini) struct text text = {};
	for (; at < end; at++) {
		if (*at != '\\') {
			text_add_bytes(&text, at, 1);
			continue;
		}
		at++;
		if (!add_escape(&text, &at, end))
			return template_error(source, at - 1, "this escape is not known");
	}
	if (token->kind == TOKEN_CHARACTER) {
		/* Only ASCII: a character is a number in Go, and few know. */
		if (text.length != 1)
			return template_error(
				source, token->at, "a text belongs between \"double quotes\"");
		*ret_value = value_of_integer(text.bytes[0]);
		return 0;
	}
	*ret_value =
		value_of_bytes(arena_strndup(arena, text_get(&text), text.length), text.length);
	return 0;
}

int constant_number(const char *source, const struct token *token, struct value *ret_value)
{
	char digits[64], *end;
	if (token->length >= sizeof(digits))
		return template_error(source, token->at, "the number is too long");
	memcpy(digits, token->at, token->length);
	digits[token->length] = '\0';

	errno = 0;
	long long integer = strtoll(digits, &end, 0);
	if (*end == '\0' && errno == 0) {
		*ret_value = value_of_integer(integer);
		return 0;
	}
	double number = strtod(digits, &end);
	if (*end)
		return template_error(source, token->at, "\"%s\" is not a number", digits);
	*ret_value = (struct value){.kind = VALUE_NUMBER, .number = number};
	return 0;
}
