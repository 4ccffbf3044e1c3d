// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What is said and written when the sandbox has ended. */

#include "policy.h"

#include "base/text.h"

/** Says what was denied without anybody being asked (@audit: what would have been denied). */
void report_print(const struct policy *policy, bool audit);

/**
 * Writes a profile that allows what was wanted: many files of one folder become the folder, but
 * never @home or what is above it. Tells a story.
 */
[[nodiscard]] int report_learn(
	const struct policy *policy, const char *file, const char *program, const char *home);

/** The lines of that profile, for tests. */
void report_profile(const struct policy_note *notes, size_t count, const char *program,
	const char *home, struct text *out);
