// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the files of the seccomp wall share. From top to bottom:
 *
 *	seccomp.c        the plan's profile in, a program out
 *	seccomp_words.c  "SCMP_ACT_ERRNO" and friends
 *	seccomp_rules.c  rules by name → decisions by number
 *	seccomp_emit.c   decisions by number → BPF
 *	seccomp_table.c  names of system calls → numbers; made by generate/seccomp_calls.c
 */

#include "base/arena.h"
#include "base/text.h"
#include "plan/plan.h"

#include "walls/seccomp_hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seccomp_program;

/* ---- words --------------------------------------------------------------- */

/** One ABI whose calls this machine's kernel may deliver. */
struct seccomp_architecture {
	const char *name;     /* "SCMP_ARCH_X86_64" */
	uint32_t audit_id;    /* seccomp_data.arch: AUDIT_ARCH_… */
	uint32_t first;       /* its lowest number: 0x40000000 for x32, else 0 */
	uint32_t common_base; /* what to add to the numbers that all architectures share */
	int32_t carriers[3];  /* by seccomp_call.carrier; -1: it has none */
	bool narrow;          /* arguments have 32 bits */
	size_t column;        /* of seccomp_call.numbers */
};

/* The machine's own first; seccomp_table.c, written by generate/seccomp_calls.c. */
extern const struct seccomp_architecture seccomp_architectures[];
extern const size_t seccomp_architecture_count;

/** Where x32 begins among x86-64's numbers: __X32_SYSCALL_BIT of asm/unistd.h. */
#define SECCOMP_X32_FIRST 0x40000000u

enum seccomp_operator {
	SECCOMP_NE,
	SECCOMP_LT,
	SECCOMP_LE,
	SECCOMP_EQ,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_MASKED_EQ,
};

/** @errno_return as in the profile; *ret_action is SECCOMP_RET_… with its data. Tells a story. */
[[nodiscard]] int seccomp_action_parse(
	const char *name, const struct optional_u64 *errno_return, uint32_t *ret_action);
[[nodiscard]] int seccomp_operator_parse(const char *name, enum seccomp_operator *ret_operator);
[[nodiscard]] int seccomp_flag_parse(const char *name, unsigned *ret_flag);

/**
 * The architecture of that name ("SCMP_ARCH_NATIVE" too): 1 with *ret_architecture, 0 if it is
 * a known one that this machine's kernel never delivers, -EINVAL with a story if unknown.
 */
[[nodiscard]] int seccomp_architecture_find(
	const char *name, const struct seccomp_architecture **ret_architecture);

/* ---- calls --------------------------------------------------------------- */

/** What a name stands for. */
struct seccomp_call {
	uint16_t name; /* where it begins in seccomp_names */
	/*
	 * i386, s390, powerpc and mips carry the calls on sockets in socketcall(2), those on
	 * System V IPC in ipc(2): an index for seccomp_architecture.carriers, and its first
	 * argument. 0: not carried.
	 */
	uint8_t carrier, carried_as;
	int32_t numbers[3]; /* by seccomp_architecture.column; -1: not there */
};

extern const struct seccomp_call seccomp_calls[];
extern const char seccomp_names[];
extern const uint16_t seccomp_slots[];

/** NULL if no architecture of any machine has a call of that name. */
const struct seccomp_call *seccomp_call_find(const char *name);

/* ---- decisions ----------------------------------------------------------- */

struct seccomp_condition {
	uint32_t argument;
	enum seccomp_operator operator;
	uint64_t value, value_two;
};

/** If all conditions hold: action. */
struct seccomp_branch {
	const struct seccomp_condition *conditions;
	size_t count;
	uint32_t action;
};

/** The first branch that holds decides, else the last word. */
struct seccomp_decision {
	const struct seccomp_branch *branches;
	size_t count;
	uint32_t otherwise;
	bool narrow; /* compare 32 bits of each argument */
};

/** A decision for the numbers from first up to the next span's. */
struct seccomp_span {
	uint32_t first;
	const struct seccomp_decision *decision;
};

/** All numbers of one seccomp_data.arch; the first span begins at 0, spans ascend. */
struct seccomp_table {
	uint32_t audit_id;
	struct seccomp_span *spans;
	size_t count;
};

#define SECCOMP_TABLES_MAX 4

struct seccomp_tables {
	struct seccomp_table items[SECCOMP_TABLES_MAX]; /* the machine's own architecture first */
	size_t count;
	uint32_t foreign; /* action for architectures that are not in the profile */
	bool notifies;
};

/** Everything lives in @arena. Tells a story. */
[[nodiscard]] int seccomp_rules_resolve(
	const struct plan_seccomp *profile, struct arena *arena, struct seccomp_tables *ret_tables);

/* ---- program ------------------------------------------------------------- */

/** *ret_bytes is malloc'ed. -E2BIG with a story above BPF_MAXINSNS instructions. */
[[nodiscard]] int seccomp_emit(
	const struct seccomp_tables *tables, void **ret_bytes, size_t *ret_length);

/* ---- rung's own policy ----------------------------------------------------- */

struct seccomp_policy_rule {
	uint64_t with, without; /* capabilities: needs all of these, none of those */
	/*
	 * NUL after each, an empty one at the end: one pointer to relocate at every start of the
	 * program, where an array would be four hundred.
	 */
	const char *names;
	struct plan_seccomp_rule rule; /* without its names */
};

/* seccomp_policy.c, written by generate/seccomp_policy.c: the head of the profile, and its rules.
 */
extern const struct plan_seccomp seccomp_policy;
extern const struct seccomp_policy_rule seccomp_policy_rules[];
extern const size_t seccomp_policy_rule_count;
