// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Landlock: rules a process puts on itself and cannot take off (landlock(7)). */

#include "plan/plan.h"

/** The kernel's ABI version, 0 if it has no Landlock or it is switched off. */
[[nodiscard]] int landlock_abi(void);

/**
 * Makes the ruleset; paths are opened inside root_fd. Returns its descriptor for
 * landlock_restrict_self(2). Rights this kernel does not know: -EOPNOTSUPP with a story, or
 * left out with a warning when the rules say best effort.
 */
[[nodiscard]] int landlock_ruleset(const struct plan_landlock *rules, int root_fd);
