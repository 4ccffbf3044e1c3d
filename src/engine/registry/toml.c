// SPDX-License-Identifier: Apache-2.0

/* One pass over the bytes; an item is told as soon as its line has ended well. */

#include "engine/registry/toml.h"

#include "base/error.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define ITEMS_MAX 4096 /* strings in an array */

struct reader {
	const char *next;
	struct arena *arena;
	struct toml_item item;
};

int toml_refuse(const struct toml_item *item, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return refuse(-EINVAL, "%s:%u: %s%s%s", item->file, item->line, item->key ? item->key : "",
		item->key ? ": " : "", text);
}

static void skip_blanks(struct reader *reader)
{
	reader->next += strspn(reader->next, " \t");
}

/* Blanks, a comment and ends of lines. */
static void skip_lines(struct reader *reader)
{
	for (;;) {
		reader->next += strspn(reader->next, " \t\r");
		if (*reader->next == '#')
			reader->next += strcspn(reader->next, "\n");
		if (*reader->next != '\n')
			return;
		reader->next++;
		reader->item.line++;
	}
}

static int expect_end_of_line(struct reader *reader)
{
	reader->next += strspn(reader->next, " \t\r");
	if (*reader->next == '#')
		reader->next += strcspn(reader->next, "\n");
	if (*reader->next && *reader->next != '\n')
		return toml_refuse(&reader->item, "unexpected text at the end of the line");
	return 0;
}

static int add_code_point(struct text *text, uint32_t point)
{
	char bytes[4];
	size_t length = 0;
	if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return -EINVAL;
	if (point < 0x80) {
		bytes[length++] = (char)point;
	} else if (point < 0x800) {
		bytes[length++] = (char)(0xc0 | point >> 6);
		bytes[length++] = (char)(0x80 | (point & 63));
	} else if (point < 0x10000) {
		bytes[length++] = (char)(0xe0 | point >> 12);
		bytes[length++] = (char)(0x80 | (point >> 6 & 63));
		bytes[length++] = (char)(0x80 | (point & 63));
	} else {
		bytes[length++] = (char)(0xf0 | point >> 18);
		bytes[length++] = (char)(0x80 | (point >> 12 & 63));
		bytes[length++] = (char)(0x80 | (point >> 6 & 63));
		bytes[length++] = (char)(0x80 | (point & 63));
	}
	text_add_bytes(text, bytes, length);
	return 0;
}

/* Behind a "\". */
static int read_escape(struct reader *reader, struct text *text)
{
	static const char names[] = "btnfr\"\\", bytes[] = "\b\t\n\f\r\"\\";
	char c = *reader->next;
	const char *at = c ? strchr(names, c) : NULL;
	if (at) {
		text_add_bytes(text, &bytes[at - names], 1);
		reader->next++;
		return 0;
	}
	size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint32_t point = 0;
	if (digits == 0)
		return toml_refuse(&reader->item, "unknown escape in a string");
	reader->next++;
	for (size_t i = 0; i < digits; i++) {
		static const char hex[] = "0123456789abcdef";
		char digit = *reader->next;
		const char *value = digit ? strchr(hex, digit | 0x20) : NULL;
		if (!value || (digit < '0'))
			return toml_refuse(&reader->item, "unknown escape in a string");
		point = point << 4 | (uint32_t)(value - hex);
		reader->next++;
	}
	if (add_code_point(text, point) < 0)
		return toml_refuse(&reader->item, "an escape that is no character");
	return 0;
}

static int read_string(struct reader *reader, const char **ret_text)
{
	char quote = *reader->next++;
	autofini(text_fini) struct text text = {};
	if (reader->next[0] == quote && reader->next[1] == quote)
		return toml_refuse(&reader->item, "strings over several lines are not understood");
	while (*reader->next != quote) {
		unsigned char c = (unsigned char)*reader->next;
		if (c == '\0' || c == '\n')
			return toml_refuse(&reader->item, "a string has no end");
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return toml_refuse(&reader->item, "a control character in a string");
		if (c == '\\' && quote == '"') {
			reader->next++;
			int r = read_escape(reader, &text);
			if (r < 0)
				return r;
			continue;
		}
		size_t length = text_utf8_length(reader->next);
		if (length == 0)
			return toml_refuse(&reader->item, "a string is not UTF-8");
		text_add_bytes(&text, reader->next, length);
		reader->next += length;
	}
	reader->next++;
	*ret_text = arena_strdup(reader->arena, text_get(&text));
	return 0;
}

static bool at_string(const struct reader *reader)
{
	return *reader->next == '"' || *reader->next == '\'';
}

