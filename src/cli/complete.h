// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Completion. The shells' scripts (data/completions) are short and know no
 * option: they hand the words typed so far to `rung __complete`, which answers
 * from the option tables. So what is offered is what this rung understands, and
 * a container that came up a second ago is offered too.
 *
 * What a value or an argument can be follows from its placeholder:
 *
 *	text|json         these words
 *	FILE PATH SOURCE  a file        DIR BUNDLE ROOTFS  a directory
 *	COMMAND ARGUMENT  a program, then files
 *	USER SIGNAL       the system's
 *	CONTAINER …       what a completer of the verb or a noun around it lists
 */

#include "cli/verb.h"

/** Offers word, with a few words on what it is (or NULL), if it continues what was typed. */
void completion_add(struct completions *completions, const char *word, const char *description);

/** A completer: the verbs of the program. */
void complete_verbs(const struct invocation *invocation, struct completions *completions);

/** `rung __complete WORD...`: the last word is the one to be completed. Prints candidates. Returns
 * 0. */
[[nodiscard]] int complete_print(struct invocation *program, const char *const words[]);

/** The same into text. */
void complete_write(struct invocation *program, const char *const words[], struct text *out);

/** Prints the script for "bash", "zsh" or "fish". 0, or -EINVAL with a story. */
[[nodiscard]] int completion_script(const struct invocation *invocation, const char *shell);
