// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/verb.h"

/**
 * `rung __man PART VERB...`: prints a part of a verb's manual page as scdoc(5)
 * source, for docs/man/splice. PART is synopsis, description, options, commands
 * (a line for each inner verb), verbs (a section for each inner verb) or examples.
 * 0 or -EINVAL with a story.
 */
[[nodiscard]] int manual_print(struct invocation *program, const char *const words[]);
