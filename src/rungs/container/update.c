// SPDX-License-Identifier: Apache-2.0

/*
 * Other limits for a container that is there, or a pause. One that it had none of so far may need a
 * hierarchy it is not in yet; then it joins, and its record says so before anything else happens to
 * it.
 */

#include "base/error.h"
#include "rungs/container/container.h"

static int note_places(struct container_record *record, const struct cgroup_location *wider)
{
	if (wider->place_count == record->cgroup.place_count)
		return 0;
	record->cgroup = *wider;
	autofini(text_fini) struct text told = {};
	container_record_tell(record, &told);
	return container_record_write(record->directory_fd, &told);
}

int container_join_freezer(struct container_record *record)
{
	struct cgroup_location wider;
	int r = cgroup_extend_by_freezer(&record->cgroup, &record->arena, &wider);
	return r < 0 ? r : note_places(record, &wider);
}

int container_update(struct container_record *record, const struct plan_resources *resources)
{
	struct cgroup_location wider;
	int r = cgroup_extend(&record->cgroup, resources, &record->arena, &wider);
	if (r == 0)
		r = note_places(record, &wider);
	return r < 0 ? r : cgroup_apply(&record->cgroup, resources, true);
}
