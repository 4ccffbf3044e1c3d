// SPDX-License-Identifier: Apache-2.0

/*
 * Reads the first column of an option row, "-m, --memory=SIZE", piece by piece.
 * Nothing is copied or kept: the rows are constant, and walking forty bytes is
 * cheaper than an index that would have to be built at every start.
 */

#include "cli/spec.h"

#include <string.h>

/* Where the names end: at "=", "[=" or the end of the row. */
static size_t names_length(const char *spec)
{
	return strcspn(spec, "=[");
}

bool option_next_name(
	const struct option *option, const char **cursor, const char **ret_name, size_t *ret_length)
{
	const char *end = option->spec + names_length(option->spec);
	const char *at = *cursor ? *cursor : option->spec;
	while (at < end) {
		size_t length = strcspn(at, ",=[");
		const char *word = at;
		at += length;
		at += strspn(at, ", ");
		if (length > 2 && word[0] == '-' && word[1] == '-') {
			*cursor = at;
			*ret_name = word + 2;
			*ret_length = length - 2;
			return true;
		}
	}
	return false;
}

bool option_named(const struct option *option, const char *name, size_t length)
{
	const char *cursor = NULL, *own;
	size_t own_length;
	while (option_next_name(option, &cursor, &own, &own_length))
		if (own_length == length && memcmp(own, name, length) == 0)
			return true;
	return false;
}

struct option_spec option_spec(const struct option *option)
{
	const char *text = option->spec;
	struct option_spec spec = {.placeholder = ""};
	if (text[0] == '-' && text[1] != '-')
		spec.letter = text[1];

	const char *cursor = NULL;
	(void)option_next_name(option, &cursor, &spec.name, &spec.name_length);

	const char *rest = text + names_length(text);
	if (*rest == '[') {
		spec.optional = true;
		rest++;
	}
	if (*rest == '=') {
		spec.placeholder = rest + 1;
		spec.placeholder_length = strlen(rest + 1) - spec.optional;
	}
	return spec;
}

bool choice_word(const struct option_spec *spec, size_t n, char *out, size_t size)
{
	const char *at = spec->placeholder, *end = at + spec->placeholder_length;
	for (; at < end; n--) {
		const char *bar = memchr(at, '|', (size_t)(end - at));
		size_t length = (size_t)((bar ? bar : end) - at);
		if (n == 0) {
			if (length >= size)
				return false;
			memcpy(out, at, length);
			out[length] = '\0';
			return true;
		}
		at += length + 1;
	}
	return false;
}
