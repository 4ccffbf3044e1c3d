// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What is wrong with a profile, all of it at once, before a program is started under it. */

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct profile_finding {
	const char *file; /* NULL: the text says it */
	unsigned line;    /* 0: the whole file */
	bool warning;     /* it works, but hardly as meant */
	const char *text;
};

/**
 * Reads a file (*.profile, *.include, *.local) and what it includes. 0 and what was found, which
 * may be nothing; negative where it cannot be read at all.
 */
[[nodiscard]] int profile_check(const char *path, struct arena *arena,
	struct profile_finding **ret_findings, size_t *ret_count);
