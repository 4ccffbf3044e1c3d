// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The kernel's side of a seccomp program for tests: checks a program as
 * seccomp_check_filter() does and runs it on one call. Only the instructions that
 * a filter may have; everything else fails the test.
 */

#include "unit.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

struct machine_run {
	uint32_t action;
	unsigned instructions;
};

/* Jumps stay inside, loads are words of seccomp_data, the last instruction returns. */
static inline void machine_check(const struct sock_filter *code, size_t count)
{
	assert_in_range(count, 1, BPF_MAXINSNS);
	assert_int_equal(code[count - 1].code, BPF_RET | BPF_K);
	for (size_t i = 0; i < count; i++) {
		const struct sock_filter *one = &code[i];
		switch (one->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_in_range(one->k, 0, sizeof(struct seccomp_data) - 4);
			assert_int_equal(one->k % 4, 0);
			break;
		case BPF_JMP | BPF_JA:
			assert_true(one->k < count - i - 1);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
			assert_true(i + 1 + one->jt < count);
			assert_true(i + 1 + one->jf < count);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
		case BPF_RET | BPF_K:
			break;
		default:
			fail_msg("instruction %zu: code %#x", i, one->code);
		}
	}
}

static inline struct machine_run machine_run(
	const struct sock_filter *code, const struct seccomp_data *call)
{
	uint32_t a = 0;
	for (unsigned i = 0, steps = 1;; i++, steps++) {
		const struct sock_filter *one = &code[i];
		bool yes;
		switch (one->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)call + one->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= one->k;
			continue;
		case BPF_JMP | BPF_JA:
			i += one->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == one->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= one->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > one->k;
			break;
		default: /* machine_check() has let nothing else through */
			return (struct machine_run){one->k, steps};
		}
		i += yes ? one->jt : one->jf;
	}
}
