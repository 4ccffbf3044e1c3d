// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Private to src/cli: the nearest right word to a wrong one. */

#include "cli/verb.h"

/** Optimal string alignment distance: insert, delete, replace, swap neighbours. Words of up to 63
 * bytes. */
unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length);

/** The long name nearest to name among the verb's options and those around it; false if none is
 * near. */
bool suggest_option(const struct invocation *invocation, const char *name, size_t length, char *out,
	size_t size);

/** The verb nearest to name in a noun. */
bool suggest_verb(const struct verb *noun, const char *name, char *out, size_t size);

/** Tells that the invocation's noun has no verb of that name. Returns -EINVAL. */
int verb_unknown(const struct invocation *invocation, const char *name);
