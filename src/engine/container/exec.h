// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One more process for a container that runs: `rung exec`, a health check. It is the container's
 * own process, with what is asked for laid over it.
 */

#include "plan/plan.h"

struct exec_wishes {
	struct strings command;
	struct strings environment;       /* NAME=VALUE, or NAME for ours */
	struct strings environment_files; /* one of these a line; before environment */
	const char *user;                 /* USER[:GROUP] by the container's own files; NULL: its */
	const char *working_directory;    /* absolute; NULL: the container's */
	bool terminal, privileged;
};

/**
 * Makes a process from that of the container's plan. @pid: of its first process, whose root has
 * the passwd and group files. -EINVAL with a story about users and files.
 */
[[nodiscard]] int exec_process(const struct exec_wishes *wishes, const struct plan *plan, pid_t pid,
	struct arena *arena, struct plan_process *ret_process);
