// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Which system call filter a process of a container gets. */

#include "plan/plan.h"
#include "walls/seccomp.h"

/**
 * The plan's own profile, or the default policy for these capabilities, or none (bytes NULL). The
 * caller's to seccomp_program_fini().
 */
[[nodiscard]] int container_filter(const struct plan *plan,
	const struct plan_capabilities *capabilities, struct seccomp_program *ret_program);
