// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The kernel's side of a seccomp program for tests: checks a program as
 * seccomp_check_filter() does and runs it on one call. Only the instructions that
 * a filter may have; everything else is refused.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct machine_run {
	uint32_t action;
	unsigned instructions;
};

/* Jumps stay inside, loads are words of seccomp_data, the last instruction returns. */
static inline bool machine_takes(const struct sock_filter *code, size_t count)
{
	if (count < 1 || count > BPF_MAXINSNS || code[count - 1].code != (BPF_RET | BPF_K))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct sock_filter *one = &code[i];
		bool fine;
		switch (one->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			fine = one->k <= sizeof(struct seccomp_data) - 4 && one->k % 4 == 0;
			break;
		case BPF_JMP | BPF_JA:
			fine = one->k < count - i - 1;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
			fine = i + 1 + one->jt < count && i + 1 + one->jf < count;
			break;
		default:
			fine = one->code == (BPF_ALU | BPF_AND | BPF_K) ||
			       one->code == (BPF_RET | BPF_K);
		}
		if (!fine)
			return false;
	}
	return true;
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
		default: /* machine_takes() has let nothing else through */
			return (struct machine_run){one->k, steps};
		}
		i += yes ? one->jt : one->jf;
	}
}
