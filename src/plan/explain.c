// SPDX-License-Identifier: Apache-2.0

/*
 * A plan for people: what will run, what it sees, what it may, and what is hidden from
 * it, on one screen where that is possible. A section that has nothing to say but the
 * ordinary is one line. Names and paths come from files that others wrote: whatever a
 * terminal could take for more than text is shown quoted.
 */

#include "plan/explain.h"
#include "base/kernel.h"
#include "base/text.h"
#include "plan/chapters.h"
#include "plan/mount_options.h"
#include "plan/oci.h"

#define LABEL_WIDTH 14
#define LIST_WIDTH 84

void explain_label(struct text *out, const char *label)
{
	text_format(out, "%-*s", LABEL_WIDTH, label);
}

void explain_safe(struct text *out, const char *string)
{
	bool plain = *string != '\0';
	for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
		bool control = *c <= 0x20 || *c == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
		plain = plain && !control && *c != '"' && *c != '\\';
	}
	if (plain)
		text_add(out, string);
	else
		text_json_string(out, string);
}

void explain_bytes(struct text *out, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned unit = 0;
	double value = (double)bytes;
	for (; value >= 1024 && unit + 1 < array_length(units); unit++)
		value /= 1024;
	text_format(
		out, value == (double)(uint64_t)value ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void explain_item(struct text *out, size_t *column, const char *item)
{
	size_t before = out->length;
	autofini(text_fini) struct text safe = {};
	explain_safe(&safe, item);
	if (*column && *column + 1 + safe.length > LIST_WIDTH) {
		text_format(out, "\n%-*s", LABEL_WIDTH, "");
		*column = 0;
		before = out->length;
	} else if (*column) {
		text_add(out, " ");
	}
	text_add(out, text_get(&safe));
	*column += out->length - before;
}

static void list(struct text *out, const char *label, const struct strings *items)
{
	size_t column = 0;
	if (items->count == 0)
		return;
	explain_label(out, label);
	for (size_t i = 0; i < items->count; i++)
		explain_item(out, &column, items->items[i]);
	text_add(out, "\n");
}

/* ---- the program --------------------------------------------------------- */

static void explain_scheduling(const struct plan_process *process, struct text *out)
{
	if (process->scheduler.given) {
		explain_label(out, "  scheduled");
		text_format(out, "%s, nice %d, priority %u\n",
			words_name(&scheduler_policy_words, process->scheduler.policy),
			process->scheduler.nice, process->scheduler.priority);
	}
	if (process->has_io_priority) {
		explain_label(out, "  disk");
		text_format(out, "%s, priority %d\n",
			words_name(&io_class_words, (uint64_t)process->io_priority_class),
			process->io_priority);
	}
	if (process->oom_score_adj.given) {
		explain_label(out, "  out of memory");
		text_format(out, " score %+jd\n", (intmax_t)process->oom_score_adj.value);
	}
}

static void explain_variables(const struct plan_process *process, struct text *out)
{
	size_t column = 0;
	if (process->environment.count == 0)
		return;
	explain_label(out, "  variables");
	for (size_t i = 0; i < process->environment.count; i++)
		explain_item(out, &column, process->environment.items[i]);
	text_add(out, "\n");
}

static void explain_process(const struct plan_process *process, struct text *out)
{
	list(out, "program", &process->arguments);
	explain_label(out, "  in");
	explain_safe(out, process->working_directory);
	text_add(out, "\n");
	explain_label(out, "  as");
	text_format(out, "user %u, group %u", process->uid, process->gid);
	for (size_t i = 0; i < process->additional_gid_count; i++)
		text_format(out, "%s%u", i ? " " : ", also ", process->additional_gids[i]);
	if (process->has_umask)
		text_format(out, ", umask %04o", (unsigned)process->umask);
	text_add(out, process->terminal ? ", on a terminal of its own\n" : "\n");
	explain_variables(process, out);
	explain_scheduling(process, out);
}

static void explain_hooks(const struct plan_hooks *hooks, struct text *out)
{
	for (unsigned kind = 0; kind < PLAN_HOOK_COUNT; kind++) {
		for (size_t i = 0; i < hooks->count[kind]; i++) {
			explain_label(out, i ? "" : plan_hook_names[kind]);
			text_add(out, " ");
			explain_safe(out, hooks->items[kind][i].path);
			text_add(out, "\n");
		}
	}
}

/* ---- what it sees -------------------------------------------------------- */

struct mount_row {
	struct text destination, type, source, options;
};

static void fill_row(const struct plan_mount *mount, struct mount_row *row, struct arena *arena)
{
	struct strings words;
	plan_mount_words(mount, arena, &words);
	explain_safe(&row->destination, mount->destination);
	explain_safe(&row->type, mount->type ? mount->type : "-");
	explain_safe(&row->source, mount->source ? mount->source : "-");
	for (size_t i = 0; i < words.count; i++)
		text_format(&row->options, "%s%s", i ? "," : "", words.items[i]);
	if (mount->data) {
		text_add(&row->options, words.count ? "," : "");
		explain_safe(&row->options, mount->data);
	}
}

static int widest(const struct mount_row *rows, size_t count, size_t offset, size_t limit)
{
	size_t width = 0;
	for (size_t i = 0; i < count; i++) {
		const struct text *cell =
			(const struct text *)(const void *)((const char *)&rows[i] + offset);
		if (cell->length > width && cell->length <= limit)
			width = cell->length;
	}
	return (int)width;
}

static void explain_mounts(const struct plan *plan, struct text *out)
{
	autofini(arena_fini) struct arena arena = {};
	explain_label(out, "root");
	explain_safe(out, plan->root_path);
	text_add(out, plan->root_readonly ? ", read-only\n" : ", writable\n");
	if (plan->mount_count == 0)
		return;

	struct mount_row *rows = arena_new(&arena, struct mount_row, plan->mount_count);
	for (size_t i = 0; i < plan->mount_count; i++)
		fill_row(&plan->mounts[i], &rows[i], &arena);
	int destination =
		widest(rows, plan->mount_count, offsetof(struct mount_row, destination), 40);
	int type = widest(rows, plan->mount_count, offsetof(struct mount_row, type), 12);
	int source = widest(rows, plan->mount_count, offsetof(struct mount_row, source), 40);
	for (size_t i = 0; i < plan->mount_count; i++) {
		explain_label(out, i ? "" : "mounts");
		text_format(out, "%-*s  %-*s  %-*s", destination, text_get(&rows[i].destination),
			type, text_get(&rows[i].type), source, text_get(&rows[i].source));
		if (rows[i].options.length)
			text_format(out, "  %s", text_get(&rows[i].options));
		while (out->bytes[out->length - 1] == ' ')
			out->bytes[--out->length] = '\0';
		text_add(out, "\n");
		text_fini(&rows[i].destination);
		text_fini(&rows[i].type);
		text_fini(&rows[i].source);
		text_fini(&rows[i].options);
	}
}

static void explain_devices(const struct plan *plan, struct text *out)
{
	for (size_t i = 0; i < plan->device_count; i++) {
		const struct plan_device *device = &plan->devices[i];
		explain_label(out, i ? "" : "devices");
		explain_safe(out, device->path);
		if (device->type == 'p')
			text_format(out, " (pipe, mode %04o)\n", (unsigned)device->mode);
		else
			text_format(out, " (%c %jd:%jd, mode %04o)\n", device->type,
				(intmax_t)device->major, (intmax_t)device->minor,
				(unsigned)device->mode);
	}
}

/* ---- who it is ----------------------------------------------------------- */

static void explain_maps(
	struct text *out, const char *label, const char *what, const struct plan_id_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct plan_id_map *map = &maps->items[i];
		explain_label(out, i ? "" : label);
		text_format(out, "%s %u", what, map->container_id);
		if (map->size > 1)
			text_format(out, "-%u", map->container_id + map->size - 1);
		text_format(out, map->size > 1 ? " are the host's %u" : " is the host's %u",
			map->host_id);
		if (map->size > 1)
			text_format(out, "-%u", map->host_id + map->size - 1);
		text_add(out, "\n");
	}
}

static void explain_namespaces(const struct plan *plan, struct text *out)
{
	size_t column = 0;
	explain_label(out, "its own");
	for (unsigned i = 0; i < PLAN_NS_COUNT; i++) {
		if (plan_new_namespace(plan, i))
			explain_item(out, &column, plan_namespace_facts[i].oci_name);
	}
	text_add(out, column ? "\n" : "no namespace\n");
	for (unsigned i = 0; i < PLAN_NS_COUNT; i++) {
		if (!plan->namespaces[i].path)
			continue;
		explain_label(out, "joined");
		text_format(out, "%s of ", plan_namespace_facts[i].oci_name);
		explain_safe(out, plan->namespaces[i].path);
		text_add(out, "\n");
	}
	column = 0;
	for (unsigned i = 0; i < PLAN_NS_COUNT; i++) {
		if (plan->namespaces[i].wanted)
			continue;
		if (column == 0)
			explain_label(out, "the host's");
		explain_item(out, &column, plan_namespace_facts[i].oci_name);
	}
	text_add(out, column ? "\n" : "");
}

static void explain_network(const struct plan *plan, struct text *out)
{
	explain_label(out, "network");
	if (!plan->namespaces[PLAN_NS_NETWORK].wanted)
		text_add(out, "the host's");
	else if (plan->namespaces[PLAN_NS_NETWORK].path)
		text_add(out, "another one's, joined");
	else
		text_add(out, "its own, empty until something is put into it");
	if (plan->hostname) {
		text_add(out, ", called ");
		explain_safe(out, plan->hostname);
	}
	text_add(out, "\n");
	for (size_t i = 0; i < plan->net_device_count; i++) {
		const struct plan_net_device *device = &plan->net_devices[i];
		explain_label(out, "");
		text_add(out, "takes the host's ");
		explain_safe(out, device->host_name);
		if (device->container_name) {
			text_add(out, " as ");
			explain_safe(out, device->container_name);
		}
		text_add(out, "\n");
	}
}

/* ---- what it may --------------------------------------------------------- */

static void explain_set(struct text *out, const char *label, uint64_t set)
{
	size_t column = 0;
	explain_label(out, label);
	for (int i = 0; plan_capability_name(i); i++) {
		if (set & UINT64_C(1) << i)
			explain_item(out, &column, plan_capability_name(i) + strlen("CAP_"));
	}
	text_add(out, column ? "\n" : "none\n");
}

static void explain_capabilities(const struct plan_process *process, struct text *out)
{
	const struct plan_capabilities *sets = &process->capabilities;
	if (!sets->given) {
		explain_label(out, "capabilities");
		text_add(out, "as the caller has them\n");
	} else {
		explain_set(out, "capabilities", sets->effective);
		if (sets->bounding != sets->effective)
			explain_set(out, "  at most", sets->bounding);
		if (sets->ambient)
			explain_set(out, "  inherited", sets->ambient);
	}
	explain_label(out, "");
	text_add(out, process->no_new_privileges ? "set-user-ID programs gain nothing\n"
						 : "set-user-ID programs work\n");
	if (process->apparmor_profile) {
		explain_label(out, "AppArmor");
		explain_safe(out, process->apparmor_profile);
		text_add(out, "\n");
	}
	if (process->selinux_label) {
		explain_label(out, "SELinux");
		explain_safe(out, process->selinux_label);
		text_add(out, "\n");
	}
}

static void explain_seccomp(const struct plan *plan, struct text *out)
{
	explain_label(out, "system calls");
	if (!plan->has_seccomp) {
		const char *policy = plan_annotation(plan, FILTER_ANNOTATION);
		text_add(out, policy && text_equal(policy, FILTER_ANNOTATION_DEFAULT)
				      ? "the default policy: what programs need, less what attacks "
					"the kernel\n"
				      : "all\n");
		return;
	}
	size_t names = 0;
	for (size_t i = 0; i < plan->seccomp.rule_count; i++)
		names += plan->seccomp.rules[i].names.count;
	text_format(out, "%s unless one of %zu rules (%zu names) says otherwise\n",
		plan->seccomp.default_action + strlen("SCMP_ACT_"), plan->seccomp.rule_count,
		names);
}

static void explain_landlock(const struct plan_landlock *rules, struct text *out)
{
	if (!rules->given)
		return;
	explain_label(out, "Landlock");
	if (rules->handled_fs)
		text_format(out, "files only by %zu path rules; ", rules->path_count);
	if (rules->handled_net)
		text_format(out, "TCP only by %zu port rules; ", rules->port_count);
	if (rules->scoped)
		text_add(out, "signals or sockets stay inside; ");
	text_add(out,
		rules->best_effort ? "as far as the kernel knows it\n" : "or it does not start\n");
}

static void explain_hidden(const struct plan *plan, struct text *out)
{
	list(out, "hidden", &plan->masked_paths);
	list(out, "read-only", &plan->readonly_paths);
	for (size_t i = 0; i < plan->sysctl_count; i++) {
		explain_label(out, i ? "" : "kernel");
		explain_safe(out, plan->sysctls[i].key);
		text_add(out, " = ");
		explain_safe(out, plan->sysctls[i].value);
		text_add(out, "\n");
	}
}

void plan_explain(const struct plan *plan, struct text *out)
{
	if (plan->has_process)
		explain_process(&plan->process, out);
	explain_hooks(&plan->hooks, out);
	explain_mounts(plan, out);
	explain_devices(plan, out);
	explain_namespaces(plan, out);
	explain_maps(out, "users", "user", &plan->uid_maps);
	explain_maps(out, "groups", "group", &plan->gid_maps);
	explain_network(plan, out);
	explain_limits(plan, out);
	explain_seccomp(plan, out);
	explain_landlock(&plan->landlock, out);
	if (plan->has_process)
		explain_capabilities(&plan->process, out);
	explain_hidden(plan, out);
}
