// SPDX-License-Identifier: Apache-2.0

/*
 * The reader. One pass over one copy of the text: strings are decoded where they
 * stand, so that a whole config.json costs one copy and a few blocks of nodes, and the
 * plan points into that copy.
 *
 * Why not json-c, which the rest of the house may use: in its strict mode 0.16 still
 * turns 18446744073709551616 into 18446744073709551615 (the limit "infinity") without
 * a word, takes 'single quotes', raw control characters, Infinity and 1., and needs
 * 120 us for 10 KB where this needs 20. Every container start pays for it, and two
 * readers that disagree about one document are how policies get bypassed. The unit
 * tests compare both on everything this one accepts.
 */

#include "plan/json.h"

#include "base/error.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>

struct parser {
	const char *original; /* as given, for line numbers */
	char *start, *at;     /* our copy, ends with NUL */
	size_t length;
	struct arena *nodes;
	unsigned depth;
};

static int parse_value(struct parser *parser, const struct json *at, struct json_value *value);

[[gnu::format(printf, 3, 4)]] static int syntax(
	const struct parser *parser, const struct json *at, const char *format, ...)
{
	char message[128];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);

	size_t line = 1, column = 1, offset = (size_t)(parser->at - parser->start);
	for (size_t i = 0; i < offset; i++) {
		column = parser->original[i] == '\n' ? 1 : column + 1;
		line += parser->original[i] == '\n';
	}
	return json_refuse(at, "line %zu, column %zu: %s", line, column, message);
}

static int expected(const struct parser *parser, const struct json *at, const char *what)
{
	if (parser->at == parser->start + parser->length)
		return syntax(parser, at, "expected %s, found the end", what);
	unsigned char found = (unsigned char)*parser->at;
	if (found > 0x20 && found < 0x7f)
		return syntax(parser, at, "expected %s, found '%c'", what, found);
	return syntax(parser, at, "expected %s, found byte 0x%02x", what, found);
}

static void skip_space(struct parser *parser)
{
	while (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\t' ||
		*parser->at == '\r')
		parser->at++;
}

static int hex_digits(const char *text)
{
	int value = 0;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)text[i];
		if (!isxdigit(c))
			return -EINVAL;
		value = value * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	return value;
}

static char *utf8_encode(char *out, unsigned code)
{
	if (code < 0x80) {
		*out++ = (char)code;
	} else if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
		*out++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (char)(0xe0 | code >> 12);
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	} else {
		*out++ = (char)(0xf0 | code >> 18);
		*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
		*out++ = (char)(0x80 | (code & 0x3f));
	}
	return out;
}

/* After "\u". Never writes more bytes than it reads: six for at most three, twelve for four. */
static int parse_unicode_escape(struct parser *parser, const struct json *at, char **out)
{
	int code = hex_digits(parser->at);
	if (code < 0)
		return expected(parser, at, "four hexadecimal digits");
	if (code == 0)
		return syntax(parser, at, "NUL in a string");
	parser->at += 4;
	if (code >= 0xd800 && code <= 0xdfff) {
		int low = -1;
		if (code < 0xdc00 && parser->at[0] == '\\' && parser->at[1] == 'u')
			low = hex_digits(parser->at + 2);
		if (low < 0xdc00 || low > 0xdfff)
			return syntax(parser, at, "half a surrogate pair in a string");
		parser->at += 6;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	*out = utf8_encode(*out, (unsigned)code);
	return 0;
}

static int parse_escape(struct parser *parser, const struct json *at, char **out)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	char letter = parser->at[1];
	const char *found = letter ? strchr(letters, letter) : NULL;
	if (found) {
		*(*out)++ = meanings[found - letters];
		parser->at += 2;
		return 0;
	}
	parser->at++;
	if (letter != 'u')
		return expected(parser, at, "an escape");
	parser->at++;
	return parse_unicode_escape(parser, at, out);
}

/* At the opening quote. The text is decoded in place and its end marked with NUL. */
static int parse_string(
	struct parser *parser, const struct json *at, const char **ret_text, uint32_t *ret_length)
{
	char *text = ++parser->at, *out = text;
	for (;;) {
		unsigned char c = (unsigned char)*parser->at;
		if (c == '"')
			break;
		if (c == '\\') {
			int r = parse_escape(parser, at, &out);
			if (r < 0)
				return r;
		} else if (c < 0x20) {
			return expected(parser, at, "the end of the string");
		} else {
			size_t length = c < 0x80 ? 1 : text_utf8_length(parser->at);
			if (length == 0)
				return expected(parser, at, "UTF-8");
			for (; length; length--)
				*out++ = *parser->at++;
		}
	}
	parser->at++;
	*out = '\0';
	*ret_text = text;
	*ret_length = (uint32_t)(out - text);
	return 0;
}

