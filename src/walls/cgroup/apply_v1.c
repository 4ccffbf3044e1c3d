// SPDX-License-Identifier: Apache-2.0

/*
 * Limits in v1's files (Documentation/admin-guide/cgroup-v1/), except devices.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* ---- memory ---------------------------------------------------------------- */

int cgroup_check_memory_usage(const struct cgroup_directory *directory, const char *usage_file,
	const struct plan_resources *resources)
{
	uint64_t usage;
	if (!resources->check_before_update || !resources->memory_limit.given ||
		resources->memory_limit.value <= 0)
		return 0;
	int r = cgroup_read_u64(directory, usage_file, &usage);
	if (r < 0)
		return fail(r, "memory limit: read %s", usage_file);
	if (usage <= (uint64_t)resources->memory_limit.value)
		return 0;
	return refuse(-EBUSY, "memory limit: %lld bytes is less than what is in use (%llu)",
		(long long)resources->memory_limit.value, (unsigned long long)usage);
}

static int write_memory(const struct cgroup_directory *directory, int64_t value)
{
	int r = cgroup_write(
		directory, "memory limit", "memory.limit_in_bytes", "%lld", (long long)value);
	uint64_t usage, most;
	if (r == -EBUSY && cgroup_read_u64(directory, "memory.usage_in_bytes", &usage) == 0 &&
		cgroup_read_u64(directory, "memory.max_usage_in_bytes", &most) == 0)
		return refuse(r,
			"memory limit: %lld bytes is less than what is in use and cannot be "
			"reclaimed (now %llu, at most %llu)",
			(long long)value, (unsigned long long)usage, (unsigned long long)most);
	return r;
}

static int write_swap(const struct cgroup_directory *directory, int64_t value)
{
	int r = cgroup_write(
		directory, "swap limit", "memory.memsw.limit_in_bytes", "%lld", (long long)value);
	if (r == -ENOENT && value == -1) { /* not accounted is not limited */
		error_clear();
		return 0;
	}
	if (r == -ENOENT)
		hint("boot with swapaccount=1, or give no memory+swap limit");
	return r;
}

/*
 * The kernel holds memory <= memory+swap after each single write, so what comes
 * first depends on the direction: memory+swap is raised before memory, lowered after it.
 */
static int memory_and_swap(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int64_t memory = resources->memory_limit.given ? resources->memory_limit.value : 0;
	int64_t swap = resources->memory_swap.given ? resources->memory_swap.value : 0;
	if (memory == -1 && swap == 0 &&
		faccessat(directory->fd, "memory.memsw.limit_in_bytes", F_OK, 0) == 0)
		swap = -1; /* "no memory limit" means no limit at all */
	bool swap_first = swap == -1;
	uint64_t current;
	if (update && memory != 0 && swap > 0 && /* a new cgroup has no limit: memory first */
		cgroup_read_u64(directory, "memory.limit_in_bytes", &current) == 0)
		swap_first = current < (uint64_t)swap;

	int r = 0;
	if (swap != 0 && swap_first)
		r = write_swap(directory, swap);
	if (r == 0 && memory != 0)
		r = write_memory(directory, memory);
	if (r == 0 && swap != 0 && !swap_first)
		r = write_swap(directory, swap);
	return r;
}

/* Deprecated since Linux 5.4 and refused or ignored since 5.16: the limit on all memory covers it.
 */
static void kernel_memory(
	const struct cgroup_directory *directory, struct optional_i64 limit, const char *file)
{
	if (!limit.given || limit.value == 0)
		return;
	char value[24];
	snprintf(value, sizeof(value), "%lld", (long long)limit.value);
	int r = fs_write_existing(directory->fd, file, value);
	if (r < 0)
		warn("kernel memory limit ignored: this kernel no longer has %s (%s)", file,
			strerror(-r));
}

int cgroup_apply_memory_v1(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int r = cgroup_check_memory_usage(directory, "memory.usage_in_bytes", resources);
	if (r < 0)
		return r;
	kernel_memory(directory, resources->memory_kernel, "memory.kmem.limit_in_bytes");
	kernel_memory(directory, resources->memory_kernel_tcp, "memory.kmem.tcp.limit_in_bytes");
	r = memory_and_swap(directory, resources, update);
	if (r == 0 && resources->memory_reservation.given &&
		resources->memory_reservation.value != 0)
		r = cgroup_write(directory, "memory reservation", "memory.soft_limit_in_bytes",
			"%lld", (long long)resources->memory_reservation.value);
	if (r == 0 && resources->memory_swappiness.given) {
		if (resources->memory_swappiness.value > 100)
			return refuse(-EINVAL, "memory swappiness: %llu is not in 0..100",
				(unsigned long long)resources->memory_swappiness.value);
		r = cgroup_write(directory, "memory swappiness", "memory.swappiness", "%llu",
			(unsigned long long)resources->memory_swappiness.value);
	}
	if (r == 0 && resources->has_disable_oom_killer &&
		(resources->disable_oom_killer || update))
		r = cgroup_write(directory, "OOM killer switch", "memory.oom_control", "%d",
			resources->disable_oom_killer);
	return r;
}

