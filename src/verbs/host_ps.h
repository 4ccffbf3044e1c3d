// SPDX-License-Identifier: Apache-2.0
#pragma once

/* ps(1) of the host, for what its options alone can say. */

#include "base/arena.h"
#include "plan/plan.h"

#include <sys/types.h>

/**
 * Runs ps with these options (none: -ef) and prints its heading and the rows of these processes,
 * which it finds by the column PID. Negative errno with a story.
 */
[[nodiscard]] int host_ps_print(
	const struct strings *options, const pid_t *pids, size_t count, struct arena *arena);
