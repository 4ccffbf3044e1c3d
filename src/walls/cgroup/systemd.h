// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The systemd driver: the container is a transient scope unit, made and removed by
 * systemd over D-Bus. See systemd.c.
 */

#include "walls/cgroup/cgroup.h"

/* ---- systemd.c: what the other chapters call ------------------------------------ */

/**
 * "slice:prefix:name" (or nothing) → unit names and the path systemd will use. Fills slice,
 * scope, user_manager of *location; *ret_path begins with "/".
 */
[[nodiscard]] int cgroup_systemd_locate(const char *cgroups_path, const char *id,
	struct arena *arena, struct cgroup_location *location, const char **ret_path);

/** Starts the scope with the process in it, then makes v1 places that systemd did not make. */
[[nodiscard]] int cgroup_systemd_enter(
	const struct cgroup_location *location, const struct plan *plan, pid_t pid);

/** Has the process moved into the running scope, from where we may not move it ourselves. */
[[nodiscard]] int cgroup_systemd_attach(const struct cgroup_location *location, pid_t pid);

/** Tells systemd about changed limits, so that a daemon-reload does not undo them. */
[[nodiscard]] int cgroup_systemd_update(
	const struct cgroup_location *location, const struct plan_resources *resources);

/** Stops the scope; one that is gone is fine. */
[[nodiscard]] int cgroup_systemd_stop(const struct cgroup_location *location);

/* ---- systemd_names.c: pure ------------------------------------------------------- */

/** "a-b.slice" → "/a.slice/a-b.slice", "-.slice" → ""; -EINVAL with a story. */
[[nodiscard]] int systemd_slice_path(const char *slice, struct arena *arena, const char **ret_path);

/**
 * Splits "slice:prefix:name". Nothing given: the default slice and "rung-ID.scope". A name
 * that ends in ".slice" is a slice of its own. -EINVAL with a story.
 */
[[nodiscard]] int systemd_unit_names(const char *cgroups_path, const char *id, bool user,
	struct arena *arena, const char **ret_slice, const char **ret_unit);

/* ---- systemd_property.c: (sv) entries of StartTransientUnit and SetUnitProperties --- */

struct text;

void systemd_property_string(struct text *out, const char *name, const char *value);
void systemd_property_bool(struct text *out, const char *name, bool value);
void systemd_property_u64(struct text *out, const char *name, uint64_t value);
void systemd_property_pids(struct text *out, pid_t pid);

/**
 * One "org.systemd.property.NAME" annotation, its value in GVariant text: true, 'text', 5,
 * uint64 5, ['a','b']. A NAME that ends in "Sec" takes seconds. -EINVAL with a story.
 */
[[nodiscard]] int systemd_property_annotation(
	struct text *out, const char *name, const char *value);

/** The limits as properties; @v2: of the hierarchy that systemd uses. */
[[nodiscard]] int systemd_property_limits(
	struct text *out, const struct plan_resources *resources, bool v2);

/** CPU or node list "0-2,8" → little-endian bit mask in the arena. -EINVAL with a story. */
[[nodiscard]] int systemd_cpu_mask(
	const char *list, struct arena *arena, uint8_t **ret_bytes, size_t *ret_length);

/* ---- systemd_devices.c ------------------------------------------------------------------ */

/**
 * DevicePolicy and DeviceAllow for rules that begin with "deny all", for v1, where systemd
 * would otherwise open all devices at the next daemon-reload (runc issue 4568).
 */
void systemd_property_devices(struct text *out, const struct plan_resources *resources);
