// SPDX-License-Identifier: Apache-2.0

/*
 * The device program against what the rules mean: a small BPF machine runs it on
 * every kind of request, a plain loop over the rules says what should come out. The
 * kernel's verifier has a word too, where bpf(2) is allowed.
 */
#include "unit.h"

#include "base/kernel.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ = BPF_DEVCG_ACC_READ, WRITE = BPF_DEVCG_ACC_WRITE, MKNOD = BPF_DEVCG_ACC_MKNOD };

struct request {
	uint32_t access_type, major, minor;
};

static uint64_t load(const struct request *request, int offset)
{
	switch (offset) {
	case 0:
		return request->access_type;
	case 4:
		return request->major;
	case 8:
		return request->minor;
	default:
		fail_msg("load at %d", offset);
		return 0;
	}
}

/* Knows the instructions the program may use; anything else fails the test. */
static int run(const struct bpf_insn *code, size_t count, const struct request *request)
{
	uint64_t r[11] = {};
	bool known[11] = {[1] = true};
	for (size_t at = 0; at < count; at++) {
		const struct bpf_insn *one = &code[at];
		assert_in_range(one->dst_reg, 0, 10);
		switch (one->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(one->src_reg, 1);
			r[one->dst_reg] = load(request, one->off);
			known[one->dst_reg] = true;
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			r[one->dst_reg] = (uint32_t)one->imm;
			known[one->dst_reg] = true;
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			assert_true(known[one->src_reg]);
			r[one->dst_reg] = (uint32_t)r[one->src_reg];
			known[one->dst_reg] = true;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			assert_true(known[one->dst_reg]);
			r[one->dst_reg] = (uint32_t)r[one->dst_reg] & (uint32_t)one->imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			assert_true(known[one->dst_reg]);
			r[one->dst_reg] = (uint32_t)r[one->dst_reg] >> one->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
		case BPF_JMP | BPF_JEQ | BPF_K: {
			assert_true(known[one->dst_reg]);
			assert_true(one->off >= 0 && at + (size_t)one->off + 1 < count);
			bool equal = r[one->dst_reg] == (uint64_t)(int64_t)one->imm;
			bool jumps = (one->code & 0xf0) == BPF_JEQ ? equal : !equal;
			at += jumps ? (size_t)one->off : 0;
			break;
		}
		case BPF_JMP | BPF_EXIT:
			assert_true(known[0]);
			return (int)r[0];
		default:
			fail_msg("instruction %zu has code 0x%x", at, one->code);
		}
	}
	fail_msg("ran off the end");
	return -1;
}

static uint32_t bits_of(const struct plan_device_rule *rule)
{
	if (rule->type == 'a' && !rule->read && !rule->write && !rule->mknod)
		return READ | WRITE | MKNOD;
	return (rule->read ? READ : 0U) | (rule->write ? WRITE : 0U) | (rule->mknod ? MKNOD : 0U);
}

static bool matches(const struct plan_device_rule *rule, const struct request *request)
{
	uint32_t type = request->access_type & 0xffff;
	if (rule->type != 'a' &&
		type != (rule->type == 'b' ? (uint32_t)BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR))
		return false;
	return (rule->major < 0 || rule->major == request->major) &&
	       (rule->minor < 0 || rule->minor == request->minor);
}

/* One bit of access: the last word on it, first the defaults, then the rules. 1, 0, -1 none. */
static int last_word(const struct plan_device_rule *rules, size_t count,
	const struct request *request, uint32_t bit)
{
	for (size_t i = count; i > 0; i--)
		if (bits_of(&rules[i - 1]) & bit && matches(&rules[i - 1], request))
			return rules[i - 1].allow;
	return -1;
}

static int expected(
	const struct plan_device_rule *rules, size_t count, const struct request *request)
{
	bool list_of_allowed = count > 0 && rules[0].type == 'a' && rules[0].major < 0 &&
			       rules[0].minor < 0 && bits_of(&rules[0]) == (READ | WRITE | MKNOD);
	for (size_t i = 0; i < count; i++)
		list_of_allowed |= rules[i].allow;
	for (uint32_t bit = 1; bit <= 4; bit <<= 1) {
		if (!(request->access_type >> 16 & bit))
			continue;
		int word = last_word(
			cgroup_default_devices, cgroup_default_device_count, request, bit);
		if (word < 0)
			word = last_word(rules, count, request, bit);
		if (word < 0)
			word = !list_of_allowed;
		if (!word)
			return 0;
	}
	return 1;
}

