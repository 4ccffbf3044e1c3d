// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Landlock: rules a process puts on itself and cannot take off (landlock(7)). */

#include "plan/plan.h"

struct kernel_landlock_ruleset;

/** The kernel's ABI version, 0 if it has no Landlock or it is switched off. */
[[nodiscard]] int landlock_abi(void);

/** What that version of the interface can rule over; versions above ours as the newest of ours. */
struct kernel_landlock_ruleset landlock_known(int abi);

/**
 * Makes the ruleset; paths are opened inside root_fd. Returns its descriptor for
 * landlock_restrict_self(2), which wants no_new_privs or CAP_SYS_ADMIN. Rights this kernel does
 * not know: -EOPNOTSUPP with a story, or left out with a warning when the rules say best effort.
 * A path that does not exist: -ENOENT, or a warning. Best effort with nothing left to rule over:
 * -ENODATA without a story, the caller goes on without.
 */
[[nodiscard]] int landlock_ruleset(const struct plan_landlock *rules, int root_fd);
