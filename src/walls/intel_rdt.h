// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Cache and memory bandwidth allocation by resctrl (config-linux.md "IntelRdt"). */

#include "plan/plan.h"

/** Makes or joins the class of service and puts the process into it. @id: the default class name.
 */
[[nodiscard]] int intel_rdt_enter(const struct plan_intel_rdt *rdt, const char *id, pid_t pid);

/** Removes the class if intel_rdt_enter() made it (no closID was given). */
void intel_rdt_remove(const struct plan_intel_rdt *rdt, const char *id);