/* ---- CPU --------------------------------------------------------------------- */

static int write_period(const struct cgroup_directory *directory, uint64_t period)
{
	return cgroup_write(
		directory, "CPU period", "cpu.cfs_period_us", "%llu", (unsigned long long)period);
}

static int write_burst(const struct cgroup_directory *directory, uint64_t burst)
{
	return cgroup_write(
		directory, "CPU burst", "cpu.cfs_burst_us", "%llu", (unsigned long long)burst);
}

/*
 * Period, burst and quota bound one another (quota/period within the parent's,
 * burst <= quota), and any of them may come too early on an update: what the
 * kernel calls invalid before the quota is written is tried again after it.
 */
static int quota_period_burst(
	const struct cgroup_directory *directory, const struct plan_resources *resources)
{
	bool quota = resources->cpu_quota.given && resources->cpu_quota.value != 0;
	bool period = resources->cpu_period.given && resources->cpu_period.value != 0;
	bool burst = resources->cpu_burst.given;
	int r = period ? write_period(directory, resources->cpu_period.value) : 0;
	bool period_again = r == -EINVAL && quota;
	if (r < 0 && !period_again)
		return r;
	r = burst ? write_burst(directory, resources->cpu_burst.value) : 0;
	bool burst_again = r == -EINVAL && quota;
	if (r < 0 && !burst_again)
		return r;
	r = quota ? cgroup_write(directory, "CPU quota", "cpu.cfs_quota_us", "%lld",
			    (long long)resources->cpu_quota.value)
		  : 0;
	if (r == 0 && period_again)
		r = write_period(directory, resources->cpu_period.value);
	if (r == 0 && burst_again)
		r = write_burst(directory, resources->cpu_burst.value);
	if (r == 0 && (period_again || burst_again))
		error_clear();
	return r;
}

static int realtime(
	const struct cgroup_directory *directory, const struct plan_resources *resources)
{
	int r = 0;
	if (resources->cpu_realtime_period.given && resources->cpu_realtime_period.value != 0)
		r = cgroup_write(directory, "CPU realtime period", "cpu.rt_period_us", "%llu",
			(unsigned long long)resources->cpu_realtime_period.value);
	if (r == 0 && resources->cpu_realtime_runtime.given &&
		resources->cpu_realtime_runtime.value != 0)
		r = cgroup_write(directory, "CPU realtime runtime", "cpu.rt_runtime_us", "%lld",
			(long long)resources->cpu_realtime_runtime.value);
	if (r == -EINVAL)
		hint("realtime time is shared out from the root down: the cgroups above need "
		     "at least as much in cpu.rt_runtime_us");
	return r;
}

int cgroup_apply_cpu_v1(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int r = 0;
	if (resources->cpu_idle.given && (update || resources->cpu_idle.value != 0))
		r = cgroup_write(directory, "CPU idle", "cpu.idle", "%lld",
			(long long)resources->cpu_idle.value);
	/* An idle cgroup has no shares; the kernel says EINVAL (sched_group_set_shares). */
	bool idle = resources->cpu_idle.given && resources->cpu_idle.value != 0;
	if (r == 0 && !idle && resources->cpu_shares.given && resources->cpu_shares.value != 0)
		r = cgroup_write(directory, "CPU shares", "cpu.shares", "%llu",
			(unsigned long long)resources->cpu_shares.value);
	if (r == 0)
		r = quota_period_burst(directory, resources);
	return r == 0 ? realtime(directory, resources) : r;
}

int cgroup_apply_cpuset(
	const struct cgroup_directory *directory, const struct plan_resources *resources)
{
	int r = 0;
	if (!text_empty(resources->cpuset_cpus))
		r = cgroup_write(directory, "CPU set", "cpuset.cpus", "%s", resources->cpuset_cpus);
	if (r == 0 && !text_empty(resources->cpuset_mems))
		r = cgroup_write(
			directory, "memory node set", "cpuset.mems", "%s", resources->cpuset_mems);
	if (r == -EACCES)
		hint("the cgroup above has fewer CPUs or memory nodes");
	else if (r == -ERANGE || r == -EINVAL)
		hint("this machine's CPUs are in /sys/devices/system/cpu/online, its memory nodes "
		     "in "
		     "/sys/devices/system/node/online");
	return r;
}

int cgroup_apply_cpuset_v1(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	return cgroup_apply_cpuset(directory, resources);
}

