// SPDX-License-Identifier: Apache-2.0
/*
 * Rules by name in, decisions by number out.
 *
 * What a profile means is what it means to runc and crun, which hand it to
 * libseccomp; tests/unit/seccomp.c holds the two against each other:
 *
 *   - a rule whose action is the default action says nothing;
 *   - of rules for one call, the first without conditions wins over all others;
 *   - conditions of one rule hold together, but if two of them look at the same
 *     argument (which libseccomp cannot express), each is a rule of its own;
 *   - a mask of zero always holds;
 *   - architectures that are not listed get the thread killed; the machine's own is
 *     always listed; x32 is one of its own although it shares x86-64's id.
 *
 * Ours alone: of conditional rules that overlap with different actions the first
 * wins (libseccomp orders them by its own tree), and calls that the profile cannot
 * have meant because they are newer than any call it names get ENOSYS, not the
 * default action: glibc falls back to an older call on ENOSYS only (runc does so
 * since 1.0-rc93). Calls older than Linux 5.1 are never that new.
 */
#include "walls/seccomp_parts.h"

#include "base/error.h"
#include "base/log.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

/*
 * Since Linux 5.1 new calls have the same number everywhere, from 424 on, in the
 * order in which they were added.
 */
#define LAST_OF_THE_OLD_NUMBERS 423

/* To architectures that the profile does not list; libseccomp's choice, and so everybody's. */
#define FOREIGN_ACTION SECCOMP_RET_KILL_THREAD

struct rule {
	const struct strings *names;
	const struct seccomp_branch *branches; /* alternatives; none: unconditional */
	size_t branch_count;
	struct seccomp_decision alone; /* of an unconditional rule */
	uint32_t action;
	bool silent; /* the default action */
};

struct rules {
	struct rule *items;
	size_t count;
	struct seccomp_decision otherwise;
	bool says_enosys; /* to calls newer than the profile */
};

/* A rule for a call, in the profile's order. */
struct wish {
	const struct seccomp_call *call;
	const struct rule *rule;
};

struct wishes {
	struct wish *items;
	size_t count;
};

/* A wish for a number. */
struct entry {
	uint32_t number;
	bool carried;
	const struct wish *wish;
};

struct entries {
	struct entry *items, *spare; /* room for both numbers of every wish */
	size_t count;
	uint32_t newest; /* highest number that the profile names */
};

struct conditions {
	struct seccomp_condition *items;
	size_t count;
	bool repeats; /* two look at one argument */
	bool dropped; /* one that always holds */
};

static int read_conditions(
	const struct plan_seccomp_rule *from, struct arena *arena, struct conditions *ret)
{
	struct conditions read = {
		.items = arena_new(arena, struct seccomp_condition, from->argument_count)};
	unsigned seen = 0;
	for (size_t i = 0; i < from->argument_count; i++) {
		const struct plan_seccomp_argument *argument = &from->arguments[i];
		if (argument->index > 5)
			return refuse(-EINVAL, "args[%zu].index: %u is above 5, the last argument",
				i, argument->index);
		enum seccomp_operator operator;
		int r = seccomp_operator_parse(argument->operator, & operator);
		if (r < 0)
			return wrap(r, "args[%zu].op", i);
		read.repeats = read.repeats || (seen & 1u << argument->index);
		seen |= 1u << argument->index;
		if (operator== SECCOMP_MASKED_EQ && argument->value == 0)
			read.dropped = true;
		else
			read.items[read.count++] = (struct seccomp_condition){
				argument->index, operator, argument->value, argument->value_two};
	}
	*ret = read;
	return 0;
}

static int read_rule(const struct plan_seccomp_rule *from, uint32_t default_action,
	struct arena *arena, struct rule *ret_rule)
{
	uint32_t action;
	int r = seccomp_action_parse(from->action, &from->errno_return, &action);
	if (r < 0)
		return r;
	struct conditions conditions;
	r = read_conditions(from, arena, &conditions);
	if (r < 0)
		return r;

	size_t count = conditions.repeats ? conditions.count : 1;
	if (conditions.count == 0 || (conditions.repeats && conditions.dropped))
		count = 0; /* an alternative that always holds */
	struct seccomp_branch *branches = arena_new(arena, struct seccomp_branch, count);
	for (size_t i = 0; i < count; i++)
		branches[i] = (struct seccomp_branch){
			.conditions = conditions.items + i,
			.count = conditions.repeats ? 1 : conditions.count,
			.action = action,
		};
	*ret_rule = (struct rule){
		.names = &from->names,
		.branches = branches,
		.branch_count = count,
		.alone = {.otherwise = action},
		.action = action,
		.silent = action == default_action,
	};
	return 0;
}

/* With a default that lets calls through, or asks a tracer, the kernel answers itself. */
static bool should_say_enosys(uint32_t default_action)
{
	uint32_t kind = default_action & SECCOMP_RET_ACTION_FULL;
	return kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE;
}

