// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Completion. The shells' scripts are short and the same for every version of
 * the program: they hand the words typed so far to `rung __complete`, which
 * answers from the option tables. So what is offered is what this rung
 * understands, and containers that came up a second ago are offered too.
 */

#include "cli/verb.h"

/** Prints the script for "bash", "zsh" or "fish" to standard output. 0, or -EINVAL with a story. */
[[nodiscard]] int completion_script(const struct invocation *invocation, const char *shell);
