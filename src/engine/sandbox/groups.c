// SPDX-License-Identifier: Apache-2.0

/*
 * A sandbox without limits needs no control group, and making one costs more than the rest of its
 * start. So they are made when somebody asks for a limit, and only then.
 */

#include "engine/sandbox/groups.h"

#include "base/error.h"
#include "base/log.h"

#include <sched.h>

enum { PERIOD_US = 100000 };

static void set_resources(const struct sandbox_limits *limits, struct plan_resources *resources)
{
	if (limits->memory_bytes)
		resources->memory_limit =
			(struct optional_i64){true, (int64_t)limits->memory_bytes};
	if (limits->pids)
		resources->pids_limit = (struct optional_i64){true, (int64_t)limits->pids};
	if (limits->cpus_billionths) {
		resources->cpu_period = (struct optional_u64){true, PERIOD_US};
		resources->cpu_quota = (struct optional_i64){
			true, limits->cpus_billionths / (1000000000 / PERIOD_US)};
	}
}

static int make(const char *id, struct arena *arena, struct sandbox_groups *groups)
{
	int r = cgroup_locate(&groups->plan, id, CGROUP_AUTO, arena, &groups->location);
	if (r == 0 && groups->location.manager == CGROUP_DISABLED)
		r = refuse(-EOPNOTSUPP, "there are no control groups here");
	return r < 0 ? r : cgroup_create(&groups->location, &groups->plan, arena);
}

int sandbox_groups_make(const struct sandbox_limits *limits, const char *id, struct arena *arena,
	struct sandbox_groups *ret_groups)
{
	*ret_groups = (struct sandbox_groups){};
	set_resources(limits, &ret_groups->plan.resources);
	if (!limits->memory_bytes && !limits->pids && !limits->cpus_billionths)
		return 0;
	int r = make(arena_format(arena, "rung-sandbox-%s", id), arena, ret_groups);
	ret_groups->made = r == 0;
	if (r < 0) {
		ret_groups->cpus = (unsigned)((limits->cpus_billionths + 999999999) / 1000000000);
		warn("limits: %s; memory is limited for each process alone, CPUs by number",
			error_text());
		error_clear();
	}
	return 0;
}

/* The first so many of the processors that it may run on. */
static int choose_processors(unsigned count, pid_t pid)
{
	cpu_set_t set;
	if (count == 0)
		return 0;
	if (sched_getaffinity(pid, sizeof(set), &set) < 0)
		return fail(-errno, "limits: processors");
	for (unsigned i = 0, kept = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set) && kept++ >= count)
			CPU_CLR(i, &set);
	return sched_setaffinity(pid, sizeof(set), &set) < 0 ? fail(-errno, "limits: processors")
							     : 0;
}

int sandbox_groups_enter(const struct sandbox_groups *groups, pid_t pid)
{
	if (!groups->made)
		return choose_processors(groups->cpus, pid);
	int r = cgroup_enter(&groups->location, &groups->plan, pid, false);
	if (r == 0)
		r = cgroup_apply(&groups->location, &groups->plan.resources, false);
	return r < 0 ? wrap(r, "limits") : 0;
}

void sandbox_groups_end(struct sandbox_groups *groups)
{
	cgroup_close(&groups->location);
	if (groups->made && cgroup_destroy(&groups->location) < 0) {
		warn("limits: %s", error_text());
		error_clear();
	}
}
