// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan/plan.h"

/**
 * What `rung oci spec` prints: a shell on a read-only "rootfs" beside the file, walled off
 * as runc's users expect it. @rootless: for the calling user without any privileges: a user
 * namespace that maps only him, the host's network and /sys, no limits. root_path stays
 * relative. The plan is the caller's to plan_fini().
 */
void plan_default(struct plan *ret_plan, bool rootless);
