// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The way from rung's own image to the stage (programs/stage): builds the handoff and executes
 * the stage from a sealed memory file. `run`, `create` and `exec` all end here.
 */

#include "plan/plan.h"
#include "walls/seccomp.h"

#include <stdbool.h>

struct stage_request {
	const struct plan_process *process;
	const struct seccomp_program *seccomp;                    /* NULL: none */
	int report_fd, start_fd, proc_fd, landlock_fd, notify_fd; /* -1: none */
	struct plan_capabilities capabilities; /* the process's, less what we cannot give */
	bool wait_for_start, die_with_starter;
	unsigned preserved_fds;
	const struct plan_hook *hooks; /* startContainer */
	size_t hook_count;
	const char *hook_state, *notify_state; /* JSON; NULL: none */
	const char *home; /* HOME for the environment when it has none; NULL: leave it */
};

/**
 * A sealed memory file with the stage's program, ready to be executed. Made by the starting
 * process so that the memory is not charged to the container.
 */
[[nodiscard]] int stage_open(void);

/** Executes the stage; returns only when that failed, with a story. */
[[nodiscard]] int stage_execute(int stage_fd, const struct stage_request *request);
