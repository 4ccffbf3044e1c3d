// SPDX-License-Identifier: Apache-2.0

/*
 * Go's printf for the verbs that formats use: %s %v %d %q %x %X %o %b %c %t %f
 * %e %g %%, with the flags "-", "+", "0", "#" and blank, a width and a
 * precision. What does not fit is shown as Go shows it, "%!d(string=web)": the
 * person sees at once which of many values was the wrong one.
 */

#include "cli/template/internal.h"

#include "cli/width.h"

#include <stdio.h>

struct directive {
	bool left, plus, zero, blank, sharp;
	int width, precision; /* -1: none */
	char verb;
};

/* Reads a number of at most WIDTH_MAX at *at. */
static int read_count(const char **at, const char *end)
{
	int count = 0;
	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		if (count <= WIDTH_MAX)
			count = count * 10 + (**at - '0');
	return count > WIDTH_MAX ? WIDTH_MAX : count;
}

/* What stands behind "%"; moves *at behind it. */
static struct directive read_directive(const char **at, const char *end)
{
	struct directive d = {.width = -1, .precision = -1};
	for (; *at < end && strchr("-+0 #", **at); (*at)++) {
		d.left |= **at == '-';
		d.plus |= **at == '+';
		d.zero |= **at == '0';
		d.blank |= **at == ' ';
		d.sharp |= **at == '#';
	}
	if (*at < end && **at >= '1' && **at <= '9')
		d.width = read_count(at, end);
	if (*at < end && **at == '.') {
		(*at)++;
		d.precision = read_count(at, end);
	}
	if (*at < end)
		d.verb = *(*at)++;
	return d;
}

static void add_padded(
	struct text *out, const struct directive *d, const char *bytes, size_t length)
{
	size_t characters = 0;
	for (size_t at = 0, step; at < length; at += step, characters++)
		(void)utf8_decode(bytes + at, length - at, &step);
	int missing = d->width - (int)characters;
	if (missing > 0 && !d->left)
		text_format(out, "%*s", missing, "");
	text_add_bytes(out, bytes, length);
	if (missing > 0 && d->left)
		text_format(out, "%*s", missing, "");
}

static void print_integer(struct text *out, const struct directive *d, __int128 integer)
{
	unsigned base = d->verb == 'b' ? 2 : d->verb == 'o' ? 8 : d->verb == 'd' ? 10 : 16;
	const char *digits = d->verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned __int128 rest = (unsigned __int128)(integer < 0 ? -integer : integer);
	char reversed[130];
	size_t count = 0;
	do
		reversed[count++] = digits[rest % base];
	while (rest /= base);

	autofini(text_fini) struct text number = {};
	const char *sign = integer < 0 ? "-" : d->plus ? "+" : d->blank ? " " : "";
	const char *prefix = !d->sharp || base == 10 ? ""
			     : base == 16            ? d->verb == 'X' ? "0X" : "0x"
			     : base == 8             ? "0"
						     : "0b";
	text_format(&number, "%s%s", sign, prefix);
	size_t least = d->precision > 0 ? (size_t)d->precision
		       : d->zero && !d->left && d->precision < 0 && d->width > (int)number.length
			       ? (size_t)d->width - number.length
			       : 0;
	for (size_t i = count; i < least; i++)
		text_add(&number, "0");
	while (count)
		text_add_bytes(&number, &reversed[--count], 1);
	add_padded(out, d, text_get(&number), number.length);
}

/* C's printf does the same, digit for digit; only the conversion's letter varies. */
static void print_number(struct text *out, const struct directive *d, double number)
{
	char format[16];
	snprintf(format, sizeof(format), "%%%s%s%s%s*.*%c", d->left ? "-" : "", d->plus ? "+" : "",
		d->blank ? " " : "", d->zero ? "0" : "", d->verb);
	int width = d->width < 0 ? 0 : d->width;
	int precision = d->precision < 0 ? 6 : d->precision > 40 ? 40 : d->precision;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	text_format(out, format, width, precision, number);
#pragma GCC diagnostic pop
}

static void print_hexadecimal(
	struct text *out, const struct directive *d, const struct value *value)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < value->string.length; i++)
		text_format(&text, d->verb == 'x' ? "%02x" : "%02X",
			(unsigned char)value->string.bytes[i]);
	add_padded(out, d, text_get(&text), text.length);
}

