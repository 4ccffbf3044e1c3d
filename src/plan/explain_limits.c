// SPDX-License-Identifier: Apache-2.0

/* The limits of a plan in units that people use: MiB, CPUs, per cent. */

#include "plan/explain.h"

#include "base/text.h"
#include "plan/words.h"

#include <sys/resource.h>

/* The label of the first line only. */
static void begin(struct text *out, bool *begun)
{
	explain_label(out, *begun ? "" : "limits");
	*begun = true;
}

static void memory_line(
	struct text *out, bool *begun, const char *what, const struct optional_i64 *bytes)
{
	if (!bytes->given)
		return;
	begin(out, begun);
	text_format(out, "%s ", what);
	if (bytes->value < 0)
		text_add(out, "unlimited");
	else
		explain_bytes(out, (uint64_t)bytes->value);
	text_add(out, "\n");
}

static void cpu_lines(const struct plan_resources *resources, struct text *out, bool *begun)
{
	uint64_t period = resources->cpu_period.given ? resources->cpu_period.value : 100000;
	if (resources->cpu_quota.value > 0 && period > 0) {
		begin(out, begun);
		text_format(
			out, "%.2f CPUs\n", (double)resources->cpu_quota.value / (double)period);
	}
	if (resources->cpu_shares.given) {
		begin(out, begun);
		text_format(out, "CPU shares %ju (1024 is one ordinary part)\n",
			(uintmax_t)resources->cpu_shares.value);
	}
	if (resources->cpuset_cpus) {
		begin(out, begun);
		text_format(out, "on CPUs %s\n", resources->cpuset_cpus);
	}
	if (resources->cpuset_mems) {
		begin(out, begun);
		text_format(out, "memory of nodes %s\n", resources->cpuset_mems);
	}
}

static void throttle_lines(struct text *out, bool *begun, const char *what, bool bytes,
	const struct plan_throttle *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		begin(out, begun);
		text_format(out, "%s device %jd:%jd at most ", what, (intmax_t)items[i].major,
			(intmax_t)items[i].minor);
		if (bytes)
			explain_bytes(out, items[i].rate);
		else
			text_format(out, "%ju times", (uintmax_t)items[i].rate);
		text_add(out, " a second\n");
	}
}

static void device_line(const struct plan_resources *resources, struct text *out, bool *begun)
{
	size_t allowed = 0;
	for (size_t i = 0; i < resources->device_rule_count; i++)
		allowed += resources->device_rules[i].allow;
	if (resources->device_rule_count == 0)
		return;
	begin(out, begun);
	text_format(out, "device files: %zu rules allow, %zu deny\n", allowed,
		resources->device_rule_count - allowed);
}

static void other_lines(const struct plan_resources *resources, struct text *out, bool *begun)
{
	if (resources->pids_limit.given) {
		begin(out, begun);
		if (resources->pids_limit.value > 0)
			text_format(out, "%jd processes\n", (intmax_t)resources->pids_limit.value);
		else
			text_add(out, "processes unlimited\n");
	}
	throttle_lines(out, begun, "reads", true, resources->block_read_bps,
		resources->block_read_bps_count);
	throttle_lines(out, begun, "writes", true, resources->block_write_bps,
		resources->block_write_bps_count);
	throttle_lines(out, begun, "reads", false, resources->block_read_iops,
		resources->block_read_iops_count);
	throttle_lines(out, begun, "writes", false, resources->block_write_iops,
		resources->block_write_iops_count);
	for (size_t i = 0; i < resources->hugepage_limit_count; i++) {
		begin(out, begun);
		text_format(out, "huge pages of %s ", resources->hugepage_limits[i].name);
		explain_bytes(out, resources->hugepage_limits[i].value);
		text_add(out, "\n");
	}
	device_line(resources, out, begun);
	for (size_t i = 0; i < resources->unified_count; i++) {
		begin(out, begun);
		explain_safe(out, resources->unified[i].key);
		text_add(out, " = ");
		explain_safe(out, resources->unified[i].value);
		text_add(out, "\n");
	}
}

/* RLIMIT_… by what one counts it in. */
static const struct {
	int resource;
	const char *what, *unit;
} rlimit_units[] = {
	{RLIMIT_CPU, "CPU time", "s"},
	{RLIMIT_FSIZE, "file size", NULL},
	{RLIMIT_DATA, "data", NULL},
	{RLIMIT_STACK, "stack", NULL},
	{RLIMIT_CORE, "core dumps", NULL},
	{RLIMIT_RSS, "resident memory", NULL},
	{RLIMIT_NPROC, "processes of the user", ""},
	{RLIMIT_NOFILE, "open files", ""},
	{RLIMIT_MEMLOCK, "locked memory", NULL},
	{RLIMIT_AS, "address space", NULL},
	{RLIMIT_LOCKS, "file locks", ""},
	{RLIMIT_SIGPENDING, "queued signals", ""},
	{RLIMIT_MSGQUEUE, "message queues", NULL},
	{RLIMIT_NICE, "nice", ""},
	{RLIMIT_RTPRIO, "real-time priority", ""},
	{RLIMIT_RTTIME, "real-time CPU", "us"},
};

static void rlimit_value(struct text *out, uint64_t value, const char *unit)
{
	if (value == UINT64_MAX)
		text_add(out, "unlimited");
	else if (!unit)
		explain_bytes(out, value);
	else
		text_format(out, "%ju%s%s", (uintmax_t)value, *unit ? " " : "", unit);
}

static void rlimit_lines(const struct plan_process *process, struct text *out, bool *begun)
{
	for (size_t i = 0; i < process->rlimit_count; i++) {
		const struct plan_rlimit *limit = &process->rlimits[i];
		const char *what = "", *unit = "";
		for (size_t k = 0; k < array_length(rlimit_units); k++) {
			if (rlimit_units[k].resource == limit->resource) {
				what = rlimit_units[k].what;
				unit = rlimit_units[k].unit;
			}
		}
		begin(out, begun);
		text_format(out, "%s ", what);
		rlimit_value(out, limit->soft, unit);
		if (limit->hard != limit->soft) {
			text_add(out, ", raisable to ");
			rlimit_value(out, limit->hard, unit);
		}
		text_add(out, " (each process)\n");
	}
}

void explain_limits(const struct plan *plan, struct text *out)
{
	const struct plan_resources *resources = &plan->resources;
	bool begun = false;
	memory_line(out, &begun, "memory", &resources->memory_limit);
	memory_line(out, &begun, "memory with swap", &resources->memory_swap);
	memory_line(out, &begun, "memory kept under pressure", &resources->memory_reservation);
	cpu_lines(resources, out, &begun);
	other_lines(resources, out, &begun);
	if (plan->has_process)
		rlimit_lines(&plan->process, out, &begun);
	if (!begun)
		text_format(out, "%-14s%s\n", "limits", "none");
}
