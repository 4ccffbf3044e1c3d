// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A network namespace's first steps. */

#include "plan/plan.h"

/** Brings the loopback interface of this network namespace up. */
[[nodiscard]] int netns_loopback_up(void);

/**
 * Gives the calling thread a new network namespace with its loopback interface up, and returns a
 * descriptor of it. Opens no file by a path.
 */
[[nodiscard]] int netns_make(void);

/**
 * Moves host interfaces into process @pid's network namespace, keeping their addresses, and
 * brings them up there (config-linux.md "Net Devices", spec 1.3). Runs in the host's namespace.
 */
[[nodiscard]] int netns_move_devices(const struct plan *plan, pid_t pid);