static void print_quoted(struct text *out, const struct directive *d, const struct value *value)
{
	autofini(text_fini) struct text text = {};
	autofini(text_fini) struct text terminated = {};
	text_add_bytes(&terminated, value->string.bytes, value->string.length);
	text_json_string(&text, text_get(&terminated));
	add_padded(out, d, text_get(&text), text.length);
}

static void print_plain(struct text *out, const struct directive *d, const struct value *value)
{
	autofini(text_fini) struct text text = {};
	if (value->kind == VALUE_NONE)
		text_add(&text, "<nil>");
	else
		value_print(value, &text);
	size_t length = text.length;
	if (d->precision >= 0 && d->verb != 'v') {
		size_t at = 0, step;
		for (int n = 0; n < d->precision && at < text.length; n++, at += step)
			(void)utf8_decode(text.bytes + at, text.length - at, &step);
		length = at;
	}
	add_padded(out, d, text_get(&text), length);
}

static void print_character(struct text *out, const struct directive *d, __int128 character)
{
	char byte = character > 0 && character < 0x80 ? (char)character : '?';
	add_padded(out, d, &byte, 1);
}

static void print_wrong(struct text *out, const struct directive *d, const struct value *value)
{
	static const char types[][8] = {[VALUE_NONE] = "nil",
		[VALUE_BOOLEAN] = "bool",
		[VALUE_INTEGER] = "int",
		[VALUE_NUMBER] = "float64",
		[VALUE_STRING] = "string",
		[VALUE_LIST] = "list",
		[VALUE_MAP] = "map"};
	text_format(out, "%%!%c(%s=", d->verb, types[value->kind]);
	value_print(value, out);
	text_add(out, ")");
}

/* Whether the verb is for values of this kind. */
static bool suits(char verb, enum value_kind kind)
{
	switch (kind) {
	case VALUE_INTEGER:
		/* Go wants a float for %f; JSON does not tell 2 from 2.0, so we take both. */
		return strchr("vdboxXcfeg", verb);
	case VALUE_NUMBER:
		return strchr("vfeg", verb);
	case VALUE_STRING:
		return strchr("vsqxX", verb);
	case VALUE_BOOLEAN:
		return strchr("vt", verb);
	case VALUE_LIST:
	case VALUE_MAP:
		return strchr("vs", verb);
	case VALUE_NONE:
		break;
	}
	return verb == 'v';
}

static void print_one(struct text *out, const struct directive *d, const struct value *value)
{
	bool integer = value->kind == VALUE_INTEGER;
	struct directive as_decimal = *d;
	as_decimal.verb = 'd';
	as_decimal.plus = false; /* "%+v" is another word for %v */
	if (!suits(d->verb, value->kind))
		print_wrong(out, d, value);
	else if (integer && d->verb == 'v')
		print_integer(out, &as_decimal, value->integer);
	else if (strchr("feg", d->verb))
		print_number(out, d, integer ? (double)value->integer : value->number);
	else if (d->verb == 'c')
		print_character(out, d, value->integer);
	else if (d->verb == 'q')
		print_quoted(out, d, value);
	else if (integer)
		print_integer(out, d, value->integer);
	else if (d->verb == 'x' || d->verb == 'X')
		print_hexadecimal(out, d, value);
	else
		print_plain(out, d, value);
}

int function_printf(const struct call *call, struct value *ret_value)
{
	const struct value *format = &call->arguments[0];
	if (format->kind != VALUE_STRING)
		return call_error(call, "the format of printf is a text");
	autofini(text_fini) struct text out = {};
	const char *at = format->string.bytes, *end = at + format->string.length;
	size_t next = 1;
	while (at < end) {
		const char *percent = memchr(at, '%', (size_t)(end - at));
		text_add_bytes(&out, at, (size_t)((percent ? percent : end) - at));
		if (!percent)
			break;
		at = percent + 1;
		struct directive d = read_directive(&at, end);
		if (d.verb == '%')
			text_add(&out, "%");
		else if (d.verb == '\0')
			text_add(&out, "%!(NOVERB)");
		else if (next == call->count)
			text_format(&out, "%%!%c(MISSING)", d.verb);
		else
			print_one(&out, &d, &call->arguments[next++]);
	}
	*ret_value = run_string(call->run, &out);
	return 0;
}
