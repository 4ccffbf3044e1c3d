// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "handoff.h"

/** Reports and ends the process. @error: positive errno, 0 when the text says it all. */
[[gnu::noreturn, gnu::format(printf, 2, 3)]] void stage_fail(int error, const char *format, ...);

/** The string at an offset of the handoff; NULL for 0. */
const char *handed_text(uint32_t offset);

/** A NULL-terminated array of the handed strings. */
char **handed_strings(struct handoff_strings strings);

/** Runs the startContainer hooks in order (config.md "POSIX-platform Hooks"). */
void stage_run_hooks(const struct handoff *handoff);