static int read_key(struct reader *reader, const char **ret_key)
{
	if (at_string(reader))
		return read_string(reader, ret_key);
	size_t length = strspn(reader->next, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789_-");
	if (length == 0)
		return toml_refuse(&reader->item, "a key was expected");
	*ret_key = arena_strndup(reader->arena, reader->next, length);
	reader->next += length;
	return 0;
}

static int read_array(struct reader *reader)
{
	struct toml_item *item = &reader->item;
	size_t room = 0;
	item->type = TOML_STRINGS;
	item->strings = (struct strings){.items = arena_new(reader->arena, const char *, 1)};
	reader->next++;
	for (;;) {
		skip_lines(reader);
		if (*reader->next == ']') {
			reader->next++;
			return 0;
		}
		if (!at_string(reader))
			return toml_refuse(item, "only strings can be in a list");
		const char *text = NULL;
		int r = read_string(reader, &text);
		if (r < 0)
			return r;
		if (item->strings.count >= ITEMS_MAX)
			return toml_refuse(item, "the list is too long");
		if (item->strings.count >= room) {
			const char **old = item->strings.items;
			room = room ? room * 2 : 8;
			item->strings.items = arena_new(reader->arena, const char *, room + 1);
			memcpy(item->strings.items, old, item->strings.count * sizeof(*old));
		}
		item->strings.items[item->strings.count++] = text;
		skip_lines(reader);
		if (*reader->next == ',')
			reader->next++;
		else if (*reader->next != ']')
			return toml_refuse(item, "a list has no end");
	}
}

static int read_plain(struct reader *reader)
{
	struct toml_item *item = &reader->item;
	size_t length = strcspn(reader->next, " \t\r\n#,]");
	const char *word = arena_strndup(reader->arena, reader->next, length);
	if (text_equal(word, "true") || text_equal(word, "false")) {
		item->type = TOML_BOOLEAN;
		item->truth = word[0] == 't';
	} else if (parse_int64(word, INT64_MIN, INT64_MAX, &item->number) >= 0) {
		item->type = TOML_INTEGER;
	} else {
		return toml_refuse(
			item, "a value that is no string, number, truth or list of strings");
	}
	reader->next += length;
	return 0;
}

static int read_pair(struct reader *reader)
{
	struct toml_item *item = &reader->item;
	const char *key = NULL;
	int r = read_key(reader, &key);
	if (r < 0)
		return r;
	item->key = key;
	skip_blanks(reader);
	if (*reader->next == '.')
		return toml_refuse(item, "keys with dots are not understood; use a [table]");
	if (*reader->next != '=')
		return toml_refuse(item, "\"=\" was expected behind the key");
	reader->next++;
	skip_blanks(reader);
	if (at_string(reader)) {
		item->type = TOML_STRING;
		return read_string(reader, &item->text);
	}
	return *reader->next == '[' ? read_array(reader) : read_plain(reader);
}

static int read_header(struct reader *reader)
{
	struct toml_item *item = &reader->item;
	bool element = reader->next[1] == '[';
	autofini(text_fini) struct text table = {};
	item->key = NULL;
	item->type = element ? TOML_ELEMENT : TOML_TABLE;
	reader->next += element ? 2 : 1;
	for (;;) {
		const char *part = NULL;
		skip_blanks(reader);
		int r = read_key(reader, &part);
		if (r < 0)
			return r;
		text_format(&table, "%s%s", table.length > 0 ? "." : "", part);
		skip_blanks(reader);
		if (*reader->next != '.')
			break;
		reader->next++;
	}
	if (!text_starts(reader->next, element ? "]]" : "]"))
		return toml_refuse(item, "\"]\" was expected");
	reader->next += element ? 2 : 1;
	item->table = arena_strdup(reader->arena, text_get(&table));
	return 0;
}

int toml_read(
	const char *text, const char *file, struct arena *arena, toml_visitor *visit, void *context)
{
	struct reader reader = {
		.next = text, .arena = arena, .item = {.file = file, .line = 1, .table = ""}};
	if (text_starts(text, "\xef\xbb\xbf"))
		reader.next += 3;
	for (;;) {
		reader.item.key = NULL;
		skip_lines(&reader);
		if (!*reader.next)
			return 0;
		int r = *reader.next == '[' ? read_header(&reader) : read_pair(&reader);
		if (r >= 0)
			r = expect_end_of_line(&reader);
		if (r >= 0)
			r = visit(&reader.item, context);
		if (r < 0)
			return r;
	}
}
