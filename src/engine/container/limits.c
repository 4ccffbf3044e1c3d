// SPDX-License-Identifier: Apache-2.0

/*
 * How much a container may have: control groups (resources) and what the program itself carries
 * (rlimits). Words of the command line become the plan's numbers; what the kernel makes of them is
 * the walls' concern.
 */

#include "base/error.h"
#include "engine/container/internal.h"

#include <ctype.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* ---- rlimits --------------------------------------------------------------------- */

static const struct {
	char name[12];
	int resource;
} limit_names[] = {
	{"as", RLIMIT_AS},
	{"core", RLIMIT_CORE},
	{"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA},
	{"fsize", RLIMIT_FSIZE},
	{"locks", RLIMIT_LOCKS},
	{"memlock", RLIMIT_MEMLOCK},
	{"msgqueue", RLIMIT_MSGQUEUE},
	{"nice", RLIMIT_NICE},
	{"nofile", RLIMIT_NOFILE},
	{"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},
	{"rtprio", RLIMIT_RTPRIO},
	{"rttime", RLIMIT_RTTIME},
	{"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};

static int limit_value(const char *text, uint64_t *ret_value)
{
	if (text_equal(text, "-1") || text_equal(text, "unlimited")) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	return parse_uint64(text, UINT64_MAX, ret_value);
}

int run_ulimit(const char *word, struct plan_rlimit *ret_limit)
{
	autofree char *copy = strdup(word);
	if (!copy)
		return fail(-ENOMEM, "--ulimit %s", word);
	char *rest = copy, *name = strsep(&rest, "=");
	char *soft = rest ? strsep(&rest, ":") : NULL, *hard = rest ? rest : soft;
	struct plan_rlimit limit = {.resource = -1};
	for (size_t i = 0; i < array_length(limit_names); i++)
		if (text_equal(name, limit_names[i].name))
			limit.resource = limit_names[i].resource;
	if (limit.resource < 0)
		return refuse(-EINVAL, "--ulimit %s: there is no limit \"%s\"", word, name);
	if (!soft || limit_value(soft, &limit.soft) < 0 || limit_value(hard, &limit.hard) < 0)
		return refuse(-EINVAL, "--ulimit %s is not NAME=SOFT[:HARD]", word);
	if (limit.soft > limit.hard)
		return refuse(-EINVAL, "--ulimit %s: the soft limit is above the hard one", word);
	*ret_limit = limit;
	return 0;
}

/* "host": those of the caller, which the program inherits anyway. */
static int set_ulimits(
	const struct run_request *request, struct plan_process *process, struct arena *arena)
{
	const struct strings *words = &request->process.ulimits;
	process->rlimits = arena_new(arena, struct plan_rlimit, words->count + 1);
	process->rlimit_count = 0;
	for (size_t i = 0; i < words->count; i++) {
		if (text_equal(words->items[i], "host"))
			continue;
		int r = run_ulimit(words->items[i], &process->rlimits[process->rlimit_count]);
		if (r < 0)
			return r;
		process->rlimit_count++;
	}
	return 0;
}

/* ---- disks ------------------------------------------------------------------------- */

/* "/dev/sda:1mb" → numbers of the device and what stands behind the last colon. */
static int split_device(const char *option, const char *word, struct arena *arena,
	dev_t *ret_device, const char **ret_value)
{
	char *copy = arena_strdup(arena, word), *colon = strrchr(copy, ':');
	struct stat about;
	if (!colon || colon == copy)
		return refuse(-EINVAL, "%s %s is not DEVICE:VALUE", option, word);
	*colon = '\0';
	if (stat(copy, &about) < 0)
		return fail(-errno, "%s %s", option, word);
	if (!S_ISBLK(about.st_mode))
		return refuse(-EINVAL, "%s %s: %s is not a block device", option, word, copy);
	*ret_device = about.st_rdev;
	*ret_value = colon + 1;
	return 0;
}

static int throttles(const char *option, const struct strings *words, bool bytes,
	struct arena *arena, struct plan_throttle **ret_items, size_t *ret_count)
{
	struct plan_throttle *items = arena_new(arena, struct plan_throttle, words->count + 1);
	for (size_t i = 0; i < words->count; i++) {
		dev_t device;
		const char *value;
		int r = split_device(option, words->items[i], arena, &device, &value);
		if (r < 0)
			return r;
		uint64_t rate;
		r = bytes ? parse_size(value, &rate) : parse_uint64(value, UINT64_MAX, &rate);
		if (r < 0)
			return refuse(-EINVAL, "%s %s: \"%s\" is not a %s", option, words->items[i],
				value, bytes ? "size" : "number");
		items[i] = (struct plan_throttle){major(device), minor(device), rate};
	}
	*ret_items = items;
	*ret_count = words->count;
	return 0;
}

static int weights(const struct strings *words, struct arena *arena, struct plan_resources *to)
{
	to->block_weight_devices = arena_new(arena, struct plan_weight_device, words->count + 1);
	for (size_t i = 0; i < words->count; i++) {
		dev_t device;
		const char *value;
		uint64_t weight;
		int r = split_device(
			"--blkio-weight-device", words->items[i], arena, &device, &value);
		if (r < 0)
			return r;
		if (parse_uint64(value, 1000, &weight) < 0 || weight < 10)
			return refuse(-EINVAL, "--blkio-weight-device %s: the weight is 10 to 1000",
				words->items[i]);
		to->block_weight_devices[i] = (struct plan_weight_device){
			major(device), minor(device), .weight = {true, weight}};
	}
	to->block_weight_device_count = words->count;
	return 0;
}

static int set_disks(
	const struct resource_wishes *wishes, struct arena *arena, struct plan_resources *to)
{
	if (wishes->block_weight) {
		if (wishes->block_weight < 10 || wishes->block_weight > 1000)
			return refuse(-EINVAL, "--blkio-weight is 10 to 1000");
		to->block_weight = (struct optional_u64){true, wishes->block_weight};
	}
	int r = weights(&wishes->block_weight_devices, arena, to);
	if (r == 0)
		r = throttles("--device-read-bps", &wishes->read_bps, true, arena,
			&to->block_read_bps, &to->block_read_bps_count);
	if (r == 0)
		r = throttles("--device-write-bps", &wishes->write_bps, true, arena,
			&to->block_write_bps, &to->block_write_bps_count);
	if (r == 0)
		r = throttles("--device-read-iops", &wishes->read_iops, false, arena,
			&to->block_read_iops, &to->block_read_iops_count);
	if (r == 0)
		r = throttles("--device-write-iops", &wishes->write_iops, false, arena,
			&to->block_write_iops, &to->block_write_iops_count);
	return r;
}

/* ---- memory, time ---------------------------------------------------------------------- */

static int set_memory(const struct resource_wishes *wishes, struct plan_resources *to)
{
	int64_t memory = (int64_t)wishes->memory_bytes, swap = wishes->memory_swap_bytes;
	int64_t reservation = (int64_t)wishes->memory_reservation_bytes;
	if (memory)
		to->memory_limit = (struct optional_i64){true, memory};
	if (reservation)
		to->memory_reservation = (struct optional_i64){true, reservation};
	if (wishes->kernel_memory_bytes)
		to->memory_kernel =
			(struct optional_i64){true, (int64_t)wishes->kernel_memory_bytes};
	if (memory && reservation > memory)
		return refuse(-EINVAL, "--memory-reservation is more than --memory");
	if (swap > 0 && !memory)
		return refuse(-EINVAL, "--memory-swap needs --memory");
	if (swap > 0 && swap < memory)
		return refuse(-EINVAL, "--memory-swap, memory and swap together, is less than "
				       "--memory");
	if (swap)
		to->memory_swap = (struct optional_i64){true, swap};
	if (wishes->memory_swappiness.given && wishes->memory_swappiness.value != -1) {
		if (wishes->memory_swappiness.value < 0 || wishes->memory_swappiness.value > 100)
			return refuse(-EINVAL, "--memory-swappiness is 0 to 100, or -1");
		to->memory_swappiness =
			(struct optional_u64){true, (uint64_t)wishes->memory_swappiness.value};
	}
	if (wishes->oom_kill_disable)
		to->has_disable_oom_killer = to->disable_oom_killer = true;
	return 0;
}

static int set_time(const struct resource_wishes *wishes, struct plan_resources *to)
{
	const uint64_t period_us = 100000;
	if (wishes->cpus_billionths && (wishes->cpu_period_us || wishes->cpu_quota_us))
		return refuse(-EINVAL, "--cpus says the same as --cpu-period and --cpu-quota: "
				       "choose");
	if (wishes->cpus_billionths) {
		to->cpu_period = (struct optional_u64){true, period_us};
		to->cpu_quota = (struct optional_i64){
			true, wishes->cpus_billionths / (1000000000 / (int64_t)period_us)};
		if (to->cpu_quota.value < 1000)
			return refuse(-EINVAL, "--cpus is less than 0.01");
	}
	if (wishes->cpu_period_us)
		to->cpu_period = (struct optional_u64){true, wishes->cpu_period_us};
	if (wishes->cpu_quota_us)
		to->cpu_quota = (struct optional_i64){true, wishes->cpu_quota_us};
	if (wishes->cpu_realtime_period_us)
		to->cpu_realtime_period =
			(struct optional_u64){true, wishes->cpu_realtime_period_us};
	if (wishes->cpu_realtime_runtime_us)
		to->cpu_realtime_runtime =
			(struct optional_i64){true, wishes->cpu_realtime_runtime_us};
	if (wishes->cpu_shares)
		to->cpu_shares = (struct optional_u64){true, wishes->cpu_shares};
	to->cpuset_cpus = wishes->cpuset_cpus;
	to->cpuset_mems = wishes->cpuset_mems;
	return 0;
}

/* ---- pairs ------------------------------------------------------------------------------- */

static int split_pair(
	const char *option, const char *word, struct arena *arena, struct plan_key_value *ret_pair)
{
	size_t length = strcspn(word, "=");
	if (length == 0 || !word[length])
		return refuse(-EINVAL, "%s %s is not NAME=VALUE", option, word);
	*ret_pair = (struct plan_key_value){arena_strndup(arena, word, length), word + length + 1};
	return 0;
}

static int set_unified(const struct strings *words, struct arena *arena, struct plan_resources *to)
{
	to->unified = arena_new(arena, struct plan_key_value, words->count + 1);
	to->unified_count = words->count;
	for (size_t i = 0; i < words->count; i++) {
		int r = split_pair("--cgroup-conf", words->items[i], arena, &to->unified[i]);
		if (r < 0)
			return r;
		if (strchr(to->unified[i].key, '/'))
			return refuse(-EINVAL, "--cgroup-conf %s: not a file of a cgroup",
				words->items[i]);
	}
	return 0;
}

static int set_huge_pages(
	const struct strings *words, struct arena *arena, struct plan_resources *to)
{
	to->hugepage_limits = arena_new(arena, struct plan_limit, words->count + 1);
	for (size_t i = 0; i < words->count; i++) {
		struct plan_key_value pair;
		uint64_t bytes;
		int r = split_pair("--hugetlb-limit", words->items[i], arena, &pair);
		if (r < 0)
			return r;
		if (parse_size(pair.value, &bytes) < 0)
			return refuse(-EINVAL,
				"--hugetlb-limit %s is not SIZE=BYTES, as in "
				"2MB=64m",
				words->items[i]);
		to->hugepage_limits[to->hugepage_limit_count++] =
			(struct plan_limit){pair.key, bytes};
	}
	return 0;
}

/* Whoever names a slice means systemd's. */
enum run_cgroup_manager run_cgroup_manager(const struct run_request *request)
{
	enum run_cgroup_manager manager = request->resources.cgroup_manager;
	const char *parent = request->resources.cgroup_parent;
	bool disabled =
		request->resources.cgroups && text_equal(request->resources.cgroups, "disabled");
	if (disabled)
		return RUN_CGROUP_DISABLED;
	if (manager == RUN_CGROUP_AUTO && !text_empty(parent))
		return text_ends(parent, ".slice") && !strchr(parent, '/') ? RUN_CGROUP_SYSTEMD
									   : RUN_CGROUPFS;
	return manager;
}

/* Under its parent, whose name ends with ".slice" where systemd makes the groups. */
static int set_cgroup_path(const struct run_request *request, struct plan *plan)
{
	const char *parent = request->resources.cgroup_parent;
	bool systemd = run_cgroup_manager(request) == RUN_CGROUP_SYSTEMD;
	if (text_empty(parent))
		return 0;
	size_t length = strlen(parent);
	bool slice = length > 6 && text_equal(parent + length - 6, ".slice");
	if (systemd && !slice)
		return refuse(
			-EINVAL, "--cgroup-parent %s: systemd wants the name of a slice", parent);
	plan->cgroups_path =
		systemd ? arena_format(&plan->arena, "%s:rung:%s", parent, request->id)
			: arena_format(&plan->arena, "%s/rung-%s", parent, request->id);
	return 0;
}

int run_set_limits(const struct run_request *request, struct plan *plan)
{
	const struct resource_wishes *wishes = &request->resources;
	struct plan_resources *to = &plan->resources;
	int r = set_ulimits(request, &plan->process, &plan->arena);
	if (r == 0)
		r = set_memory(wishes, to);
	if (r == 0)
		r = set_time(wishes, to);
	if (r == 0)
		r = set_disks(wishes, &plan->arena, to);
	if (r == 0)
		r = set_huge_pages(&wishes->hugepage_limits, &plan->arena, to);
	if (r == 0)
		r = set_unified(&wishes->cgroup_settings, &plan->arena, to);
	if (r == 0)
		r = set_cgroup_path(request, plan);
	if (r < 0)
		return r;
	if (wishes->pids_limit)
		to->pids_limit = (struct optional_i64){true, wishes->pids_limit};
	if (wishes->rdt_class)
		plan->intel_rdt =
			(struct plan_intel_rdt){.given = true, .class_id = wishes->rdt_class};
	plan->process.oom_score_adj = request->process.oom_score_adj;
	if (plan->process.oom_score_adj.given && (plan->process.oom_score_adj.value < -1000 ||
							 plan->process.oom_score_adj.value > 1000))
		return refuse(-EINVAL, "--oom-score-adj is -1000 to 1000");
	return 0;
}