static int skip_digits(struct parser *parser, const struct json *at)
{
	if (!isdigit((unsigned char)*parser->at))
		return expected(parser, at, "a digit");
	while (isdigit((unsigned char)*parser->at))
		parser->at++;
	return 0;
}

/* Kept as written: whether it fits is a question for who knows what the number is for. */
static int parse_number(struct parser *parser, const struct json *at, struct json_value *value)
{
	value->type = JSON_NUMBER;
	value->text = parser->at;
	if (*parser->at == '-')
		parser->at++;
	if (parser->at[0] == '0' && isdigit((unsigned char)parser->at[1]))
		return syntax(parser, at, "number with a leading zero (octal is not JSON)");
	int r = skip_digits(parser, at);
	if (r >= 0 && *parser->at == '.') {
		parser->at++;
		r = skip_digits(parser, at);
	}
	if (r >= 0 && (*parser->at == 'e' || *parser->at == 'E')) {
		parser->at++;
		if (*parser->at == '+' || *parser->at == '-')
			parser->at++;
		r = skip_digits(parser, at);
	}
	value->length = (uint32_t)(parser->at - value->text);
	return r;
}

static int parse_word(struct parser *parser, const struct json *at, struct json_value *value)
{
	static const struct {
		const char *word;
		enum json_value_type type;
	} words[] = {{"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
	for (size_t i = 0; i < array_length(words); i++) {
		if (text_starts(parser->at, words[i].word)) {
			value->type = words[i].type;
			parser->at += strlen(words[i].word);
			return 0;
		}
	}
	return expected(parser, at, "a value");
}

/* One member or item: the name if it is an object's, then the value. */
static int parse_child(struct parser *parser, const struct json *at, struct json_value *value,
	struct json_value *child)
{
	struct json place = {child, at->document, at, NULL, value->length};
	if (value->type == JSON_OBJECT) {
		uint32_t ignored;
		if (*parser->at != '"')
			return expected(parser, at, "a member name in quotes");
		int r = parse_string(parser, at, &child->key, &ignored);
		if (r < 0)
			return r;
		place.key = child->key;
		skip_space(parser);
		if (*parser->at != ':')
			return expected(parser, &place, "':'");
		parser->at++;
	}
	return parse_value(parser, &place, child);
}

static int parse_children(struct parser *parser, const struct json *at, struct json_value *value)
{
	bool object = value->type == JSON_OBJECT;
	char end = object ? '}' : ']';
	if (parser->depth == JSON_DEPTH_MAX)
		return syntax(parser, at, "more than %d levels deep", JSON_DEPTH_MAX);
	parser->depth++;
	parser->at++;
	skip_space(parser);

	const struct json_value **link = &value->first;
	while (*parser->at != end) {
		struct json_value *child = arena_new(parser->nodes, struct json_value, 1);
		int r = parse_child(parser, at, value, child);
		if (r < 0)
			return r;
		value->length++;
		*link = child;
		link = &child->next;
		skip_space(parser);
		if (*parser->at == end)
			break;
		if (*parser->at != ',')
			return expected(parser, at, object ? "',' or '}'" : "',' or ']'");
		parser->at++;
		skip_space(parser);
		if (*parser->at == end)
			return expected(
				parser, at, object ? "a member after ','" : "a value after ','");
	}
	parser->at++;
	parser->depth--;
	return 0;
}

static int parse_value(struct parser *parser, const struct json *at, struct json_value *value)
{
	skip_space(parser);
	switch (*parser->at) {
	case '{':
		value->type = JSON_OBJECT;
		return parse_children(parser, at, value);
	case '[':
		value->type = JSON_ARRAY;
		return parse_children(parser, at, value);
	case '"':
		value->type = JSON_STRING;
		return parse_string(parser, at, &value->text, &value->length);
	case '-':
	case '0' ... '9':
		return parse_number(parser, at, value);
	default:
		return parse_word(parser, at, value);
	}
}

static int parse_document(struct parser *parser, const struct json *top, struct json_value *value)
{
	int r = parse_value(parser, top, value);
	if (r < 0)
		return r;
	skip_space(parser);
	if (parser->at != parser->start + parser->length)
		return expected(parser, top, "nothing more");
	return 0;
}

int json_parse(const char *text, size_t length, const char *name, struct arena *strings,
	struct json_document *ret_document)
{
	if (length >= UINT32_MAX)
		return refuse(-EFBIG, "%s: is too large", name);
	struct json_document document = {};
	struct json_value *value = arena_new(&document.nodes, struct json_value, 1);
	document.top = (struct json){.value = value, .document = name};
	char *copy = arena_strndup(strings, text, length);
	struct parser parser = {text, copy, copy, length, &document.nodes, 0};
	int r = parse_document(&parser, &document.top, value);
	if (r < 0) {
		json_document_fini(&document);
		return r;
	}
	*ret_document = document;
	return 0;
}

void json_document_fini(struct json_document *document)
{
	arena_fini(&document->nodes);
	*document = (struct json_document){};
}
