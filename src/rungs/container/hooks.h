// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Hooks that run outside of the container's root (config.md "POSIX-platform Hooks"). */

#include "plan/plan.h"

/**
 * Runs all hooks of one kind in order, the container's state on standard input. The first that
 * fails, or is not done in its time, ends the list with a story that names it and what it said.
 */
[[nodiscard]] int hooks_run(
	const struct plan_hooks *hooks, enum plan_hook_kind kind, const char *state);

/** The same for kinds whose failures are only told: poststart, poststop. */
void hooks_run_all(const struct plan_hooks *hooks, enum plan_hook_kind kind, const char *state);
