// SPDX-License-Identifier: Apache-2.0

/* Seccomp profiles with conditions: what must not be allowed because a condition was overlooked. */

#include "unit.h"

#include "base/error.h"
#include "base/text.h"
#include "plan/oci.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/utsname.h>

static int read_rule(const char *rule, uint64_t capabilities, struct arena *arena,
	struct plan_seccomp *ret_seccomp)
{
	struct plan_capabilities sets = {.given = true, .bounding = capabilities};
	const char *json = arena_format(arena,
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"mount\"],"
		"\"action\":\"SCMP_ACT_ALLOW\"%s}]}",
		rule);
	return plan_read_seccomp(json, strlen(json), "p.json", &sets, arena, ret_seccomp);
}

static void a_rule_counts_when_its_conditions_hold(void **state)
{
	const uint64_t admin = 1ULL << CAP_SYS_ADMIN, kill = 1ULL << CAP_KILL;
	const struct {
		const char *rule;
		uint64_t capabilities;
		size_t rules;
	} cases[] = {
		{"", 0, 1},
		{",\"includes\":{},\"excludes\":{}", 0, 1},
		{",\"includes\":null,\"excludes\":null", 0, 1},
		{",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", 0, 0},
		{",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", admin, 1},
		{",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_KILL\"]}", admin, 0},
		{",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_KILL\"]}", admin | kill, 1},
		{",\"includes\":{\"caps\":[\"CAP_FLY\"]}", ~0ULL, 0},
		{",\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", 0, 1},
		{",\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_KILL\"]}", admin, 0},
		{",\"excludes\":{\"caps\":[\"CAP_FLY\"]}", ~0ULL, 1},
		{",\"includes\":{\"arches\":[\"pdp11\"]}", 0, 0},
		{",\"includes\":{\"arches\":[\"amd64\",\"arm64\",\"riscv64\",\"ppc64le\",\"s390x\"]"
		 "}",
			0, 1},
		{",\"excludes\":{\"arches\":[\"amd64\",\"arm64\",\"riscv64\",\"ppc64le\",\"s390x\"]"
		 "}",
			0, 0},
		{",\"excludes\":{\"arches\":[\"pdp11\"]}", 0, 1},
		{",\"includes\":{\"minKernel\":\"4.8\"}", 0, 1},
		{",\"includes\":{\"minKernel\":\"999.0\"}", 0, 0},
		{",\"excludes\":{\"minKernel\":\"4.8\"}", 0, 0},
		{",\"excludes\":{\"minKernel\":\"999.0\"}", 0, 1},
		{",\"includes\":{\"caps\":[\"CAP_KILL\"]},\"excludes\":{\"caps\":[\"CAP_SYS_"
		 "ADMIN\"]}",
			admin | kill, 0},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_seccomp seccomp = {};
		int r = read_rule(cases[i].rule, cases[i].capabilities, &arena, &seccomp);
		if (r < 0 || seccomp.rule_count != cases[i].rules)
			print_error("%s: %d, %zu rules, %s\n", cases[i].rule, r, seccomp.rule_count,
				error_text());
		assert_int_equal(r, 0);
		assert_int_equal(seccomp.rule_count, cases[i].rules);
	}
}

static void what_is_not_understood_is_refused(void **state)
{
	static const struct {
		const char *rule, *message;
	} cases[] = {
		{",\"includes\":{\"capz\":[\"CAP_KILL\"]}",
			"p.json: syscalls[0].includes.capz: unknown condition"},
		{",\"excludes\":{\"minKernel\":\"new\"}", "p.json: syscalls[0].excludes.minKernel: "
							  "\"new\" is not a version like 4.8"},
		{",\"includes\":{\"caps\":\"CAP_KILL\"}",
			"p.json: syscalls[0].includes.caps: expected an array, found a string"},
		{",\"errno\":\"EWHAT\"", "p.json: syscalls: unknown error \"EWHAT\""},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan_seccomp seccomp;
		assert_int_equal(read_rule(cases[i].rule, 0, &arena, &seccomp), -EINVAL);
		assert_string_equal(error_text(), cases[i].message);
	}
}

static void errors_may_have_names(void **state)
{
	static const char json[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"ENOSYS\",\"syscalls\":["
		"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ERRNO\",\"errno\":\"EACCES\"},"
		"{\"names\":[\"b\"],\"action\":\"SCMP_ACT_ERRNO\",\"errno\":\"EPERM\",\"errnoRet\":"
		"5}]}";
	autofini(arena_fini) struct arena arena = {};
	struct plan_capabilities none = {};
	struct plan_seccomp seccomp;
	int r = plan_read_seccomp(json, strlen(json), "p.json", &none, &arena, &seccomp);
	assert_int_equal(r, 0);
	assert_int_equal(seccomp.default_errno_return.value, ENOSYS);
	assert_int_equal(seccomp.rules[0].errno_return.value, EACCES);
	assert_int_equal(seccomp.rules[1].errno_return.value, 5);
}

static void the_machine_brings_its_relatives(void **state)
{
	static const char json[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":["
		"{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]},"
		"{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]}]"
		"}";
	struct utsname system;
	assert_int_equal(uname(&system), 0);
	bool intel = text_equal(system.machine, "x86_64");
	if (!intel && !text_equal(system.machine, "aarch64")) {
		print_message("skipped: neither x86_64 nor aarch64\n");
		skip();
	}
	autofini(arena_fini) struct arena arena = {};
	struct plan_capabilities none = {};
	struct plan_seccomp seccomp;
	int r = plan_read_seccomp(json, strlen(json), "p.json", &none, &arena, &seccomp);
	assert_int_equal(r, 0);
	assert_int_equal(seccomp.architectures.count, 2);
	assert_string_equal(
		seccomp.architectures.items[0], intel ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64");
	assert_string_equal(
		seccomp.architectures.items[1], intel ? "SCMP_ARCH_X86" : "SCMP_ARCH_ARM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_counts_when_its_conditions_hold),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(errors_may_have_names),
		cmocka_unit_test(the_machine_brings_its_relatives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