static void compare(const struct plan_device_rule *rules, size_t count)
{
	static const uint32_t majors[] = {0, 1, 5, 8, 10, 136, 137, 259, 1048575};
	static const uint32_t minors[] = {0, 1, 2, 3, 5, 8, 200, 229, 1048575};
	autofini(arena_fini) struct arena arena = {};
	struct bpf_insn *code;
	size_t length;
	cgroup_device_program(rules, count, &arena, &code, &length);
	for (uint32_t access = 1; access < 8; access++)
		for (size_t a = 0; a < array_length(majors); a++)
			for (size_t i = 0; i < array_length(minors); i++)
				for (uint32_t type = BPF_DEVCG_DEV_BLOCK;
					type <= BPF_DEVCG_DEV_CHAR; type++) {
					struct request request = {
						access << 16 | type, majors[a], minors[i]};
					int got = run(code, length, &request);
					if (got != expected(rules, count, &request))
						fail_msg("%zu rules: %c %u:%u access %u gives %d",
							count,
							type == BPF_DEVCG_DEV_BLOCK ? 'b' : 'c',
							majors[a], minors[i], access, got);
				}
}

static void known_lists(void **state)
{
	const struct plan_device_rule docker[] = {
		{false, 'a', -1, -1, true, true, true},
		{true, 'c', 10, 229, true, true, true},
		{true, 'b', 8, -1, true, false, false},
		{false, 'c', 5, 1, false, true, false},
	};
	for (size_t n = 0; n <= array_length(docker); n++)
		compare(docker, n);
	const struct plan_device_rule all[] = {{true, 'a', -1, -1, true, true, true}};
	compare(all, 1);
	const struct plan_device_rule denied[] = {{false, 'b', 8, 1, false, true, false}};
	compare(denied, 1);
}

/* "allow rwm, then deny w": asking for both at once must not slip through. */
static void partial_denial(void **state)
{
	const struct plan_device_rule rules[] = {
		{false, 'a', -1, -1, true, true, true},
		{true, 'c', 10, 229, true, true, true},
		{false, 'c', 10, 229, false, true, false},
	};
	autofini(arena_fini) struct arena arena = {};
	struct bpf_insn *code;
	size_t length;
	cgroup_device_program(rules, 3, &arena, &code, &length);
	struct request both = {(READ | WRITE) << 16 | BPF_DEVCG_DEV_CHAR, 10, 229};
	struct request reading = {READ << 16 | BPF_DEVCG_DEV_CHAR, 10, 229};
	assert_int_equal(run(code, length, &both), 0);
	assert_int_equal(run(code, length, &reading), 1);
}

static int64_t pick(const int64_t *values, size_t count)
{
	return values[(size_t)rand() % count];
}

static void random_lists(void **state)
{
	static const int64_t majors[] = {-1, 0, 1, 5, 8, 10, 136, 259, 1048575, 1LL << 40};
	static const int64_t minors[] = {-1, 0, 1, 3, 8, 200, 229, 1048575, 1LL << 33};
	srand(4711);
	for (int round = 0; round < 400; round++) {
		struct plan_device_rule rules[12];
		size_t count = (size_t)rand() % array_length(rules);
		for (size_t i = 0; i < count; i++)
			rules[i] = (struct plan_device_rule){
				.allow = rand() % 2,
				.type = "abcc"[rand() % 4],
				.major = pick(majors, array_length(majors)),
				.minor = pick(minors, array_length(minors)),
				.read = rand() % 2,
				.write = rand() % 2,
				.mknod = rand() % 2,
			};
		compare(rules, count);
	}
}

static void kernel_takes_it(void **state)
{
	struct plan_device_rule rules[300] = {{false, 'a', -1, -1, true, true, true}};
	for (size_t i = 1; i < array_length(rules); i++)
		rules[i] = (struct plan_device_rule){
			i % 3 != 0, i % 2 ? 'c' : 'b', (int64_t)i, -1, true, i % 5 != 0, true};
	autofini(arena_fini) struct arena arena = {};
	struct bpf_insn *code;
	size_t length;
	cgroup_device_program(rules, array_length(rules), &arena, &code, &length);
	char log[4096] = "";
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = (uint32_t)length,
		.insns = (uintptr_t)code,
		.license = (uintptr_t) "Apache-2.0",
		.log_level = 1,
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
	};
	int fd = kernel_result(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
	if (fd == -EPERM || fd == -ENOSYS) {
		print_message("bpf(2) is not allowed here: the kernel's verifier was not asked\n");
		skip();
	}
	if (fd == -ENOSPC) /* only the log was too small */
		return;
	if (fd < 0)
		fail_msg("the verifier refuses it: %s", log);
	(void)close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_lists),
		cmocka_unit_test(partial_denial),
		cmocka_unit_test(random_lists),
		cmocka_unit_test(kernel_takes_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
