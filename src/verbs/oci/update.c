// SPDX-License-Identifier: Apache-2.0

/*
 * `rung oci update`: other limits for a running container. From a file (containerd, CRI-O), or
 * option by option; what is not named stays.
 */

#include "base/error.h"
#include "base/fs.h"
#include "plan/oci.h"
#include "verbs/oci/oci.h"
#include "walls/intel_rdt.h"

#include <fcntl.h>

struct update_options {
	const char *resources, *cpuset_cpus, *cpuset_mems, *l3_cache_schema, *mem_bw_schema;
	int64_t memory, memory_reservation, memory_swap, kernel_memory, kernel_memory_tcp;
	int64_t cpu_quota, cpu_rt_runtime, cpu_idle, pids_limit;
	uint64_t cpu_period, cpu_burst, cpu_shares, cpu_rt_period;
	uint16_t blkio_weight;
};

static const struct option update_options[] = {
	{"-r, --resources=FILE", "resources object as JSON; - is standard input",
		text_in(update_options, resources)},
	{"--memory=SIZE", "memory limit", limit_in(update_options, memory)},
	{"--memory-reservation=SIZE", "memory it should keep",
		limit_in(update_options, memory_reservation)},
	{"--memory-swap=SIZE", "memory and swap together", limit_in(update_options, memory_swap)},
	{"--kernel-memory=SIZE", "", limit_in(update_options, kernel_memory), .hidden = true},
	{"--kernel-memory-tcp=SIZE", "", limit_in(update_options, kernel_memory_tcp),
		.hidden = true},
	{"--cpu-quota=TIME", "microseconds of CPU time a period",
		integer_in(update_options, cpu_quota)},
	{"--cpu-period=TIME", "length of a period in microseconds",
		integer_in(update_options, cpu_period)},
	{"--cpu-burst=TIME", "microseconds that may be saved up",
		integer_in(update_options, cpu_burst)},
	{"--cpu-share, --cpu-shares=NUMBER", "weight among others",
		integer_in(update_options, cpu_shares)},
	{"--cpu-idle=NUMBER", "1: only when nobody else wants the CPU",
		integer_in(update_options, cpu_idle)},
	{"--cpu-rt-period=TIME", "period of realtime scheduling",
		integer_in(update_options, cpu_rt_period)},
	{"--cpu-rt-runtime=TIME", "realtime CPU time a period",
		integer_in(update_options, cpu_rt_runtime)},
	{"--cpuset-cpus=LIST", "CPUs to run on", text_in(update_options, cpuset_cpus)},
	{"--cpuset-mems=LIST", "memory nodes to use", text_in(update_options, cpuset_mems)},
	{"--pids-limit=NUMBER", "most processes; -1: unlimited",
		integer_in(update_options, pids_limit)},
	{"--blkio-weight=NUMBER", "weight of block I/O, 10 to 1000",
		integer_in(update_options, blkio_weight)},
	{"--l3-cache-schema=SCHEMA", "Intel RDT cache allocation",
		text_in(update_options, l3_cache_schema)},
	{"--mem-bw-schema=SCHEMA", "Intel RDT memory bandwidth",
		text_in(update_options, mem_bw_schema)},
	{},
};

static void set_i64(
	const struct invocation *invocation, const int64_t *field, struct optional_i64 *ret_value)
{
	if (option_given(invocation, field))
		*ret_value = (struct optional_i64){true, *field};
}

static void set_u64(
	const struct invocation *invocation, const uint64_t *field, struct optional_u64 *ret_value)
{
	if (option_given(invocation, field))
		*ret_value = (struct optional_u64){true, *field};
}

static void read_options(const struct invocation *invocation, const struct update_options *options,
	struct plan_resources *resources)
{
	set_i64(invocation, &options->memory, &resources->memory_limit);
	set_i64(invocation, &options->memory_reservation, &resources->memory_reservation);
	set_i64(invocation, &options->memory_swap, &resources->memory_swap);
	set_i64(invocation, &options->kernel_memory, &resources->memory_kernel);
	set_i64(invocation, &options->kernel_memory_tcp, &resources->memory_kernel_tcp);
	set_i64(invocation, &options->cpu_quota, &resources->cpu_quota);
	set_u64(invocation, &options->cpu_period, &resources->cpu_period);
	set_u64(invocation, &options->cpu_burst, &resources->cpu_burst);
	set_u64(invocation, &options->cpu_shares, &resources->cpu_shares);
	set_i64(invocation, &options->cpu_idle, &resources->cpu_idle);
	set_u64(invocation, &options->cpu_rt_period, &resources->cpu_realtime_period);
	set_i64(invocation, &options->cpu_rt_runtime, &resources->cpu_realtime_runtime);
	set_i64(invocation, &options->pids_limit, &resources->pids_limit);
	if (options->cpuset_cpus)
		resources->cpuset_cpus = options->cpuset_cpus;
	if (options->cpuset_mems)
		resources->cpuset_mems = options->cpuset_mems;
	if (option_given(invocation, &options->blkio_weight))
		resources->block_weight = (struct optional_u64){true, options->blkio_weight};
}

static int read_file(const char *path, struct arena *arena, struct plan_resources *resources)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = text_equal(path, "-") ? fs_read_fd(STDIN_FILENO, PLAN_JSON_MAX, &bytes, &length)
				      : fs_read(AT_FDCWD, path, PLAN_JSON_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "read resources %s", path);
	return plan_read_resources(bytes, length, path, arena, resources);
}

static int update_rdt(const struct container_record *record, const struct update_options *options)
{
	if (!options->l3_cache_schema && !options->mem_bw_schema)
		return 0;
	autofini(plan_fini) struct plan plan = {};
	int r = container_load_plan(record, &plan);
	if (r < 0)
		return r;
	struct plan_intel_rdt rdt = plan.intel_rdt;
	rdt.given = true;
	rdt.l3_cache_schema = options->l3_cache_schema;
	rdt.memory_bandwidth_schema = options->mem_bw_schema;
	return intel_rdt_enter(&rdt, record->id, record->init.pid);
}

static int run(struct invocation *invocation)
{
	const struct update_options *options = options_of(invocation, update_options);
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	struct plan_resources resources = {};
	int r = container_load(oci_state_root(invocation), invocation->arguments[0], &record);
	if (r == 0 && container_status(&record) == CONTAINER_STOPPED)
		r = refuse(-ESRCH, "container %s is stopped", record.id);
	if (r == 0 && options->resources)
		r = read_file(options->resources, invocation->arena, &resources);
	if (r < 0)
		return r;
	read_options(invocation, options, &resources);
	r = container_update(&record, &resources);
	return r < 0 ? wrap(r, "update container %s", record.id) : update_rdt(&record, options);
}

const struct verb verb_oci_update = {
	.name = "update",
	.summary = "change the limits of a container",
	.arguments = "CONTAINER",
	verb_options(update_options),
	.run = run,
};
