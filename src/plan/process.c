// SPDX-License-Identifier: Apache-2.0

/* config.md "Process", "POSIX process", "Linux Process", "User". */

#include "plan/chapters.h"

#include <ctype.h>
#include <sched.h>

/* (uid_t)-1 means "leave it as it is" to setresuid(2) and chown(2): never a user. */
#define ID_MAX (UINT32_MAX - 1)

static int read_groups(const struct json *at, struct arena *arena, void *target)
{
	struct plan_process *process = target;
	int r = json_expect(at, JSON_ARRAY);
	if (r < 0)
		return r;
	uint32_t *gids = arena_new(arena, uint32_t, at->value->length);
	size_t count = 0;
	for (const struct json_value *v = at->value->first; v; v = v->next) {
		struct json item = json_child(at, v, count);
		uint64_t gid;
		r = json_unsigned(&item, 0, ID_MAX, &gid);
		if (r < 0)
			return r;
		gids[count++] = (uint32_t)gid;
	}
	process->additional_gids = gids;
	process->additional_gid_count = count;
	return 0;
}

static void write_groups(struct json_writer *writer, const char *name, const void *source)
{
	const struct plan_process *process = source;
	json_open_lazily(writer, name, '[');
	for (size_t i = 0; i < process->additional_gid_count; i++)
		json_write_unsigned(writer, NULL, process->additional_gids[i]);
	json_close(writer);
}

static const struct json_field user_fields[] = {
	UNSIGNED("uid", struct plan_process, uid, .highest = ID_MAX, .flags = REQUIRED),
	UNSIGNED("gid", struct plan_process, gid, .highest = ID_MAX, .flags = REQUIRED),
	UNSIGNED("umask", struct plan_process, umask, .highest = 0777,
		.presence = GIVEN(struct plan_process, has_umask)),
	CUSTOM("additionalGids", read_groups, write_groups),
};
static const struct json_shape user_shape = SHAPE(struct plan_process, user_fields);

static const struct json_field console_fields[] = {
	UNSIGNED("height", struct plan_process, console_height, .flags = REQUIRED),
	UNSIGNED("width", struct plan_process, console_width, .flags = REQUIRED),
};
static const struct json_shape console_shape = SHAPE(struct plan_process, console_fields);

static int read_console(const struct json *at, struct arena *arena, void *target)
{
	return json_shape_read(at, &console_shape, arena, target);
}

/* Both or none: zero by zero is how "not given" is kept. */
static void write_console(struct json_writer *writer, const char *name, const void *source)
{
	const struct plan_process *process = source;
	if (!process->console_height && !process->console_width)
		return;
	json_open(writer, name, '{');
	json_shape_write(writer, &console_shape, source);
	json_close(writer);
}

