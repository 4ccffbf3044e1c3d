// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"

/**
 * Adds text to out, broken between words so that no line is wider than width.
 * The first line starts at column `column` (what is left of it is already
 * written), the others are indented by indent. A word wider than the room stands
 * on a line of its own. A newline in text starts a new line; a line that starts
 * with a blank is kept as it is. No newline is added at the end.
 */
void wrap_text(
	struct text *out, const char *text, unsigned column, unsigned indent, unsigned width);
