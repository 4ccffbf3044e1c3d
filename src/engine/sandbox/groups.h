// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Limits of a sandbox as a whole, by control groups, where this person may make some. */

#include "engine/sandbox/sandbox.h"
#include "walls/cgroup/cgroup.h"

struct sandbox_groups {
	struct plan plan; /* only its resources */
	struct cgroup_location location;
	bool made;
	unsigned cpus; /* where none are made: so many of those it could have; 0: all */
};

/**
 * Makes them if @limits ask for memory, CPUs or processes. Where none can be made (an ordinary user
 * without systemd's delegation) a warning says that memory and processes are limited for each
 * process alone, and CPUs by number; ret_groups->made is false then.
 */
[[nodiscard]] int sandbox_groups_make(const struct sandbox_limits *limits, const char *id,
	struct arena *arena, struct sandbox_groups *ret_groups);

/** Puts PID 1 into them, or on its processors, before it starts anything. Tells a story. */
[[nodiscard]] int sandbox_groups_enter(const struct sandbox_groups *groups, pid_t pid);

/** Ends what is left in them and removes them. */
void sandbox_groups_end(struct sandbox_groups *groups);
