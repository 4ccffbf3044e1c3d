// SPDX-License-Identifier: Apache-2.0

/*
 * Our seccomp programs against libseccomp's. Both are made from the same profile
 * (libseccomp is called the way runc and crun call it) and run on every number of
 * every architecture, with arguments around all values that the profile names.
 *
 * The differences that are meant, and allowed here: calls newer than the profile
 * get ENOSYS from us where libseccomp gives the default action, and names that
 * this libseccomp does not know.
 */
#include <seccomp.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scope.h"
#include "plan/oci.h"
#include "seccomp_machine.h"
#include "unit.h"
#include "walls/seccomp.h"
#include "walls/seccomp_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct pair {
	const struct plan_seccomp *profile;
	struct seccomp_program ours;
	void *theirs;
	size_t theirs_length;
	uint32_t default_action;
	bool conflict;        /* libseccomp refuses the profile: two rules differ in action only */
	uint64_t values[128]; /* arguments worth trying */
	size_t value_count;
};

static void pair_fini(struct pair *pair)
{
	seccomp_program_fini(&pair->ours);
	free(pair->theirs);
}

static uint32_t library_action(const char *name, const struct optional_u64 *given)
{
	uint16_t data = (uint16_t)(given->given ? given->value : EPERM);
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{"SCMP_ACT_KILL", SCMP_ACT_KILL},
		{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
		{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
		{"SCMP_ACT_LOG", SCMP_ACT_LOG},
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
		{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	};
	for (size_t i = 0; i < array_length(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return actions[i].action;
	return strcmp(name, "SCMP_ACT_TRACE") == 0 ? SCMP_ACT_TRACE(data) : SCMP_ACT_ERRNO(data);
}

static enum scmp_compare library_operator(const char *name)
{
	static const char *const names[] = {[SCMP_CMP_NE] = "SCMP_CMP_NE",
		[SCMP_CMP_LT] = "SCMP_CMP_LT",
		[SCMP_CMP_LE] = "SCMP_CMP_LE",
		[SCMP_CMP_EQ] = "SCMP_CMP_EQ",
		[SCMP_CMP_GE] = "SCMP_CMP_GE",
		[SCMP_CMP_GT] = "SCMP_CMP_GT",
		[SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ"};
	for (int i = SCMP_CMP_NE; i <= SCMP_CMP_MASKED_EQ; i++)
		if (strcmp(names[i], name) == 0)
			return (enum scmp_compare)i;
	fail_msg("operator %s", name);
	return SCMP_CMP_EQ;
}

/* As runc and crun do it: each condition alone when two look at one argument. */
static int library_add(
	scmp_filter_ctx context, uint32_t action, int number, const struct plan_seccomp_rule *rule)
{
	struct scmp_arg_cmp conditions[16];
	unsigned seen = 0;
	bool repeats = false;
	for (size_t i = 0; i < rule->argument_count; i++) {
		const struct plan_seccomp_argument *argument = &rule->arguments[i];
		conditions[i] = SCMP_CMP64(argument->index, library_operator(argument->operator),
			argument->value, argument->value_two);
		repeats = repeats || (seen & 1u << argument->index);
		seen |= 1u << argument->index;
	}
	if (!repeats)
		return seccomp_rule_add_array(
			context, action, number, (unsigned)rule->argument_count, conditions);
	int r = 0;
	for (size_t i = 0; r == 0 && i < rule->argument_count; i++)
		r = seccomp_rule_add_array(context, action, number, 1, &conditions[i]);
	return r;
}

static void library_compile(const struct plan_seccomp *profile, struct pair *pair)
{
	pair->default_action =
		library_action(profile->default_action, &profile->default_errno_return);
	scmp_filter_ctx context = seccomp_init(pair->default_action);
	assert_non_null(context);
	for (size_t i = 0; i < profile->architectures.count; i++) {
		const char *name = profile->architectures.items[i] + strlen("SCMP_ARCH_");
		char lower[32] = {};
		for (size_t c = 0; name[c]; c++)
			lower[c] = (char)(name[c] | (name[c] >= 'A' && name[c] <= 'Z' ? 32 : 0));
		int r = seccomp_arch_add(context, seccomp_arch_resolve_name(lower));
		assert_true(r == 0 || r == -EEXIST);
	}
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct plan_seccomp_rule *rule = &profile->rules[i];
		uint32_t action = library_action(rule->action, &rule->errno_return);
		if (action == pair->default_action)
			continue;
		for (size_t n = 0; n < rule->names.count; n++) {
			int number = seccomp_syscall_resolve_name(rule->names.items[n]);
			int r = number == __NR_SCMP_ERROR
					? 0
					: library_add(context, action, number, rule);
			if (r == -EEXIST)
				pair->conflict = true;
			else
				assert_int_equal(r, 0);
		}
	}
	int fd = memfd_create("bpf", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(seccomp_export_bpf(context, fd), 0);
	seccomp_release(context);
	pair->theirs_length = (size_t)lseek(fd, 0, SEEK_END);
	pair->theirs = malloc(pair->theirs_length);
	assert_int_equal(pread(fd, pair->theirs, pair->theirs_length, 0), pair->theirs_length);
	close(fd);
}

static void add_value(struct pair *pair, uint64_t value)
{
	for (size_t i = 0; i < pair->value_count; i++)
		if (pair->values[i] == value)
			return;
	if (pair->value_count < array_length(pair->values))
		pair->values[pair->value_count++] = value;
}

static void collect_values(const struct plan_seccomp *profile, struct pair *pair)
{
	add_value(pair, 0);
	add_value(pair, UINT64_MAX);
	for (size_t i = 0; i < profile->rule_count; i++)
		for (size_t a = 0; a < profile->rules[i].argument_count; a++) {
			const struct plan_seccomp_argument *argument =
				&profile->rules[i].arguments[a];
			uint64_t around[] = {argument->value, argument->value_two,
				argument->value & argument->value_two,
				argument->value_two | ~argument->value};
			for (size_t v = 0; v < array_length(around); v++) {
				add_value(pair, around[v]);
				add_value(pair, around[v] - 1);
				add_value(pair, around[v] + 1);
				add_value(pair, around[v] ^ 1ull << 32);
			}
		}
}

static void pair_make(const struct plan_seccomp *profile, struct pair *pair)
{
	*pair = (struct pair){.profile = profile};
	int r = seccomp_compile(profile, &pair->ours);
	if (r < 0)
		fail_msg("%s", error_text());
	assert_true(
		machine_takes(pair->ours.bytes, pair->ours.length / sizeof(struct sock_filter)));
	library_compile(profile, pair);
	collect_values(profile, pair);
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes; repeatable */
	return (uint32_t)((uint64_t)random_state * bound >> 32);
}

/* libseccomp's name of a call, NULL if it has none; the caller frees it. */
static char *library_name(const struct seccomp_data *call)
{
	uint32_t architecture = call->arch == AUDIT_ARCH_I386 ? SCMP_ARCH_X86
				: call->nr & 0x40000000       ? SCMP_ARCH_X32
							      : SCMP_ARCH_X86_64;
	return seccomp_syscall_resolve_num_arch(architecture, call->nr);
}

static bool meant_difference(
	const struct pair *pair, const struct seccomp_data *call, uint32_t ours, uint32_t theirs)
{
	if (theirs != pair->default_action)
		return false;
	char *name = library_name(call);
	bool unknown = !name;
	free(name);
	uint32_t number = (uint32_t)call->nr;
	if (call->arch == AUDIT_ARCH_X86_64)
		number &= ~0x40000000u;
	return (ours == SCMP_ACT_ERRNO(ENOSYS) && number > 423) || (unknown && number >= 335);
}

/* What the profile says about the call on which the two do not agree. */
static void print_rules(const struct pair *pair, const struct seccomp_data *call)
{
	char *name = library_name(call);
	const struct plan_seccomp *profile = pair->profile;
	print_error("%s, default %s\n", name ? name : "?", profile->default_action);
	for (size_t i = 0; i < profile->rule_count; i++)
		for (size_t n = 0; name && n < profile->rules[i].names.count; n++) {
			const struct plan_seccomp_rule *rule = &profile->rules[i];
			if (strcmp(rule->names.items[n], name) != 0)
				continue;
			print_error("  %s", rule->action);
			for (size_t a = 0; a < rule->argument_count; a++)
				print_error(" (%u %s %jx %jx)", rule->arguments[a].index,
					rule->arguments[a].operator,(uintmax_t) rule->arguments[a]
									    .value,
					(uintmax_t)rule->arguments[a].value_two);
			print_error("\n");
		}
	free(name);
}

static void compare_call(const struct pair *pair, const struct seccomp_data *call)
{
	uint32_t ours = machine_run(pair->ours.bytes, call).action;
	uint32_t theirs = machine_run(pair->theirs, call).action;
	if (ours == theirs || meant_difference(pair, call, ours, theirs))
		return;
	print_rules(pair, call);
	fail_msg("arch %#x call %d (%llx %llx %llx %llx %llx %llx): ours %#x, libseccomp's %#x",
		call->arch, call->nr, call->args[0], call->args[1], call->args[2], call->args[3],
		call->args[4], call->args[5], ours, theirs);
}

static void compare(const struct pair *pair, unsigned tries)
{
	static const uint32_t architectures[] = {
		AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0};
	for (size_t a = 0; a < array_length(architectures); a++)
		for (uint32_t i = 0; i < 1300; i++) {
			uint32_t number = i < 600    ? i
					  : i < 1200 ? i - 600 + 0x40000000u
						     : i - 1300; /* -100 … -1 */
			for (unsigned try = 0; try < tries; try++) {
				struct seccomp_data call = {
					.arch = architectures[a], .nr = (int)number};
				for (size_t v = 0; v < 6; v++)
					call.args[v] = pair->values[random_below(
						(uint32_t)pair->value_count)];
				compare_call(pair, &call);
			}
		}
}

static void compare_profile(const char *seccomp_json, unsigned tries)
{
	char *json;
	assert_true(asprintf(&json,
			    "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\"},"
			    "\"linux\":{\"seccomp\":%s}}",
			    seccomp_json) > 0);
	struct plan plan;
	if (plan_read(json, strlen(json), "test", "/", &plan) < 0)
		fail_msg("%s", error_text());
	free(json);
	autofini(pair_fini) struct pair pair;
	pair_make(&plan.seccomp, &pair);
	compare(&pair, tries);
	plan_fini(&plan);
}

#define X86_ALL "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]"

static void test_written_profiles(void **state)
{
	static const char *const profiles[] = {
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_KILL\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38," X86_ALL "}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X32\"],"
		"\"syscalls\":[{\"names\":[\"read\",\"write\",\"exit\"],"
		"\"action\":\"SCMP_ACT_ALLOW\"}]}",
		/* A rule with the default action says nothing, so the second one counts. */
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\"," X86_ALL ",\"syscalls\":["
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		/* Without conditions beats with, whichever comes first. */
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\"," X86_ALL ",\"syscalls\":["
		"{\"names\":[\"open\",\"clone\"],\"action\":\"SCMP_ACT_LOG\",\"args\":["
		"{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_TRAP\"},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_KILL\",\"args\":["
		"{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		/* Two conditions on one argument are alternatives, on two they hold together. */
		"{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"," X86_ALL ",\"syscalls\":["
		"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":0,\"op\":\"SCMP_CMP_EQ\"},"
		"{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"},"
		"{\"index\":1,\"value\":8,\"op\":\"SCMP_CMP_GT\"}]},"
		"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":1,\"value\":8,\"op\":\"SCMP_CMP_LE\"},"
		"{\"index\":2,\"value\":4294967296,\"op\":\"SCMP_CMP_LT\"}]}]}",
		/* socketcall(2) and ipc(2) carry calls on i386. */
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\"," X86_ALL ",\"syscalls\":["
		"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_NE\"}]},"
		"{\"names\":[\"bind\",\"accept\",\"recv\",\"sendmmsg\",\"shmat\",\"semop\","
		"\"semtimedop\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
	};
	for (size_t i = 0; i < array_length(profiles); i++)
		compare_profile(profiles[i], 40);
}

/* One condition of every operator, with values that use both halves. */
static void test_operators(void **state)
{
	static const char *const operators[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
	static const uint64_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x100000001, 0xffffffff00000000, 0xdeadbeefcafe, UINT64_MAX};
	for (size_t o = 0; o < array_length(operators); o++)
		for (size_t v = 0; v < array_length(values); v++) {
			bool masked = strcmp(operators[o], "MASKED_EQ") == 0;
			size_t second = (v * 7 + 3) % array_length(values);
			char *json;
			assert_true(asprintf(&json,
					    "{\"defaultAction\":\"SCMP_ACT_ERRNO\"," X86_ALL
					    ",\"syscalls\":[{\"names\":[\"ioctl\"],\"action\":"
					    "\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":%zu,"
					    "\"value\":%ju,\"valueTwo\":%ju,\"op\":\"SCMP_CMP_%s\"}"
					    "]}]}",
					    v % 6, (uintmax_t)values[v],
					    (uintmax_t)(masked ? values[second] : 0),
					    operators[o]) > 0);
			compare_profile(json, 30);
			free(json);
		}
}

/* ---- profiles by chance --------------------------------------------------- */

static const char *random_action(void)
{
	static const char *const actions[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRAP",
		"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL", "SCMP_ACT_TRACE", "SCMP_ACT_ERRNO"};
	return actions[random_below(array_length(actions))];
}

static char *random_name(struct arena *arena)
{
	for (;;) {
		uint32_t architecture = random_below(2) ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64;
		char *name = seccomp_syscall_resolve_num_arch(architecture, (int)random_below(460));
		char *kept = arena_strdup(arena, name);
		free(name);
		if (kept)
			return kept;
	}
}

static void random_conditions(struct plan_seccomp_rule *rule, struct arena *arena)
{
	static const char *const operators[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",
		"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ"};
	rule->argument_count = 1 + random_below(2);
	rule->arguments = arena_new(arena, struct plan_seccomp_argument, rule->argument_count);
	for (size_t a = 0; a < rule->argument_count; a++) {
		struct plan_seccomp_argument *argument = &rule->arguments[a];
		argument->operator= operators[random_below(array_length(operators))];
		argument->index = 1 + random_below(5); /* 0 is what a carried call is known by */
		argument->value = (uint64_t)random_below(4) << (random_below(2) ? 32 : 0);
		argument->value_two = random_below(4);
		if (strcmp(argument->operator, "SCMP_CMP_MASKED_EQ") == 0)
			argument->value |= 1 + random_below(3);
	}
	/*
	 * Alternatives on one argument are compared for equality only. With the other
	 * operators libseccomp 2.5.4 merges their halves wrongly: "< 0x100000000 or <= 0"
	 * refuses 0xffffffff.
	 */
	if (rule->argument_count == 2 && rule->arguments[0].index == rule->arguments[1].index)
		rule->arguments[0].operator= rule->arguments[1].operator= "SCMP_CMP_EQ";
}

/* Carried or a carrier: such rules meet others for the same number. */
static bool carried(const char *name)
{
	int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name);
	return (number <= -100 && number > -300) || strcmp(name, "socketcall") == 0 ||
	       strcmp(name, "ipc") == 0;
}

static bool has_conditions(const struct plan_seccomp *profile, const char *name)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		for (size_t n = 0; n < profile->rules[i].names.count; n++)
			if (profile->rules[i].argument_count > 0 &&
				strcmp(profile->rules[i].names.items[n], name) == 0)
				return true;
	return false;
}

/* Adds a rule. A call has one conditional rule at most, for the reasons above. */
static void random_rule(struct plan_seccomp *profile, struct arena *arena)
{
	struct plan_seccomp_rule rule = {.action = random_action()};
	bool conditional = random_below(4) == 0;
	rule.names.count = conditional ? 1 : 1 + random_below(40);
	rule.names.items = arena_new(arena, const char *, rule.names.count);
	for (size_t n = 0; n < rule.names.count; n++)
		rule.names.items[n] = random_name(arena);
	const char *first = rule.names.items[0];
	if (conditional && !carried(first) && !has_conditions(profile, first))
		random_conditions(&rule, arena);
	profile->rules[profile->rule_count++] = rule;
}

static void test_random_profiles(void **state)
{
	const char *seed = getenv("RUNG_TEST_SEED"); /* another walk, for a long search */
	random_state = seed ? (uint32_t)strtoul(seed, NULL, 10) : 1;
	static const char *architectures[] = {
		"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", NULL};
	unsigned compared = 0;
	for (unsigned round = 0; round < 150; round++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_seccomp profile = {
			.default_action = random_action(),
			.architectures = {architectures, random_below(4)},
			.rules = arena_new(&arena, struct plan_seccomp_rule, 30),
		};
		for (uint32_t count = random_below(30); count > 0; count--)
			random_rule(&profile, &arena);
		autofini(pair_fini) struct pair pair;
		pair_make(&profile, &pair);
		if (pair.conflict)
			continue;
		compare(&pair, 4);
		compared++;
	}
	assert_in_range(compared, 75, 150);
}

/* rung's own policy for no capabilities, Docker's fourteen, and all. */
static void test_own_policy(void **state)
{
	static const uint64_t sets[] = {0, 0xa80425fb, UINT64_MAX};
	for (size_t i = 0; i < array_length(sets); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_capabilities capabilities = {.given = true, .bounding = sets[i]};
		struct plan_seccomp profile;
		seccomp_policy_for(&capabilities, &arena, &profile);
		autofini(pair_fini) struct pair pair;
		pair_make(&profile, &pair);
		assert_false(pair.conflict);
		compare(&pair, 30);
	}
}

int main(void)
{
	if (seccomp_architectures[0].audit_id != AUDIT_ARCH_X86_64)
		return 77; /* skipped, to Meson: the numbers here are x86-64's */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_profiles),
		cmocka_unit_test(test_operators),
		cmocka_unit_test(test_random_profiles),
		cmocka_unit_test(test_own_policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
