// SPDX-License-Identifier: Apache-2.0
#include "walls/attributes.h"

#include "base/error.h"
#include "base/fs.h"
#include "plan/words.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int clamp_rlimit(const struct plan_rlimit *wanted, struct rlimit *limit,
	attribute_warning *warn, void *context)
{
	struct rlimit present;
	if (getrlimit(wanted->resource, &present) < 0)
		return -errno;
	if (limit->rlim_max > present.rlim_max)
		limit->rlim_max = present.rlim_max;
	if (limit->rlim_cur > limit->rlim_max)
		limit->rlim_cur = limit->rlim_max;
	if (setrlimit(wanted->resource, limit) < 0)
		return -errno;
	char text[160];
	snprintf(text, sizeof(text),
		"%s is kept at %llu: raising it to %llu takes CAP_SYS_RESOURCE",
		words_name(&rlimit_words, (uint64_t)wanted->resource),
		(unsigned long long)limit->rlim_max, (unsigned long long)wanted->hard);
	warn(context, text);
	return 0;
}

int attributes_set_rlimits(
	const struct plan_process *process, attribute_warning *warn, void *context)
{
	for (size_t i = 0; i < process->rlimit_count; i++) {
		const struct plan_rlimit *wanted = &process->rlimits[i];
		struct rlimit limit = {.rlim_cur = wanted->soft, .rlim_max = wanted->hard};
		int r = 0;
		if (setrlimit(wanted->resource, &limit) < 0)
			r = errno == EPERM ? clamp_rlimit(wanted, &limit, warn, context) : -errno;
		if (r < 0)
			return fail(
				r, "set %s", words_name(&rlimit_words, (uint64_t)wanted->resource));
	}
	return 0;
}

int attributes_set_scheduler(const struct plan_scheduler *scheduler)
{
	if (!scheduler->given)
		return 0;
	/* sched_setattr(2), SCHED_ATTR_SIZE_VER0; glibc 2.36 has no wrapper. */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} attributes = {
		.size = sizeof(attributes),
		.policy = scheduler->policy,
		.flags = scheduler->flags,
		.nice = scheduler->nice,
		.priority = scheduler->priority,
		.runtime_ns = scheduler->runtime_ns,
		.deadline_ns = scheduler->deadline_ns,
		.period_ns = scheduler->period_ns,
	};
	if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
		return fail(-errno, "set the scheduling policy");
	return 0;
}

int attributes_set_io_priority(const struct plan_process *process)
{
	if (!process->has_io_priority)
		return 0;
	const int this_process = 1, class_shift = 13; /* ioprio_set(2) */
	int value = process->io_priority_class << class_shift | process->io_priority;
	if (syscall(SYS_ioprio_set, this_process, 0, value) < 0)
		return fail(-errno, "set the I/O priority");
	return 0;
}

static int add_cpu_range(const char *range, cpu_set_t *cpus)
{
	char first[16], *last = NULL;
	uint64_t from, to;
	snprintf(first, sizeof(first), "%s", range);
	last = strchr(first, '-');
	if (last)
		*last++ = '\0';
	if (parse_uint64(first, CPU_SETSIZE - 1, &from) < 0 ||
		parse_uint64(last ? last : first, CPU_SETSIZE - 1, &to) < 0 || to < from)
		return -EINVAL;
	for (uint64_t cpu = from; cpu <= to; cpu++)
		CPU_SET(cpu, cpus);
	return 0;
}

int attributes_set_affinity(const char *list)
{
	if (text_empty(list))
		return 0;
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	autofree char *copy = strdup(list);
	char *rest = copy, *range;
	while (rest && (range = strsep(&rest, ",")))
		if (add_cpu_range(range + strspn(range, " "), &cpus) < 0)
			return refuse(
				-EINVAL, "CPU list \"%s\": \"%s\" is not a range", list, range);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		return fail(-errno, "run on CPUs %s", list);
	return 0;
}

int attributes_set_memory_policy(const struct plan_memory_policy *policy)
{
	if (!policy->given)
		return 0;
	/* Node lists have the grammar of CPU lists, and no more numbers. */
	cpu_set_t nodes;
	CPU_ZERO(&nodes);
	autofree char *copy = strdup(policy->nodes ? policy->nodes : "");
	char *rest = copy, *range;
	while (rest && *rest && (range = strsep(&rest, ",")))
		if (add_cpu_range(range, &nodes) < 0)
			return refuse(-EINVAL, "memory policy nodes \"%s\": \"%s\" is not a range",
				policy->nodes, range);
	unsigned long highest = CPU_COUNT(&nodes) ? CPU_SETSIZE : 0;
	if (syscall(SYS_set_mempolicy, policy->mode | (int)policy->flags, highest ? &nodes : NULL,
		    highest) < 0)
		return fail(-errno, "set the memory policy");
	return 0;
}

int attributes_set_personality(unsigned long wanted)
{
	return personality(wanted) < 0 ? fail(-errno, "set the personality") : 0;
}

int attributes_new_session_keyring(const char *name)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) >= 0)
		return 0;
	/* A kernel without keys, a seccomp filter around us or a full quota: no keyring, no harm.
	 */
	if (errno == ENOSYS || errno == EPERM || errno == EDQUOT)
		return 0;
	return fail(-errno, "create a session keyring");
}

int attributes_set_oom_score(pid_t pid, int64_t score, attribute_warning *warn, void *context)
{
	char path[64] = "/proc/self/oom_score_adj", value[32];
	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	snprintf(value, sizeof(value), "%lld", (long long)score);
	int r = fs_write_existing(AT_FDCWD, path, value);
	if (r == 0)
		return 0;
	if (r != -EACCES && r != -EPERM)
		return fail(r, "set oom_score_adj to %s", value);
	autofree char *present = NULL;
	if (fs_read(AT_FDCWD, path, 64, &present, NULL) < 0)
		return fail(r, "set oom_score_adj to %s", value);
	present[strcspn(present, "\n")] = '\0';
	char text[160];
	snprintf(text, sizeof(text),
		"oom_score_adj is kept at %s: lowering it to %s takes CAP_SYS_RESOURCE", present,
		value);
	warn(context, text);
	return 0;
}