/* Unknown names: "MUST be logged as a warning", so that newer lists run on older runtimes. */
#define CAPABILITIES(set) \
	FLAGS(#set, struct plan_capabilities, set, &capability_words, .flags = LENIENT)
static const struct json_field capability_fields[] = {
	CAPABILITIES(bounding),
	CAPABILITIES(effective),
	CAPABILITIES(inheritable),
	CAPABILITIES(permitted),
	CAPABILITIES(ambient),
};
static const struct json_shape capability_shape =
	SHAPE(struct plan_capabilities, capability_fields);

static int check_rlimit(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_rlimit *limit = target;
	if (limit->soft > limit->hard)
		return json_refuse_member(at, "soft", "%ju is above the hard limit %ju",
			(uintmax_t)limit->soft, (uintmax_t)limit->hard);
	return 0;
}

static const struct json_field rlimit_fields[] = {
	WORD("type", struct plan_rlimit, resource, &rlimit_words, .flags = REQUIRED),
	UNSIGNED("hard", struct plan_rlimit, hard, .flags = REQUIRED),
	UNSIGNED("soft", struct plan_rlimit, soft, .flags = REQUIRED),
};
static const struct json_shape rlimit_shape =
	SHAPE(struct plan_rlimit, rlimit_fields, .check = check_rlimit);

/* sched_setattr(2) would say EINVAL to all of these, without saying why. */
static int check_scheduler(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_scheduler *scheduler = target;
	bool realtime = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;
	bool deadline = scheduler->policy == SCHED_DEADLINE;
	if (scheduler->priority && !realtime)
		return json_refuse_member(at, "priority", "needs SCHED_FIFO or SCHED_RR");
	if (!deadline && scheduler->runtime_ns)
		return json_refuse_member(at, "runtime", "needs SCHED_DEADLINE");
	if (!deadline && scheduler->deadline_ns)
		return json_refuse_member(at, "deadline", "needs SCHED_DEADLINE");
	if (!deadline && scheduler->period_ns)
		return json_refuse_member(at, "period", "needs SCHED_DEADLINE");
	if (deadline && scheduler->runtime_ns > scheduler->deadline_ns)
		return json_refuse_member(at, "runtime", "is longer than the deadline");
	if (scheduler->period_ns && scheduler->deadline_ns > scheduler->period_ns)
		return json_refuse_member(at, "deadline", "is longer than the period");
	return 0;
}

static const struct json_field scheduler_fields[] = {
	WORD("policy", struct plan_scheduler, policy, &scheduler_policy_words, .flags = REQUIRED),
	SIGNED("nice", struct plan_scheduler, nice, .lowest = -20, .highest = 19),
	UNSIGNED("priority", struct plan_scheduler, priority, .highest = 99),
	FLAGS("flags", struct plan_scheduler, flags, &scheduler_flag_words),
	UNSIGNED("runtime", struct plan_scheduler, runtime_ns, .highest = INT64_MAX),
	UNSIGNED("deadline", struct plan_scheduler, deadline_ns, .highest = INT64_MAX),
	UNSIGNED("period", struct plan_scheduler, period_ns, .highest = INT64_MAX),
};
static const struct json_shape scheduler_shape =
	SHAPE(struct plan_scheduler, scheduler_fields, .check = check_scheduler);

static const struct json_field io_priority_fields[] = {
	WORD("class", struct plan_process, io_priority_class, &io_class_words, .flags = REQUIRED),
	SIGNED("priority", struct plan_process, io_priority, .highest = 7, .flags = REQUIRED),
};
static const struct json_shape io_priority_shape = SHAPE(struct plan_process, io_priority_fields);

int check_number_list(const struct json *at, const char *key, const char *list)
{
	enum { NUMBER_DIGITS = 6 }; /* far beyond any CPU or memory node */
	const char *c = list;
	for (;;) {
		unsigned long ends[2] = {0, 0};
		for (int i = 0; i < 2; i++) {
			size_t digits = strspn(c, "0123456789");
			if (digits == 0 || digits > NUMBER_DIGITS)
				goto nonsense;
			ends[i] = strtoul(c, NULL, 10);
			c += digits;
			if (i == 0 && *c != '-')
				ends[i = 1] = ends[0];
			else if (i == 0)
				c++;
		}
		if (ends[1] < ends[0])
			goto nonsense;
		if (*c == '\0')
			return 0;
		if (*c++ != ',')
			goto nonsense;
	}
nonsense:
	return json_refuse_member(
		at, key, "%s is not a list of numbers like 0-3,7", json_quote(list).text);
}

static int check_affinity(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_process *process = target;
	int r = 0;
	if (process->affinity_initial)
		r = check_number_list(at, "initial", process->affinity_initial);
	if (r >= 0 && process->affinity_final)
		r = check_number_list(at, "final", process->affinity_final);
	return r;
}

static const struct json_field affinity_fields[] = {
	STRING("initial", struct plan_process, affinity_initial),
	STRING("final", struct plan_process, affinity_final),
};
static const struct json_shape affinity_shape =
	SHAPE(struct plan_process, affinity_fields, .check = check_affinity);

static int check_environment(const struct json *at, const struct plan_process *process)
{
	struct json list, item = {};
	const struct strings *environment = &process->environment;
	for (size_t i = 0; i < environment->count; i++) {
		const char *equals = strchr(environment->items[i], '=');
		if (equals && equals != environment->items[i])
			continue;
		if (!json_find(at, "env", &list))
			return -EINVAL;
		item = (struct json){NULL, at->document, &list, NULL, i};
		return json_refuse(
			&item, "%s is not NAME=VALUE", json_quote(environment->items[i]).text);
	}
	return 0;
}

static int check_process(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_process *process = target;
	if (process->arguments.count == 0 || process->arguments.items[0][0] == '\0')
		return json_refuse_member(at, "args", "names no program");
	for (size_t i = 0; i < process->rlimit_count; i++) {
		for (size_t k = 0; k < i; k++) {
			int resource = process->rlimits[i].resource;
			if (process->rlimits[k].resource == resource)
				return json_refuse_member(at, "rlimits", "%s is given twice",
					words_name(&rlimit_words, (uint64_t)resource));
		}
	}
	return check_environment(at, process);
}

static const struct json_field process_fields[] = {
	BOOL("terminal", struct plan_process, terminal),
	CUSTOM("consoleSize", read_console, write_console),
	GROUP("user", &user_shape, .flags = ALWAYS),
	STRINGS("args", struct plan_process, arguments, .flags = REQUIRED),
	STRING("commandLine", struct plan_process, command_line),
	STRINGS("env", struct plan_process, environment),
	PATH("cwd", struct plan_process, working_directory, .flags = REQUIRED),
	OBJECT("capabilities", struct plan_process, capabilities, &capability_shape,
		.presence = GIVEN(struct plan_process, capabilities.given)),
	ARRAY("rlimits", struct plan_process, rlimits, rlimit_count, &rlimit_shape),
	BOOL("noNewPrivileges", struct plan_process, no_new_privileges),
	STRING("apparmorProfile", struct plan_process, apparmor_profile),
	MAYBE_SIGNED("oomScoreAdj", struct plan_process, oom_score_adj, .lowest = -1000,
		.highest = 1000),
	OBJECT("scheduler", struct plan_process, scheduler, &scheduler_shape,
		.presence = GIVEN(struct plan_process, scheduler.given)),
	STRING("selinuxLabel", struct plan_process, selinux_label),
	GROUP("ioPriority", &io_priority_shape,
		.presence = GIVEN(struct plan_process, has_io_priority)),
	GROUP("execCPUAffinity", &affinity_shape),
};
const struct json_shape process_shape =
	SHAPE(struct plan_process, process_fields, .check = check_process);
