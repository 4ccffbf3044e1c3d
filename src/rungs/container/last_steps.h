// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What `run` and `exec` do alike for a process that already stands in the container's
 * namespaces and root: terminal, limits, scheduling, keyring, and over to the stage. One road for
 * both (CVE-2022-29162: exec once took another).
 */

#include "plan/plan.h"
#include "rungs/container/stage.h"
#include "walls/tty.h"

struct last_steps {
	const struct plan *plan;            /* personality, memory policy, Landlock */
	const struct plan_process *process; /* what will run */
	int stage_fd;
	int root_fd;    /* the container's root */
	int console_fd; /* --console-socket; -1: none */
	bool new_keyring;
	const char *keyring_name;
	bool mount_console;         /* the first process has /dev/console */
	struct stage_request stage; /* all but what the steps find out */
};

/** Tells the starter what was honoured less than fully. @context: int *report_fd */
void report_warning(void *context, const char *text);

/** Returns only on failure, with a story. Call with the container's root as "/". */
[[nodiscard]] int take_last_steps(struct last_steps *steps);

/** Opens the terminal and, for the first process, mounts it; call before the root is entered. */
[[nodiscard]] int open_terminal(const struct last_steps *steps, struct tty *ret_tty);