static int read_rules(const struct plan_seccomp *profile, struct arena *arena, struct rules *ret)
{
	uint32_t otherwise;
	int r = seccomp_action_parse(
		profile->default_action, &profile->default_errno_return, &otherwise);
	if (r < 0)
		return wrap(r, "defaultAction");
	if ((otherwise & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
		return refuse(-EINVAL, "defaultAction: SCMP_ACT_NOTIFY is for rules only");

	struct rule *rules = arena_new(arena, struct rule, profile->rule_count);
	for (size_t i = 0; i < profile->rule_count; i++) {
		r = read_rule(&profile->rules[i], otherwise, arena, &rules[i]);
		if (r < 0)
			return wrap(r, "syscalls[%zu]", i);
	}
	*ret = (struct rules){
		rules, profile->rule_count, {.otherwise = otherwise}, should_say_enosys(otherwise)};
	return 0;
}

/* Names that no machine knows are left out, as crun and runc do. */
static struct wishes look_up(const struct rules *rules, struct arena *arena)
{
	size_t most = 0;
	for (size_t i = 0; i < rules->count; i++)
		most += rules->items[i].names->count;
	struct wishes wishes = {.items = arena_new(arena, struct wish, most)};
	for (size_t i = 0; i < rules->count; i++)
		for (size_t n = 0; n < rules->items[i].names->count; n++) {
			const char *name = rules->items[i].names->items[n];
			const struct seccomp_call *call = seccomp_call_find(name);
			if (call)
				wishes.items[wishes.count++] =
					(struct wish){call, &rules->items[i]};
			else
				log_line(LOG_DEBUG, "seccomp: unknown system call %s left out",
					name);
		}
	return wishes;
}

static void add_entry(
	struct entries *entries, int32_t number, const struct wish *wish, bool carried)
{
	if (number < 0)
		return;
	if (!carried && (uint32_t)number > entries->newest)
		entries->newest = (uint32_t)number;
	if (!wish->rule->silent)
		entries->items[entries->count++] = (struct entry){(uint32_t)number, carried, wish};
}

/*
 * By number, for each number in the profile's order: two stable passes by ten bits
 * each. Twenty bits are enough above the first (generate/seccomp_calls.c makes
 * sure), and qsort(3) took half of the time of a whole compilation.
 */
static void sort_entries(struct entries *entries)
{
	for (unsigned shift = 0; shift < 20; shift += 10) {
		uint32_t ends[1024] = {};
		for (size_t i = 0; i < entries->count; i++)
			ends[entries->items[i].number >> shift & 1023]++;
		for (size_t i = 1; i < array_length(ends); i++)
			ends[i] += ends[i - 1];
		for (size_t i = entries->count; i-- > 0;)
			entries->spare[--ends[entries->items[i].number >> shift & 1023]] =
				entries->items[i];
		struct entry *sorted = entries->spare;
		entries->spare = entries->items;
		entries->items = sorted;
	}
}

static void collect_entries(struct entries *entries, const struct wishes *wishes,
	const struct seccomp_architecture *architecture)
{
	entries->count = 0;
	entries->newest = architecture->common_base + LAST_OF_THE_OLD_NUMBERS;
	for (size_t i = 0; i < wishes->count; i++) {
		const struct wish *wish = &wishes->items[i];
		const struct seccomp_call *call = wish->call;
		add_entry(entries, call->numbers[architecture->column], wish, false);
		add_entry(entries, architecture->carriers[call->carrier], wish, true);
	}
	sort_entries(entries);
}

/*
 * A call that another carries has its arguments in memory, where a filter cannot
 * look: rules with conditions hold there whatever the arguments are, which is
 * also what libseccomp makes of them.
 */
static struct seccomp_branch carried_branch(const struct entry *entry, struct arena *arena)
{
	struct seccomp_condition *condition = arena_new(arena, struct seccomp_condition, 1);
	*condition = (struct seccomp_condition){0, SECCOMP_EQ, entry->wish->call->carried_as, 0};
	return (struct seccomp_branch){condition, 1, entry->wish->rule->action};
}

/* The decision for the number of entries[0], which owns the first count entries. */
static const struct seccomp_decision *decide(const struct entry *entries, size_t count, bool narrow,
	const struct rules *rules, struct arena *arena)
{
	size_t most = 0;
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = entries[i].wish->rule;
		if (!entries[i].carried && rule->branch_count == 0)
			return &rule->alone;
		most += entries[i].carried ? 1 : rule->branch_count;
	}
	struct seccomp_branch *branches = arena_new(arena, struct seccomp_branch, most);
	size_t next = 0;
	for (size_t i = 0; i < count; i++) {
		if (entries[i].carried)
			branches[next++] = carried_branch(&entries[i], arena);
		const struct rule *rule = entries[i].wish->rule;
		for (size_t b = 0; !entries[i].carried && b < rule->branch_count; b++)
			branches[next++] = rule->branches[b];
	}
	struct seccomp_decision *decision = arena_new(arena, struct seccomp_decision, 1);
	*decision = (struct seccomp_decision){branches, next, rules->otherwise.otherwise, narrow};
	return decision;
}

static bool says_the_same(const struct seccomp_decision *a, const struct seccomp_decision *b)
{
	return a->count == 0 && b->count == 0 && a->otherwise == b->otherwise;
}

/* Appends a span, or lets the last one go on if it says the same. */
static void add_span(
	struct seccomp_table *table, uint32_t first, const struct seccomp_decision *decision)
{
	if (table->count > 0 && table->spans[table->count - 1].first == first)
		table->count--; /* nothing lies between; the new one takes its place */
	if (table->count > 0 && says_the_same(table->spans[table->count - 1].decision, decision))
		return;
	table->spans[table->count++] = (struct seccomp_span){first, decision};
}

/* Adds the numbers of one architecture to a table that it may share. */
static void add_architecture(struct seccomp_table *table, const struct rules *rules,
	struct entries *entries, const struct seccomp_architecture *architecture,
	struct arena *arena)
{
	static const struct seccomp_decision unknown = {.otherwise = SECCOMP_RET_ERRNO | ENOSYS};

	/* Each entry begins a span and ends one; a few more lie around them. */
	struct seccomp_span *spans =
		arena_new(arena, struct seccomp_span, table->count + 2 * entries->count + 5);
	if (table->count > 0)
		memcpy(spans, table->spans, table->count * sizeof(*spans));
	table->spans = spans;

	add_span(table, architecture->first, &rules->otherwise);
	for (size_t i = 0, group; i < entries->count; i += group) {
		uint32_t number = entries->items[i].number;
		for (group = 1; i + group < entries->count; group++)
			if (entries->items[i + group].number != number)
				break;
		add_span(table, number,
			decide(&entries->items[i], group, architecture->narrow, rules, arena));
		add_span(table, number + 1, &rules->otherwise);
	}
	if (rules->says_enosys)
		add_span(table, entries->newest + 1, &unknown);
}

/* The table of this id, a new one if there is none yet. Room was checked by the caller. */
static struct seccomp_table *table_for(struct seccomp_tables *tables, uint32_t audit_id)
{
	for (size_t i = 0; i < tables->count; i++)
		if (tables->items[i].audit_id == audit_id)
			return &tables->items[i];
	tables->items[tables->count] = (struct seccomp_table){.audit_id = audit_id};
	return &tables->items[tables->count++];
}

/*
 * Closes each line of numbers. On x86-64 the upper half is x32's, a foreign
 * architecture where the profile does not list it. The number -1 is what a tracer
 * writes to skip a call: it is no architecture's.
 */
static void close_tables(struct seccomp_tables *tables, const struct rules *rules, bool has_x32)
{
	static const struct seccomp_decision foreign = {.otherwise = FOREIGN_ACTION};
	for (size_t i = 0; i < tables->count; i++) {
		struct seccomp_table *table = &tables->items[i];
		if (table->audit_id == AUDIT_ARCH_X86_64 && !has_x32)
			add_span(table, SECCOMP_X32_FIRST, &foreign);
		add_span(table, UINT32_MAX, &rules->otherwise);
	}
}

/* The profile's architectures, each once, the machine's own first. */
static int list_architectures(const struct plan_seccomp *profile,
	const struct seccomp_architecture **list, size_t room, size_t *ret_count)
{
	size_t count = 0;
	int r = seccomp_architecture_find("SCMP_ARCH_NATIVE", &list[count++]);
	if (r <= 0)
		return r < 0 ? r : refuse(-ENOSYS, "no system calls known for this machine");
	for (size_t i = 0; i < profile->architectures.count; i++) {
		const struct seccomp_architecture *found;
		r = seccomp_architecture_find(profile->architectures.items[i], &found);
		if (r < 0)
			return wrap(r, "architectures[%zu]", i);
		bool listed = r == 0;
		for (size_t l = 0; l < count; l++)
			listed = listed || list[l] == found;
		if (!listed && count < room)
			list[count++] = found;
	}
	*ret_count = count;
	return 0;
}

int seccomp_rules_resolve(
	const struct plan_seccomp *profile, struct arena *arena, struct seccomp_tables *ret_tables)
{
	struct rules *rules = arena_new(arena, struct rules, 1);
	int r = read_rules(profile, arena, rules);
	if (r < 0)
		return r;
	const struct seccomp_architecture *architectures[SECCOMP_TABLES_MAX];
	size_t count;
	r = list_architectures(profile, architectures, array_length(architectures), &count);
	if (r < 0)
		return r;

	struct wishes wishes = look_up(rules, arena);
	struct entries entries = {
		.items = arena_new(arena, struct entry, 2 * wishes.count),
		.spare = arena_new(arena, struct entry, 2 * wishes.count),
	};
	struct seccomp_tables tables = {.foreign = FOREIGN_ACTION};
	bool has_x32 = false;
	for (size_t i = 0; i < count; i++) {
		has_x32 = has_x32 || architectures[i]->first == SECCOMP_X32_FIRST;
		collect_entries(&entries, &wishes, architectures[i]);
		add_architecture(table_for(&tables, architectures[i]->audit_id), rules, &entries,
			architectures[i], arena);
	}
	close_tables(&tables, rules, has_x32);
	for (size_t i = 0; i < rules->count; i++)
		if ((rules->items[i].action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			tables.notifies = true;
	*ret_tables = tables;
	return 0;
}
