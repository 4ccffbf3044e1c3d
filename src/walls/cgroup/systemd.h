// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The systemd driver: the container is a transient scope unit, made and removed by
 * systemd over D-Bus. See systemd.c.
 */

#include "walls/cgroup/cgroup.h"

/**
 * "slice:prefix:name" (or nothing) → unit names and the path systemd will use. Fills slice,
 * scope, user_manager of *location; *ret_path begins with "/".
 */
[[nodiscard]] int cgroup_systemd_locate(const char *cgroups_path, const char *id,
	struct arena *arena, struct cgroup_location *location, const char **ret_path);

/** Starts the scope with the process in it, then makes v1 places that systemd did not make. */
[[nodiscard]] int cgroup_systemd_enter(
	const struct cgroup_location *location, const struct plan *plan, pid_t pid);

/** Tells systemd about changed limits, so that a daemon-reload does not undo them. */
[[nodiscard]] int cgroup_systemd_update(
	const struct cgroup_location *location, const struct plan_resources *resources);

/** Stops the scope; one that is gone is fine. */
[[nodiscard]] int cgroup_systemd_stop(const struct cgroup_location *location);
