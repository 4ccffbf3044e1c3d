// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Private to src/cli: the nearest right word to a wrong one. */

#include "cli/verb.h"

/**
 * Optimal string alignment distance: insert, delete, replace, swap neighbours. Of words
 * longer than 63 bytes it is 63.
 */
unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length);

/** The nearest word; "" if none is near. */
struct suggestion {
	char word[64];
};

/** Among the long names of the verb's options and of those around it. */
struct suggestion suggest_option(
	const struct invocation *invocation, const char *name, size_t length);

/** Among the verbs of a noun. */
struct suggestion suggest_verb(const struct verb *noun, const char *name);

/** Tells that the invocation's noun has no verb of that name. Returns -EINVAL. */
int verb_unknown(const struct invocation *invocation, const char *name);
