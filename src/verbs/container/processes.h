// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The processes of a running container, from /proc: for top, and for stats where nobody counts. */

#include "engine/instance/instance.h"

struct process_view {
	pid_t pid, ppid, pgid;       /* as we count */
	pid_t inner_pid, inner_ppid; /* as the container counts; 0: from outside of it */
	pid_t inner_pgid;
	unsigned uid, euid, gid, egid; /* as we count */
	char state;
	int nice;
	unsigned tty; /* device number; 0: none */
	uint64_t user_ticks, system_ticks, start_ticks;
	uint64_t virtual_bytes, resident_bytes;
	uint64_t capabilities[5]; /* inheritable permitted effective bounding ambient */
	unsigned seccomp;         /* 0 disabled, 1 strict, 2 filter */
	const char *name, *arguments, *groups;
};

/**
 * All of them, by number: those in its control groups, or where it has none those in its pid
 * namespace and the descendants of its first one. A process that ends meanwhile is left out.
 * -ESRCH with a story: it does not run.
 */
[[nodiscard]] int container_processes(const struct instance *instance, struct arena *arena,
	struct process_view **ret_processes, size_t *ret_count);
