// SPDX-License-Identifier: Apache-2.0

/*
 * Seccomp profiles by chance. The bytes choose words for a profile; the program that
 * is made of it must be one that the kernel takes, and must answer every call as a
 * plain reading of the profile does, which is written out below a second time, call
 * by call, without numbers in order, spans or jumps.
 */

#include "base/arena.h"
#include "base/scope.h"
#include "seccomp_machine.h"
#include "walls/seccomp.h"
#include "walls/seccomp_parts.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>

struct bytes {
	const uint8_t *next, *end;
};

static unsigned take_byte(struct bytes *bytes)
{
	return bytes->next < bytes->end ? *bytes->next++ : 0;
}

static const char *const names[] = {"read", "write", "open", "close", "stat", "socket", "bind",
	"accept", "recv", "socketcall", "ipc", "shmat", "semop", "semtimedop", "clone", "clone3",
	"ioctl", "personality", "chown32", "arch_prctl", "io_uring_setup", "close_range",
	"fchmodat2", "futex_requeue", "statmount", "mseal", "listns", "uretprobe", "mmap2",
	"set_tls", "no_such_call", ""};

static const uint64_t values[] = {0, 1, 2, 7, 8, 255, 0x7fffffff, 0x80000000, 0xffffffff,
	0x100000000, 0x100000001, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff00000000,
	UINT64_MAX - 1, UINT64_MAX};

static void choose_rule(struct bytes *bytes, struct arena *arena, struct plan_seccomp_rule *rule)
{
	rule->action = seccomp_action_names[take_byte(bytes) % 9];
	if (text_equal(rule->action, "SCMP_ACT_ERRNO"))
		rule->errno_return = (struct optional_u64){true, take_byte(bytes) % 3};
	rule->names.count = 1 + take_byte(bytes) % 4;
	rule->names.items = arena_new(arena, const char *, rule->names.count);
	for (size_t i = 0; i < rule->names.count; i++)
		rule->names.items[i] = names[take_byte(bytes) % array_length(names)];
	rule->argument_count = take_byte(bytes) % 4;
	rule->arguments = arena_new(arena, struct plan_seccomp_argument, rule->argument_count);
	for (size_t i = 0; i < rule->argument_count; i++)
		rule->arguments[i] = (struct plan_seccomp_argument){
			.index = take_byte(bytes) % 6,
			.operator= seccomp_operator_names[take_byte(bytes) % 7],
			.value = values[take_byte(bytes) % array_length(values)],
			.value_two = values[take_byte(bytes) % array_length(values)],
		};
}

static struct plan_seccomp choose_profile(struct bytes *bytes, struct arena *arena)
{
	static const char *architectures[] = {
		"SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", NULL};
	struct plan_seccomp profile = {
		.default_action = seccomp_action_names[take_byte(bytes) % 9],
		.architectures = {architectures, take_byte(bytes) % 4},
		.rule_count = take_byte(bytes) % 24,
	};
	profile.rules = arena_new(arena, struct plan_seccomp_rule, profile.rule_count);
	for (size_t i = 0; i < profile.rule_count; i++)
		choose_rule(bytes, arena, &profile.rules[i]);
	return profile;
}

/* ---- the plain reading -------------------------------------------------------- */

static bool holds(
	const struct plan_seccomp_argument *argument, const uint64_t *arguments, bool narrow)
{
	uint64_t mask = narrow ? UINT32_MAX : UINT64_MAX;
	uint64_t given = arguments[argument->index] & mask, value = argument->value & mask;
	const char *operator= argument->operator+ strlen("SCMP_CMP_");
	if (text_equal(operator, "MASKED_EQ"))
		return (given & value) == (argument->value_two & value);
	return text_equal(operator, "EQ")   ? given == value
	       : text_equal(operator, "NE") ? given != value
	       : text_equal(operator, "LT") ? given < value
	       : text_equal(operator, "LE") ? given <= value
	       : text_equal(operator, "GT") ? given > value
					    : given >= value;
}

static bool always(const struct plan_seccomp_argument *argument)
{
	return text_equal(argument->operator, "SCMP_CMP_MASKED_EQ") && argument->value == 0;
}

/* Whether two of its conditions look at one argument: then each is a rule of its own. */
static bool repeats(const struct plan_seccomp_rule *rule)
{
	for (size_t a = 0; a < rule->argument_count; a++)
		for (size_t b = 0; b < a; b++)
			if (rule->arguments[a].index == rule->arguments[b].index)
				return true;
	return false;
}

static bool unconditional(const struct plan_seccomp_rule *rule)
{
	size_t count = 0;
	for (size_t i = 0; i < rule->argument_count; i++)
		count += always(&rule->arguments[i]);
	return count == rule->argument_count || (repeats(rule) && count > 0);
}

static bool rule_holds(const struct plan_seccomp_rule *rule, const uint64_t *arguments, bool narrow)
{
	if (unconditional(rule))
		return true;
	bool any = false, all = true;
	for (size_t i = 0; i < rule->argument_count; i++) {
		bool one = holds(&rule->arguments[i], arguments, narrow);
		any = any || one;
		all = all && one;
	}
	return repeats(rule) ? any : all;
}

static uint32_t action_of(const char *name, const struct optional_u64 *errno_return)
{
	uint32_t action = 0;
	if (seccomp_action_parse(name, errno_return, &action) < 0)
		abort();
	return action;
}