/* ---- processes ----------------------------------------------------------------- */

int cgroup_apply_pids(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int64_t limit = resources->pids_limit.value;
	if (limit <= 0 && !update)
		return 0; /* a new cgroup has no limit */
	return cgroup_write(directory, "process limit", "pids.max", "%s",
		limit_text(limit > 0 ? limit : -1).text);
}

/* ---- block I/O ------------------------------------------------------------------- */

/* CFQ's files went with Linux 5.0; BFQ has its own names, and only while it schedules a disk. */
static int write_weight(const struct cgroup_directory *directory, const char *limit,
	const char *name, const char *bfq_name, const char *value)
{
	int r = fs_write_existing(directory->fd, name, value);
	if (r != -ENOENT)
		return r < 0 ? cgroup_write_failed(directory, limit, name, value, r) : 0;
	r = fs_write_existing(directory->fd, bfq_name, value);
	if (r < 0)
		r = cgroup_write_failed(directory, limit, bfq_name, value, r);
	if (r == -ENOENT)
		hint("weights need the BFQ scheduler: `modprobe bfq`, and bfq in "
		     "/sys/block/DISK/queue/scheduler");
	return r;
}

static int weights(const struct cgroup_directory *directory, const struct plan_resources *resources)
{
	char value[80];
	int r = 0;
	if (resources->block_weight.given && resources->block_weight.value != 0) {
		snprintf(value, sizeof(value), "%llu",
			(unsigned long long)resources->block_weight.value);
		r = write_weight(
			directory, "block I/O weight", "blkio.weight", "blkio.bfq.weight", value);
	}
	if (r == 0 && resources->block_leaf_weight.given && resources->block_leaf_weight.value != 0)
		r = cgroup_write(directory, "block I/O leaf weight", "blkio.leaf_weight", "%llu",
			(unsigned long long)resources->block_leaf_weight.value);
	for (size_t i = 0; r == 0 && i < resources->block_weight_device_count; i++) {
		const struct plan_weight_device *device = &resources->block_weight_devices[i];
		if (device->weight.given && device->weight.value != 0) {
			snprintf(value, sizeof(value), "%lld:%lld %llu", (long long)device->major,
				(long long)device->minor, (unsigned long long)device->weight.value);
			r = write_weight(directory, "block I/O weight", "blkio.weight_device",
				"blkio.bfq.weight_device", value);
		}
		if (r == 0 && device->leaf_weight.given && device->leaf_weight.value != 0)
			r = cgroup_write(directory, "block I/O leaf weight",
				"blkio.leaf_weight_device", "%lld:%lld %llu",
				(long long)device->major, (long long)device->minor,
				(unsigned long long)device->leaf_weight.value);
	}
	return r;
}

static int throttle(const struct cgroup_directory *directory, const char *file,
	const struct plan_throttle *item)
{
	return cgroup_write(directory, "block I/O throttle", file, "%lld:%lld %llu",
		(long long)item->major, (long long)item->minor, (unsigned long long)item->rate);
}

int cgroup_apply_io_v1(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int r = weights(directory, resources);
	static const struct cgroup_rate_keys keys = {"blkio.throttle.read_bps_device",
		"blkio.throttle.write_bps_device", "blkio.throttle.read_iops_device",
		"blkio.throttle.write_iops_device"};
	return r < 0 ? r : cgroup_apply_rates(directory, resources, &keys, throttle);
}

/* ---- huge pages, RDMA, network ------------------------------------------------------ */

int cgroup_apply_hugetlb_v1(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	return cgroup_apply_huge_pages(directory, resources, "limit_in_bytes");
}

int cgroup_apply_rdma(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < resources->rdma_count; i++) {
		const struct plan_rdma *rdma = &resources->rdma[i];
		char handles[40] = "", objects[40] = "";
		if (rdma->handles.given)
			snprintf(handles, sizeof(handles), " hca_handle=%llu",
				(unsigned long long)rdma->handles.value);
		if (rdma->objects.given)
			snprintf(objects, sizeof(objects), " hca_object=%llu",
				(unsigned long long)rdma->objects.value);
		r = cgroup_write(directory, "RDMA limit", "rdma.max", "%s%s%s", rdma->device,
			handles, objects);
	}
	return r;
}

int cgroup_apply_net_cls(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	return cgroup_write(directory, "network class", "net_cls.classid", "%llu",
		(unsigned long long)resources->network_class_id.value);
}

int cgroup_apply_net_prio(const struct cgroup_directory *directory,
	const struct plan_resources *resources, bool update)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < resources->network_priority_count; i++)
		r = cgroup_write(directory, "network priority", "net_prio.ifpriomap", "%s %llu",
			resources->network_priorities[i].name,
			(unsigned long long)resources->network_priorities[i].value);
	return r;
}
