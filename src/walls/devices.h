// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Device nodes and the customary links of a container's /dev. */

#include "plan/plan.h"

/**
 * Makes the nodes every container has (config-linux.md "Default Devices"), those of the plan, and
 * the links /dev/fd, stdin, stdout, stderr, core, ptmx. Where nodes cannot be made (user
 * namespaces) the host's are bind-mounted. Nothing is made when the plan binds the host's /dev.
 */
[[nodiscard]] int devices_make(int root_fd, const struct plan *plan);