/* What rule says of the call under this name: 1 in *ret_wins if nothing can overrule it. */
static bool speaks(const struct plan_seccomp_rule *rule, const struct seccomp_call *call,
	const struct seccomp_architecture *architecture, const struct seccomp_data *data,
	bool *ret_wins)
{
	uint32_t number = (uint32_t)data->nr;
	*ret_wins = false;
	if (call->numbers[architecture->column] == (int32_t)number &&
		rule_holds(rule, (const uint64_t *)data->args, architecture->narrow)) {
		*ret_wins = unconditional(rule);
		return true;
	}
	int32_t carrier = architecture->carriers[call->carrier];
	return call->carrier && carrier == (int32_t)number &&
	       (uint32_t)data->args[0] == call->carried_as;
}

static uint32_t plain_answer(const struct plan_seccomp *profile,
	const struct seccomp_architecture *architecture, const struct seccomp_data *data)
{
	uint32_t otherwise = action_of(profile->default_action, &profile->default_errno_return);
	if (!architecture)
		return SECCOMP_RET_KILL_THREAD;
	if (data->nr == -1)
		return otherwise;
	uint32_t newest = architecture->common_base + 423, answer = otherwise;
	bool answered = false;
	for (size_t i = 0; i < profile->rule_count; i++)
		for (size_t n = 0; n < profile->rules[i].names.count; n++) {
			const struct plan_seccomp_rule *rule = &profile->rules[i];
			const struct seccomp_call *call = seccomp_call_find(rule->names.items[n]);
			if (!call)
				continue;
			int32_t number = call->numbers[architecture->column];
			if (number >= 0 && (uint32_t)number > newest)
				newest = (uint32_t)number;
			uint32_t action = action_of(rule->action, &rule->errno_return);
			bool wins;
			if (action == otherwise || !speaks(rule, call, architecture, data, &wins))
				continue;
			if (wins)
				return action;
			if (!answered)
				answer = action;
			answered = true;
		}
	uint32_t kind = otherwise & SECCOMP_RET_ACTION_FULL;
	if (!answered && (uint32_t)data->nr > newest && kind != SECCOMP_RET_ALLOW &&
		kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE)
		return SECCOMP_RET_ERRNO | ENOSYS;
	return answer;
}

/* NULL: foreign to the profile. */
static const struct seccomp_architecture *architecture_of(
	const struct plan_seccomp *profile, const struct seccomp_data *data)
{
	for (size_t i = 0; i < seccomp_architecture_count; i++) {
		const struct seccomp_architecture *one = &seccomp_architectures[i];
		bool listed = i == 0;
		for (size_t a = 0; a < profile->architectures.count; a++)
			listed = listed || text_equal(profile->architectures.items[a], one->name);
		bool x32 = data->arch == AUDIT_ARCH_X86_64 && data->nr != -1 &&
			   (uint32_t)data->nr >= SECCOMP_X32_FIRST;
		if (one->audit_id == data->arch && x32 == (one->first == SECCOMP_X32_FIRST))
			return listed ? one : NULL;
	}
	return NULL;
}

static void ask(const struct plan_seccomp *profile, const struct seccomp_program *program,
	const struct seccomp_data *data)
{
	uint32_t answer = machine_run(program->bytes, data).action;
	if (answer != plain_answer(profile, architecture_of(profile, data), data))
		abort();
}

/* One number on one architecture with every value in every argument, mixed by stride. */
static void ask_number(const struct plan_seccomp *profile, const struct seccomp_program *program,
	uint32_t architecture, int32_t number, unsigned stride)
{
	for (size_t turn = 0; turn < array_length(values); turn++) {
		struct seccomp_data data = {.nr = number, .arch = architecture};
		for (size_t v = 0; v < 6; v++)
			data.args[v] = values[(turn + v * stride) % array_length(values)];
		if (turn < 8) /* the low half is also what a carried call is known by */
			data.args[0] = (turn * stride) % 32;
		ask(profile, program, &data);
	}
}

/* The calls that are named, their neighbours and carriers, and the ends of each line of numbers. */
static void ask_all(const struct plan_seccomp *profile, const struct seccomp_program *program,
	struct bytes *bytes)
{
	static const int32_t corners[] = {
		0, 102, 117, 423, 424, 999, 0x3fffffff, 0x40000000, INT32_MAX, INT32_MIN, -2, -1};
	unsigned stride = take_byte(bytes);
	for (size_t i = 0; i < array_length(corners); i++) {
		ask_number(profile, program, AUDIT_ARCH_X86_64, corners[i], stride);
		ask_number(profile, program, AUDIT_ARCH_I386, corners[i], stride);
		ask_number(profile, program, AUDIT_ARCH_AARCH64, corners[i], stride);
	}
	for (size_t i = 0; i < profile->rule_count; i++)
		for (size_t n = 0; n < profile->rules[i].names.count; n++) {
			const struct seccomp_call *call =
				seccomp_call_find(profile->rules[i].names.items[n]);
			for (size_t a = 0; call && a < seccomp_architecture_count; a++)
				for (int step = -1; step <= 1; step++)
					ask_number(profile, program,
						seccomp_architectures[a].audit_id,
						call->numbers[a] + step, stride);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(arena_fini) struct arena arena = {};
	struct bytes bytes = {data, data + size};
	struct plan_seccomp profile = choose_profile(&bytes, &arena);
	autofini(seccomp_program_fini) struct seccomp_program program = {};
	if (seccomp_compile(&profile, &program) < 0)
		return 0; /* SCMP_ACT_NOTIFY as the default */
	if (!machine_takes(program.bytes, program.length / sizeof(struct sock_filter)))
		abort();
	ask_all(&profile, &program, &bytes);
	return 0;
}
