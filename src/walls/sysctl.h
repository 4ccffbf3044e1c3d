// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Kernel parameters of the container's own namespaces (sysctl(8)). */

#include "plan/plan.h"

/** Each name must belong to a namespace that is the container's own; otherwise -EINVAL, a story. */
[[nodiscard]] int sysctl_check(const struct plan *plan);

/** Writes them through a procfs of ours (proc_fd), never through the container's. */
[[nodiscard]] int sysctl_write(const struct plan *plan, int proc_fd);
