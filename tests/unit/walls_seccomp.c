// SPDX-License-Identifier: Apache-2.0

/*
 * The seccomp wall by itself: words, calls newer than the profile or the library, and
 * what the running kernel does with our programs. What rules mean is held against
 * libseccomp in walls_seccomp_peer.c.
 */

#include "base/arena.h"
#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "seccomp_machine.h"
#include "unit.h"
#include "walls/seccomp.h"
#include "walls/seccomp_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifndef AF_MCTP
#define AF_MCTP 45
#endif

static const char *one_name[] = {NULL, NULL};

/* A profile of one rule for one call. */
static struct plan_seccomp profile_of(struct plan_seccomp_rule *rule, const char *default_action,
	const char *name, const char *action)
{
	one_name[0] = name;
	*rule = (struct plan_seccomp_rule){.names = {one_name, 1}, .action = action};
	return (struct plan_seccomp){
		.default_action = default_action, .rules = rule, .rule_count = 1};
}

static uint32_t ask(const struct seccomp_program *program, uint32_t architecture, int number)
{
	struct seccomp_data call = {.arch = architecture, .nr = number};
	assert_true(machine_takes(program->bytes, program->length / sizeof(struct sock_filter)));
	return machine_run(program->bytes, &call).action;
}

static void test_words(void **state)
{
	struct plan_seccomp_rule rule;
	struct seccomp_program program = {.flags = 77};
	struct plan_seccomp profile = profile_of(&rule, "SCMP_ACT_ERRNO", "read", "SCMP_ACT_ALLOW");

	static const char *flags[] = {"SECCOMP_FILTER_FLAG_NONSENSE", NULL};
	profile.flags = (struct strings){flags, 1};
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	assert_string_equal(
		error_text(), "flags[0]: unknown flag \"SECCOMP_FILTER_FLAG_NONSENSE\"");
	profile.flags = (struct strings){};

	static const char *architectures[] = {"SCMP_ARCH_VAX", NULL};
	profile.architectures = (struct strings){architectures, 1};
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	assert_string_equal(
		error_text(), "architectures[0]: unknown architecture \"SCMP_ARCH_VAX\"");
	profile.architectures = (struct strings){};

	rule.action = "SCMP_ACT_DANCE";
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	assert_string_equal(error_text(), "syscalls[0]: unknown action \"SCMP_ACT_DANCE\"");
	rule.action = "SCMP_ACT_ALLOW";
	rule.errno_return = (struct optional_u64){true, 1}; /* the specification: MUST fail */
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	rule.action = "SCMP_ACT_ERRNO";
	rule.errno_return.value = 4096; /* would look like an address */
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	rule.errno_return = (struct optional_u64){};

	struct plan_seccomp_argument argument = {.index = 6, .operator= "SCMP_CMP_EQ" };
	rule.arguments = &argument;
	rule.argument_count = 1;
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	argument = (struct plan_seccomp_argument){.operator= "SCMP_CMP_ABOUT" };
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	assert_string_equal(
		error_text(), "syscalls[0]: args[0].op: unknown operator \"SCMP_CMP_ABOUT\"");

	profile.default_action = "SCMP_ACT_NOTIFY";
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	profile.default_action = NULL;
	assert_int_equal(seccomp_compile(&profile, &program), -EINVAL);
	assert_int_equal(program.flags, 77); /* untouched */
	assert_null(program.bytes);
}

