// SPDX-License-Identifier: Apache-2.0

/*
 * Which controllers a set of limits calls for.
 *
 * Joining a hierarchy costs about 0.1 ms of kernel time (mkdir, move, rmdir), so
 * a container is put only where it is useful: where a limit has to be written,
 * and where something is counted that people ask for later (memory, CPU time,
 * input and output, processes).
 *
 * Two questions are kept apart. Wanted: there is a value to write. Required: the
 * value restricts something, so that losing it would be a lie; "unlimited" and
 * numbers that mean "not set" (runc reads 0 like that) are kept by doing nothing.
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <errno.h>

const struct controller_facts controller_facts[CONTROLLER_COUNT] = {
	[CONTROLLER_CPU] = {"cpu", "cpu", "CPU limit"},
	[CONTROLLER_CPUACCT] = {"cpuacct", NULL, "CPU accounting"},
	[CONTROLLER_CPUSET] = {"cpuset", "cpuset", "CPU set"},
	[CONTROLLER_MEMORY] = {"memory", "memory", "memory limit"},
	[CONTROLLER_PIDS] = {"pids", "pids", "process limit"},
	[CONTROLLER_IO] = {"blkio", "io", "block I/O limit"},
	[CONTROLLER_HUGETLB] = {"hugetlb", "hugetlb", "huge page limit"},
	[CONTROLLER_RDMA] = {"rdma", "rdma", "RDMA limit"},
	[CONTROLLER_NET_CLS] = {"net_cls", NULL, "network class"},
	[CONTROLLER_NET_PRIO] = {"net_prio", NULL, "network priority"},
	[CONTROLLER_DEVICES] = {"devices", NULL, "device rules"},
	[CONTROLLER_FREEZER] = {"freezer", NULL, "freezer"},
	[CONTROLLER_PERF_EVENT] = {"perf_event", "perf_event", "performance events"},
	[CONTROLLER_MISC] = {NULL, "misc", "miscellaneous limit"},
	[CONTROLLER_DMEM] = {NULL, "dmem", "device memory limit"},
	[CONTROLLER_SYSTEMD] = {"name=systemd", NULL, "systemd"},
};

static unsigned when(bool condition, enum cgroup_controller controller)
{
	return condition ? CONTROLLER_BIT(controller) : 0;
}

static bool set(struct optional_i64 number)
{
	return number.given && number.value != 0;
}

static bool set_u(struct optional_u64 number)
{
	return number.given && number.value != 0;
}

static bool limits(struct optional_i64 number)
{
	return number.given && number.value > 0;
}

/* What does not depend on the difference between "wanted" and "required". */
static unsigned common(const struct plan_resources *r)
{
	return when(set_u(r->cpu_shares) || set(r->cpu_realtime_runtime) ||
			       set_u(r->cpu_realtime_period) || set_u(r->cpu_burst) ||
			       set(r->cpu_idle),
		       CONTROLLER_CPU) |
	       when(!text_empty(r->cpuset_cpus) || !text_empty(r->cpuset_mems), CONTROLLER_CPUSET) |
	       when(r->memory_swappiness.given ||
			       (r->has_disable_oom_killer && r->disable_oom_killer),
		       CONTROLLER_MEMORY) |
	       when(set_u(r->block_weight) || set_u(r->block_leaf_weight) ||
			       r->block_weight_device_count || r->block_read_bps_count ||
			       r->block_write_bps_count || r->block_read_iops_count ||
			       r->block_write_iops_count,
		       CONTROLLER_IO) |
	       when(r->hugepage_limit_count, CONTROLLER_HUGETLB) |
	       when(r->rdma_count, CONTROLLER_RDMA) |
	       when(set_u(r->network_class_id), CONTROLLER_NET_CLS) |
	       when(r->network_priority_count, CONTROLLER_NET_PRIO) |
	       when(r->device_rule_count, CONTROLLER_DEVICES);
}

unsigned cgroup_wanted(const struct plan_resources *r)
{
	return common(r) |
	       when(set(r->memory_limit) || set(r->memory_reservation) || set(r->memory_swap) ||
			       set(r->memory_kernel) || set(r->memory_kernel_tcp) ||
			       r->has_disable_oom_killer,
		       CONTROLLER_MEMORY) |
	       when(set(r->cpu_quota) || set_u(r->cpu_period) || r->cpu_idle.given ||
			       r->cpu_burst.given,
		       CONTROLLER_CPU) |
	       when(r->pids_limit.given, CONTROLLER_PIDS);
}

unsigned cgroup_required(const struct plan_resources *r)
{
	return common(r) |
	       when(limits(r->memory_limit) || limits(r->memory_reservation) ||
			       limits(r->memory_swap),
		       CONTROLLER_MEMORY) |
	       when(limits(r->cpu_quota), CONTROLLER_CPU) |
	       when(limits(r->pids_limit), CONTROLLER_PIDS);
}

unsigned cgroup_accounting(void)
{
	return CONTROLLER_BIT(CONTROLLER_MEMORY) | CONTROLLER_BIT(CONTROLLER_CPUACCT) |
	       CONTROLLER_BIT(CONTROLLER_IO) | CONTROLLER_BIT(CONTROLLER_PIDS);
}

/* A file of one directory: "memory.high", "cgroup.max.depth", "hugetlb.2MB.max". */
static bool key_is_file(const char *key)
{
	if (key[0] == '.' || !strchr(key, '.') || strlen(key) > 200)
		return false;
	for (const char *c = key; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			    (*c >= '0' && *c <= '9') || *c == '.' || *c == '_' || *c == '-'))
			return false;
	return true;
}

int cgroup_unified_controllers(const struct plan_resources *resources, unsigned *ret_mask)
{
	unsigned mask = 0;
	for (size_t i = 0; i < resources->unified_count; i++) {
		const char *key = resources->unified[i].key;
		if (!key_is_file(key))
			return refuse(-EINVAL,
				"unified: \"%s\" is not the name of a cgroup v2 file "
				"(CONTROLLER.NAME)",
				key);
		size_t length = strcspn(key, ".");
		for (unsigned c = 0; c < CONTROLLER_COUNT; c++) {
			const char *name = controller_facts[c].v2_name;
			if (name && strlen(name) == length && strncmp(name, key, length) == 0)
				mask |= CONTROLLER_BIT(c);
		}
	}
	*ret_mask = mask;
	return 0;
}
