// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The door for `rung __ended` alone: what the monitor becomes when the container has ended. */

#include "engine/instance/instance.h"

struct instance_end {
	bool oom_killed;
	int64_t pause_ms; /* before the restart */
};

/**
 * Deals with the end. 1: its policy wants a restart in pause_ms, for which clients need not wait.
 * 0: all is done.
 */
[[nodiscard]] int instance_ended(
	const char *id, int exit_code, struct arena *arena, struct instance_end *ret_end);

/**
 * Waits and starts it again; this process becomes its monitor and the call does not return, unless
 * the start failed or somebody stopped, started or removed it meanwhile.
 */
[[nodiscard]] int instance_start_again(const char *id, int64_t pause_ms, struct arena *arena);

/** Looks at a few places for what killed commands left, when nobody waits any more. */
void instance_tidy_up(void);
