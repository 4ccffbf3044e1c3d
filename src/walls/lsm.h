// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Security modules: is what the plan asks for switched on here? The labels themselves are written
 * by the stage, at the last moment before the program. */

#include "plan/plan.h"

/** An AppArmor profile or SELinux label that this kernel would not enforce is -EOPNOTSUPP. */
[[nodiscard]] int lsm_check_process(const struct plan_process *process);
[[nodiscard]] int lsm_check(const struct plan *plan);

/** The AppArmor profile to change to; NULL for none, or "unconfined" where there is no AppArmor. */
const char *lsm_profile(const struct plan_process *process);

bool lsm_has_apparmor(void);
bool lsm_has_selinux(void);
