// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Private to src/cli: reading the spec of an option row, "-m, --memory=SIZE". */

#include "cli/option.h"

struct option_spec {
	char letter;      /* 0: none */
	const char *name; /* first long name, not terminated; NULL: only a letter */
	size_t name_length;
	const char *placeholder; /* the rest of the row after "="; "" for a flag */
	size_t placeholder_length;
	bool optional; /* the value may be left out */
};

struct option_spec option_spec(const struct option *option);

/** Whether the row has this long name, shown or not. */
bool option_named(const struct option *option, const char *name, size_t length);

static inline bool option_ends(const struct option *option)
{
	return option->spec[0] == '\0';
}

/** The n-th word of "text|json", NULL-terminated in out; false if there is no such word. */
bool choice_word(const struct option_spec *spec, size_t n, char *out, size_t size);

/**
 * Calls visit for every long name of the row, hidden aliases too.
 * Iteration: start with *cursor = NULL; false at the end.
 */
bool option_next_name(const struct option *option, const char **cursor, const char **ret_name,
	size_t *ret_length);
