// SPDX-License-Identifier: Apache-2.0

/*
 * Limits in v2's files (Documentation/admin-guide/cgroup-v2.rst), except devices.
 * What v1 had and v2 has not is an error, not a shrug.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* ---- memory ---------------------------------------------------------------- */

static int refuse_memory_of_v1(const struct plan_resources *resources)
{
	int r = 0;
	if (resources->memory_swappiness.given)
		r = refuse(
			-EOPNOTSUPP, "memory swappiness: cgroup v2 has no swappiness per cgroup");
	else if (resources->has_disable_oom_killer && resources->disable_oom_killer)
		r = refuse(
			-EOPNOTSUPP, "OOM killer switch: cgroup v2 cannot disable the OOM killer");
	if (r < 0)
		hint("remove it from resources.memory");
	if (resources->memory_kernel.given && resources->memory_kernel.value > 0)
		warn("kernel memory limit ignored: in cgroup v2 the memory limit covers it");
	if (resources->memory_kernel_tcp.given && resources->memory_kernel_tcp.value > 0)
		warn("kernel TCP memory limit ignored: in cgroup v2 the memory limit covers it");
	return r;
}

/* The limit that memory+swap is measured against: the new one, or on an update the present one. */
static int64_t memory_base(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	if (resources->memory_limit.given && resources->memory_limit.value != 0)
		return resources->memory_limit.value;
	uint64_t present;
	if (!update || cgroup_read_u64(directory, "memory.max", &present) < 0)
		return 0;
	return present > INT64_MAX ? -1 : (int64_t)present;
}

static int write_swap(const struct cgroup_directory *directory, int64_t swap)
{
	int r = cgroup_write(
		directory, "swap limit", "memory.swap.max", "%s", limit_text(swap).text);
	if (r == -ENOENT && swap <= 0 && faccessat(directory->fd, "memory.max", F_OK, 0) == 0) {
		/* No such file with memory limits at hand: the kernel has no swap at all. */
		error_clear();
		return 0;
	}
	return r;
}

int cgroup_apply_memory_v2(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int r = refuse_memory_of_v1(resources);
	if (r < 0)
		return r;
	r = cgroup_check_memory_usage(directory, "memory.current", resources);
	if (r < 0)
		return r;
	bool swap_given;
	int64_t swap;
	int64_t memsw = resources->memory_swap.given ? resources->memory_swap.value : 0;
	r = cgroup_swap_of_memsw(
		memsw, memory_base(directory, resources, update && memsw), &swap_given, &swap);
	if (r < 0)
		return r;
	/* Swap first: while memory shrinks, pages go where they may stay. */
	if (swap_given)
		r = write_swap(directory, swap);
	if (r == 0 && resources->memory_limit.given && resources->memory_limit.value != 0)
		r = cgroup_write(directory, "memory limit", "memory.max", "%s",
			limit_text(resources->memory_limit.value).text);
	if (r == 0 && resources->memory_reservation.given &&
		resources->memory_reservation.value != 0)
		r = cgroup_write(directory, "memory reservation", "memory.low", "%s",
			limit_text(resources->memory_reservation.value).text);
	return r;
}

/* ---- CPU --------------------------------------------------------------------- */

static int write_max(
	const struct cgroup_directory *directory, const struct plan_resources *resources)
{
	bool quota = resources->cpu_quota.given && resources->cpu_quota.value != 0;
	bool period = resources->cpu_period.given && resources->cpu_period.value != 0;
	if (!quota && !period)
		return 0;
	char value[64] = "max";
	if (quota && resources->cpu_quota.value > 0) {
		snprintf(value, sizeof(value), "%lld", (long long)resources->cpu_quota.value);
	} else if (!quota) { /* the period alone: the quota stays */
		autofree char *present = NULL;
		if (fs_read(directory->fd, "cpu.max", 64, &present, NULL) == 0)
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(present, " \n"),
				present);
	}
	if (!period) /* "a single value only sets the quota" (cgroup-v2.rst) */
		return cgroup_write(directory, "CPU quota", "cpu.max", "%s", value);
	return cgroup_write(directory, "CPU quota", "cpu.max", "%s %llu", value,
		(unsigned long long)resources->cpu_period.value);
}

