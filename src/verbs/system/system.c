// SPDX-License-Identifier: Apache-2.0

/* `rung system`: what concerns all of it at once. */

#include "verbs/verbs.h"

#define SYSTEM_DECLARE_(name) extern const struct verb verb_##name;
SYSTEM_INNER_VERBS(SYSTEM_DECLARE_)

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name, not an expression */
#define SYSTEM_ENTRY_(name) {.verb = &verb_##name},

static const struct verb_entry entries[] = {SYSTEM_INNER_VERBS(SYSTEM_ENTRY_){}};

const struct verb verb_system = {
	.name = "system",
	.summary = "what concerns all of rung: space, checks, events",
	.verbs = entries,
};
