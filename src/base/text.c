// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include "base/arena.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_fini(struct text *text)
{
	free(text->bytes);
	*text = (struct text){};
}

const char *text_get(const struct text *text)
{
	return text->bytes ? text->bytes : "";
}

static void text_reserve(struct text *text, size_t more)
{
	if (more > SIZE_MAX / 4) /* so that doubling ends */
		memory_exhausted();
	size_t needed = text->length + more + 1;
	if (needed <= text->room)
		return;
	size_t room = text->room ? text->room : 128;
	while (room < needed)
		room *= 2;
	char *bytes = realloc(text->bytes, room);
	if (!bytes)
		memory_exhausted();
	text->bytes = bytes;
	text->room = room;
}

void text_add_bytes(struct text *text, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	text_reserve(text, length);
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length > 0) {
		text_reserve(text, (size_t)length);
		(void)vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
}

size_t text_utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		unsigned char low = s[0] == 0xe0 ? 0xa0 : 0x80, high = s[0] == 0xed ? 0x9f : 0xbf;
		return s[1] >= low && s[1] <= high && (s[2] & 0xc0) == 0x80 ? 3 : 0;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		unsigned char low = s[0] == 0xf0 ? 0x90 : 0x80, high = s[0] == 0xf4 ? 0x8f : 0xbf;
		bool tail = s[1] >= low && s[1] <= high && (s[2] & 0xc0) == 0x80;
		return tail && (s[3] & 0xc0) == 0x80 ? 4 : 0;
	}
	return 0;
}

/* Letters, digits and what else may stand in a JSON string as it is. */
static size_t plain_length(const unsigned char *s)
{
	size_t length = 0;
	while (s[length] >= 0x20 && s[length] < 0x7f && s[length] != '"' && s[length] != '\\')
		length++;
	return length;
}

void text_json_string(struct text *text, const char *string)
{
	text_add(text, "\"");
	for (const unsigned char *s = (const unsigned char *)string; *s;) {
		size_t plain = plain_length(s);
		text_add_bytes(text, s, plain);
		s += plain;
		if (!*s)
			break;
		size_t length = text_utf8_length((const char *)s);
		if (*s == '"' || *s == '\\')
			text_format(text, "\\%c", *s);
		else if (*s == '\n' || *s == '\t')
			text_add(text, *s == '\n' ? "\\n" : "\\t");
		else if (*s < 0x20 || *s == 0x7f)
			text_format(text, "\\u%04x", *s);
		else if (*s == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) /* C1: CSI and its like */
			text_format(text, "\\u%04x", s[1]);
		else if (length == 0)
			text_add(text, "\\ufffd");
		else
			text_add_bytes(text, s, length);
		s += length ? length : 1;
	}
	text_add(text, "\"");
}

int parse_uint64(const char *text, uint64_t highest, uint64_t *ret_value)
{
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	uint64_t value = 0;
	bool overflow = false;
	for (const char *c = text; *c; c++) {
		if (!isdigit((unsigned char)*c))
			return -EINVAL;
		overflow = overflow || __builtin_mul_overflow(value, 10, &value) ||
			   __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value);
	}
	if (overflow || value > highest)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int parse_int64(const char *text, int64_t lowest, int64_t highest, int64_t *ret_value)
{
	bool negative = text[0] == '-';
	uint64_t magnitude;
	int r = parse_uint64(
		text + negative, negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, &magnitude);
	if (r < 0)
		return r;
	int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	if (value < lowest || value > highest)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

/* ".5" after the number: five tenths of a unit, rounded down. Digits beyond 18 change nothing. */
static int parse_fraction(const char *digits, size_t length, unsigned shift, uint64_t *ret_bytes)
{
	uint64_t parts = 0, whole = 1;
	if (length == 0)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)digits[i]))
			return -EINVAL;
		if (i < 18) {
			parts = parts * 10 + (uint64_t)(digits[i] - '0');
			whole *= 10;
		}
	}
	*ret_bytes = (uint64_t)(((unsigned __int128)parts << shift) / whole);
	return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kmgtp";
	size_t length = strlen(text);
	unsigned shift = 0;
	/* "512MiB", "512MB", "512Mi" and "512m" all mean the same to Docker's users. */
	if (length > 0 && tolower((unsigned char)text[length - 1]) == 'b')
		length--;
	if (length > 0 && tolower((unsigned char)text[length - 1]) == 'i')
		length--;
	if (length > 0) {
		const char *unit = strchr(units, tolower((unsigned char)text[length - 1]));
		if (unit) {
			shift = (unsigned)(unit - units + 1) * 10;
			length--;
		}
	}
	if (length > 0 && text[length - 1] == ' ')
		length--;

	const char *point = memchr(text, '.', length);
	size_t whole_length = point ? (size_t)(point - text) : length;
	char digits[24];
	if (whole_length == 0 || whole_length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, whole_length);
	digits[whole_length] = '\0';
	uint64_t whole, fraction = 0;
	int r = parse_uint64(digits, UINT64_MAX >> shift, &whole);
	if (r == 0 && point)
		r = parse_fraction(point + 1, length - whole_length - 1, shift, &fraction);
	if (r < 0)
		return r;
	*ret_bytes = (whole << shift) + fraction; /* fraction is less than one unit */
	return 0;
}