int cgroup_apply_cpu_v2(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	if ((resources->cpu_realtime_runtime.given && resources->cpu_realtime_runtime.value != 0) ||
		(resources->cpu_realtime_period.given &&
			resources->cpu_realtime_period.value != 0)) {
		int r = refuse(-EOPNOTSUPP, "CPU realtime limit: cgroup v2 has none");
		hint("remove realtimeRuntime and realtimePeriod from resources.cpu");
		return r;
	}
	int r = 0;
	bool idle = resources->cpu_idle.given && resources->cpu_idle.value != 0;
	if (resources->cpu_idle.given && (update || idle))
		r = cgroup_write(directory, "CPU idle", "cpu.idle", "%lld",
			(long long)resources->cpu_idle.value);
	/* An idle cgroup has no weight; the kernel says EINVAL. */
	if (r == 0 && !idle && resources->cpu_shares.given && resources->cpu_shares.value != 0)
		r = cgroup_write(directory, "CPU shares", "cpu.weight", "%llu",
			(unsigned long long)cgroup_weight_of_shares(resources->cpu_shares.value));
	/* burst <= quota has to hold after every write: on the way up the quota goes first. */
	int burst = 0;
	if (r == 0 && resources->cpu_burst.given) {
		burst = cgroup_write(directory, "CPU burst", "cpu.max.burst", "%llu",
			(unsigned long long)resources->cpu_burst.value);
		if (burst < 0 && burst != -EINVAL)
			return burst;
	}
	if (r == 0)
		r = write_max(directory, resources);
	if (r == 0 && burst == -EINVAL) {
		r = cgroup_write(directory, "CPU burst", "cpu.max.burst", "%llu",
			(unsigned long long)resources->cpu_burst.value);
		if (r == 0)
			error_clear();
	}
	return r;
}

int cgroup_apply_cpuset_v2(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	return cgroup_apply_cpuset(directory, resources);
}

/* ---- block I/O ------------------------------------------------------------------- */

/* BFQ's file takes v1's numbers and is there only while BFQ schedules a disk; io.weight is
 * iocost's. */
static int weight(const struct cgroup_directory *directory, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	int r = fs_write_existing(directory->fd, "io.bfq.weight", text);
	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return cgroup_write_failed(directory, "block I/O weight", "io.bfq.weight", text, r);
	r = cgroup_write(directory, "block I/O weight", "io.weight", "%llu",
		(unsigned long long)cgroup_io_weight(value));
	if (r == -ENOENT)
		hint("weights need the io controller with BFQ (`modprobe bfq`) or a kernel with "
		     "CONFIG_BLK_CGROUP_IOCOST");
	return r;
}

static int device_weight(
	const struct cgroup_directory *directory, const struct plan_weight_device *device)
{
	if (!device->weight.given || device->weight.value == 0)
		return 0;
	char text[80];
	snprintf(text, sizeof(text), "%lld:%lld %llu", (long long)device->major,
		(long long)device->minor, (unsigned long long)device->weight.value);
	int r = fs_write_existing(directory->fd, "io.bfq.weight", text);
	if (r != -ENOENT)
		return r < 0 ? cgroup_write_failed(
				       directory, "block I/O weight", "io.bfq.weight", text, r)
			     : 0;
	return cgroup_write(directory, "block I/O weight", "io.weight", "%lld:%lld %llu",
		(long long)device->major, (long long)device->minor,
		(unsigned long long)cgroup_io_weight(device->weight.value));
}

static int throttle(
	const struct cgroup_directory *directory, const char *key, const struct plan_throttle *item)
{
	/* v1 says "no limit" by 0. */
	char rate[24] = "max";
	if (item->rate != 0)
		snprintf(rate, sizeof(rate), "%llu", (unsigned long long)item->rate);
	return cgroup_write(directory, "block I/O throttle", "io.max", "%lld:%lld %s=%s",
		(long long)item->major, (long long)item->minor, key, rate);
}

int cgroup_apply_io_v2(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	if (resources->block_leaf_weight.given && resources->block_leaf_weight.value != 0)
		return refuse(-EOPNOTSUPP, "block I/O leaf weight: cgroup v2 has none");
	int r = 0;
	if (resources->block_weight.given && resources->block_weight.value != 0)
		r = weight(directory, resources->block_weight.value);
	for (size_t i = 0; r == 0 && i < resources->block_weight_device_count; i++)
		r = device_weight(directory, &resources->block_weight_devices[i]);
	static const struct cgroup_rate_keys keys = {"rbps", "wbps", "riops", "wiops"};
	return r < 0 ? r : cgroup_apply_rates(directory, resources, &keys, throttle);
}

/* ---- huge pages, and the rest as it is ------------------------------------------------ */

int cgroup_apply_hugetlb_v2(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	return cgroup_apply_huge_pages(directory, resources, "max");
}

/* A value may be long (io.max for many disks) and of several lines: one write each, as io.* want.
 */
static int write_lines(
	const struct cgroup_directory *directory, const char *file, const char *value)
{
	autofini(arena_fini) struct arena arena = {};
	char *rest = arena_strdup(&arena, value);
	bool first = true;
	for (char *line; (line = strsep(&rest, "\n")); first = false) {
		if (line[0] == '\0' && !first)
			continue;
		int r = fs_write_existing(directory->fd, file, line);
		if (r < 0)
			return cgroup_write_failed(directory, "unified", file, line, r);
	}
	return 0;
}

int cgroup_apply_unified(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	unsigned ignored;
	int r = cgroup_unified_controllers(resources, &ignored); /* the grammar, once more */
	for (size_t i = 0; r == 0 && i < resources->unified_count; i++)
		r = write_lines(directory, resources->unified[i].key, resources->unified[i].value);
	return r;
}