static void test_flags(void **state)
{
	struct plan_seccomp_rule rule;
	struct plan_seccomp profile =
		profile_of(&rule, "SCMP_ACT_ALLOW", "mkdir", "SCMP_ACT_NOTIFY");
	autofini(seccomp_program_fini) struct seccomp_program program = {};
	assert_int_equal(seccomp_compile(&profile, &program), 0);
	assert_true(program.notifies);
	assert_int_equal(program.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	seccomp_program_fini(&program);

	static const char *flags[] = {"SECCOMP_FILTER_FLAG_TSYNC",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG", NULL};
	profile.flags = (struct strings){flags, 3};
	if (!seccomp_flag_supported(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV))
		skip(); /* before Linux 5.19 */
	assert_int_equal(seccomp_compile(&profile, &program), 0);
	assert_int_equal(program.flags,
		SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
			SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_LOG);
	seccomp_program_fini(&program);

	rule.action = "SCMP_ACT_LOG"; /* nobody is notified, and the kernel would refuse the flag */
	profile.flags.count = 2;
	assert_int_equal(seccomp_compile(&profile, &program), 0);
	assert_false(program.notifies);
	assert_int_equal(program.flags, SECCOMP_FILTER_FLAG_TSYNC);
	profile.flags.count = 0; /* given and empty */
	seccomp_program_fini(&program);
	assert_int_equal(seccomp_compile(&profile, &program), 0);
	assert_int_equal(program.flags, 0);

	assert_false(seccomp_flag_supported(1u << 30));
}

/* Calls that libseccomp 2.5.4 has never heard of. */
static void test_newer_calls(void **state)
{
	static const struct {
		const char *name;
		int number;
	} calls[] = {{"cachestat", 451}, {"futex_requeue", 456}, {"statmount", 457}, {"mseal", 462},
		{"removexattrat", 466}, {"open_tree_attr", 467}, {"file_setattr", 469},
		{"listns", 470}};
	for (size_t i = 0; i < array_length(calls); i++) {
		struct plan_seccomp_rule rule;
		struct plan_seccomp profile =
			profile_of(&rule, "SCMP_ACT_ERRNO", calls[i].name, "SCMP_ACT_ALLOW");
		static const char *architectures[] = {
			"SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", NULL};
		profile.architectures = (struct strings){architectures, 3};
		autofini(seccomp_program_fini) struct seccomp_program program = {};
		assert_int_equal(seccomp_compile(&profile, &program), 0);
		static const struct {
			uint32_t id;
			int first;
		} tables[] = {{AUDIT_ARCH_X86_64, 0}, {AUDIT_ARCH_I386, 0},
			{AUDIT_ARCH_X86_64, 0x40000000}};
		for (size_t t = 0; t < array_length(tables); t++) {
			int number = tables[t].first + calls[i].number;
			assert_int_equal(ask(&program, tables[t].id, number), SECCOMP_RET_ALLOW);
			/* One more is newer than the profile; one less is not. */
			assert_int_equal(ask(&program, tables[t].id, number + 1),
				SECCOMP_RET_ERRNO | ENOSYS);
			assert_int_equal(
				ask(&program, tables[t].id, number - 1), SECCOMP_RET_ERRNO | EPERM);
		}
		/* What a tracer skips a call with is no call. */
		assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, -1), SECCOMP_RET_ERRNO | EPERM);
		assert_int_equal(ask(&program, AUDIT_ARCH_I386, -1), SECCOMP_RET_ERRNO | EPERM);
		assert_int_equal(ask(&program, AUDIT_ARCH_AARCH64, 0), SECCOMP_RET_KILL_THREAD);
	}
}

static void test_enosys(void **state)
{
	static const struct {
		const char *default_action;
		uint32_t old, unknown;
	} cases[] = {
		{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | ENOSYS},
		{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO | ENOSYS},
		{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO | ENOSYS},
		{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
		{"SCMP_ACT_LOG", SECCOMP_RET_LOG, SECCOMP_RET_LOG},
		{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM, SECCOMP_RET_TRACE | EPERM},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		struct plan_seccomp_rule rule;
		struct plan_seccomp profile = profile_of(
			&rule, cases[i].default_action, "no_such_call_anywhere", "SCMP_ACT_TRAP");
		autofini(seccomp_program_fini) struct seccomp_program program = {};
		assert_int_equal(seccomp_compile(&profile, &program), 0);
		/* Nothing is named, so all calls before 5.1 count as known. */
		assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 0), cases[i].old);
		assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 334), cases[i].old);
		assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 424), cases[i].unknown);
		assert_int_equal(ask(&program, AUDIT_ARCH_X86_64, 9999), cases[i].unknown);
	}
}

/* More branches than a program may have instructions; and as many as it can just hold. */
static void test_size(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_seccomp_rule rule;
	struct plan_seccomp profile =
		profile_of(&rule, "SCMP_ACT_ERRNO", "ioctl", "SCMP_ACT_ALLOW");
	rule.arguments = arena_new(&arena, struct plan_seccomp_argument, 2000);
	for (size_t i = 0; i < 2000; i++)
		rule.arguments[i] = (struct plan_seccomp_argument){
			.index = 1, .value = i * 3, .operator= "SCMP_CMP_EQ" };
	autofini(seccomp_program_fini) struct seccomp_program program = {};
	rule.argument_count = 2000;
	assert_int_equal(seccomp_compile(&profile, &program), -E2BIG);
	assert_null(program.bytes);

	rule.argument_count = 900; /* far jumps need stepping stones */
	assert_int_equal(seccomp_compile(&profile, &program), 0);
	assert_true(machine_takes(program.bytes, program.length / sizeof(struct sock_filter)));
	for (uint64_t value = 0; value < 2800; value++) {
		struct seccomp_data call = {
			.arch = AUDIT_ARCH_X86_64, .nr = 16, .args = {0, value}};
		uint32_t wanted = value % 3 == 0 && value < 2700 ? SECCOMP_RET_ALLOW
								 : SECCOMP_RET_ERRNO | EPERM;
		assert_int_equal(machine_run(program.bytes, &call).action, wanted);
		call.args[1] |= 1ull << 40;
		assert_int_equal(
			machine_run(program.bytes, &call).action, SECCOMP_RET_ERRNO | EPERM);
	}
}

/* ---- in the running kernel ------------------------------------------------- */

static void install(const struct seccomp_program *program)
{
	struct sock_fprog filter = {
		(unsigned short)(program->length / sizeof(struct sock_filter)), program->bytes};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		kernel_seccomp(SECCOMP_SET_MODE_FILTER, program->flags, &filter) < 0)
		_exit(99);
}

