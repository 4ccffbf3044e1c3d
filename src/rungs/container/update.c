// SPDX-License-Identifier: Apache-2.0

/*
 * Other limits for a container that is there. One that it had none of so far may need a hierarchy
 * it is not in yet; then it joins, and its record says so before anything else happens to it.
 */

#include "base/error.h"
#include "rungs/container/container.h"

int container_update(struct container_record *record, const struct plan_resources *resources)
{
	struct cgroup_location wider;
	int r = cgroup_extend(&record->cgroup, resources, &record->arena, &wider);
	if (r < 0)
		return r;
	if (wider.place_count != record->cgroup.place_count) {
		record->cgroup = wider;
		r = container_cgroup_write(record);
		if (r < 0)
			return r;
	}
	return cgroup_apply(&record->cgroup, resources, true);
}
