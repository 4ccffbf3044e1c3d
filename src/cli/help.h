// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/verb.h"

/** Prints --help of the invocation's verb to standard output. Returns 0. */
[[nodiscard]] int help_print(struct invocation *invocation);

/** Adds --help of the invocation's verb, wrapped to width. */
void help_write(struct invocation *invocation, unsigned width, bool colours, struct text *out);

/** `rung help oci create`: --help of the verb that the NULL-terminated words name, from the program
 * on. */
[[nodiscard]] int help_of_words(const struct invocation *invocation, const char *const words[]);

/**
 * Adds the option as a person writes it, "-m, --memory=SIZE". aligned: leaves room
 * for the letter where there is none.
 */
void option_shown(const struct option *option, bool aligned, struct text *out);

/** Adds what holds when the option is not given; nothing where that goes without saying. */
void option_default(const struct verb *verb, const struct option_group *group,
	const struct option *option, struct text *out);