/* Runs body under the program in a child; its exit status, or 128 + signal. */
static int under(const struct seccomp_program *program, int (*body)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		(void)signal(SIGSYS, SIG_DFL); /* cmocka catches it */
		install(program);
		_exit(body());
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int make_directory(void)
{
	return mkdir("/nonexistent/x", 0700) < 0 ? errno : 0;
}

static void test_actions_in_kernel(void **state)
{
	static const struct {
		const char *action;
		uint64_t errno_return;
		int wanted;
	} cases[] = {
		{"SCMP_ACT_ERRNO", 0, EPERM},
		{"SCMP_ACT_ERRNO", EXDEV, EXDEV},
		{"SCMP_ACT_KILL", 0, 128 + SIGSYS},
		{"SCMP_ACT_KILL_PROCESS", 0, 128 + SIGSYS},
		{"SCMP_ACT_TRAP", 0, 128 + SIGSYS},
		{"SCMP_ACT_TRACE", 0, ENOSYS}, /* nobody traces */
		{"SCMP_ACT_LOG", 0, ENOENT},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		struct plan_seccomp_rule rule;
		struct plan_seccomp profile =
			profile_of(&rule, "SCMP_ACT_ALLOW", "mkdir", cases[i].action);
		rule.errno_return =
			(struct optional_u64){cases[i].errno_return != 0, cases[i].errno_return};
		autofini(seccomp_program_fini) struct seccomp_program program = {};
		assert_int_equal(seccomp_compile(&profile, &program), 0);
		assert_int_equal(under(&program, make_directory), cases[i].wanted);
	}
}

/* What the default policy says; a number of the first that is wrong. */
static int try_default(void)
{
	if (syscall(9999) != -1 || errno != ENOSYS)
		return 1;
	if (unshare(CLONE_NEWUSER) != -1 || errno != EPERM)
		return 2;
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	if (syscall(SYS_clone3, &arguments, sizeof(arguments)) != -1 || errno != ENOSYS)
		return 3;
	if (syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0) != -1 || errno != EPERM)
		return 4;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return 5;
	for (int family = 38; family <= 40; family += 2)
		if (socket(family, SOCK_STREAM, 0) != -1 || errno != EPERM)
			return 6;
	/* The kernel looks at 32 bits of the family, so the filter must not be fooled by more. */
	if (syscall(SYS_socket, 1ul << 32 | 38, SOCK_SEQPACKET, 0) != -1 || errno != EPERM)
		return 7;
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		return 8;
	if (socket(AF_MCTP, SOCK_DGRAM, 0) == -1 && errno == EPERM)
		return 9;
	if (syscall(SYS_keyctl, 0, 0, 0, 0, 0) != -1 || errno != EPERM)
		return 10;
	if (personality(0xffffffff) == -1 || personality(ADDR_NO_RANDOMIZE) == -1)
		return 11;
	if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != EPERM)
		return 12;
	return 0;
}

static int try_administrator(void)
{
	/* Past the filter, the kernel itself decides; in a user namespace of our own it allows. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	return 0;
}

static void test_default_in_kernel(void **state)
{
	autofini(seccomp_program_fini) struct seccomp_program program = {};
	struct plan_capabilities none = {.given = true};
	assert_int_equal(seccomp_default(&none, &program), 0);
	assert_int_equal(under(&program, try_default), 0);
	assert_int_equal(under(&program, try_administrator), EPERM);
	seccomp_program_fini(&program);

	struct plan_capabilities unsaid = {.bounding = UINT64_MAX}; /* not given: nothing is held */
	assert_int_equal(seccomp_default(&unsaid, &program), 0);
	assert_int_equal(under(&program, try_default), 0);
	seccomp_program_fini(&program);

	struct plan_capabilities all = {.given = true, .bounding = UINT64_MAX};
	assert_int_equal(seccomp_default(&all, &program), 0);
	assert_int_not_equal(under(&program, try_default), 0);
}

static int run_shell(void)
{
	execl("/bin/sh", "sh", "-c",
		"set -e; d=$(mktemp -d); cd $d; echo x >a; cp -a a b; ln -s a c; ls -la "
		">/dev/null; "
		"(sleep 0 & wait); tar cf t a b; find . | sort | xargs stat >/dev/null; date "
		">/dev/null; "
		"cd /; rm -r $d",
		(char *)NULL);
	return 98;
}

static void test_programs_under_default(void **state)
{
	autofini(seccomp_program_fini) struct seccomp_program program = {};
	struct plan_capabilities none = {.given = true};
	assert_int_equal(seccomp_default(&none, &program), 0);
	assert_int_equal(under(&program, run_shell), 0);
}

int main(void)
{
	if (seccomp_architectures[0].audit_id != AUDIT_ARCH_X86_64)
		return 77; /* skipped, to Meson: the numbers here are x86-64's */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_newer_calls),
		cmocka_unit_test(test_enosys),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_actions_in_kernel),
		cmocka_unit_test(test_default_in_kernel),
		cmocka_unit_test(test_programs_under_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
