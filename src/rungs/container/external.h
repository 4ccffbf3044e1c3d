// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The mounts that a container has from outside: binds, covers, devices. Images hold only their
 * names; at restore each name is given a place of this host again.
 *
 * The name of a bind is its destination as the plan has it, plus the way down to a mount inside of
 * it; that of a cover of a masked file "/dev/null"; that of a device its path.
 */

#include "rungs/container/record.h"

struct text;

/** Adds options "mnt[PLACE]:NAME" for the mounts of process record->init. */
[[nodiscard]] int external_find(
	const struct container_record *record, const struct plan *plan, struct text *options);

/** Adds options "mnt[NAME]:SOURCE" for all names that this plan can have. */
[[nodiscard]] int external_map(
	const struct container_record *record, const struct plan *plan, struct text *options);

/** True if mount @id (decimal, as in /proc/PID/fdinfo) is one that process @pid sees. */
[[nodiscard]] int external_sees_mount(pid_t pid, unsigned id);

/** Makes what is missing of the root's places for mounts, as create does. */
[[nodiscard]] int external_make_places(const struct plan *plan);
