// SPDX-License-Identifier: Apache-2.0
/*
 * Decisions in, a classic BPF program out (Documentation/userspace-api/seccomp_filter.rst).
 *
 * The numbers of an architecture are a line cut into spans with one decision
 * each; neighbours with the same decision are one span. Docker's policy, some 370
 * calls, has about sixty spans on x86-64, so that a binary search over their
 * beginnings needs six comparisons, where a list of calls needs hundreds and a
 * tree over calls nine with four times the instructions. Size matters more than
 * speed: the kernel runs the program once per existing call when it is installed,
 * to learn which calls are always allowed (Linux 5.11), so a long program costs
 * every start.
 *
 * The program is written from its end to its beginning. BPF jumps only forward,
 * so that way every target is in place, with a known distance, when the jump to
 * it is written. A conditional jump reaches 255 instructions; what is farther
 * gets a stepping stone: another copy of the return, or an unconditional jump.
 */
#include "walls/seccomp_parts.h"

#include "base/error.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

/* Two stepping stones may come between the check of a distance and the jump. */
#define REACH 250

struct emitter {
	struct sock_filter code[BPF_MAXINSNS];
	size_t next; /* the program is code[next…]; counts down */
	bool full;
	struct {
		uint32_t action;
		size_t position;
	} returns[16]; /* the latest return of some actions */
	size_t return_count;
};

static size_t put(struct emitter *e, unsigned code, uint32_t k, size_t yes, size_t no)
{
	if (e->next == 0) {
		e->full = true;
		e->next = BPF_MAXINSNS; /* goes on in nonsense that is thrown away */
	}
	e->code[--e->next] = (struct sock_filter){(uint16_t)code, (uint8_t)yes, (uint8_t)no, k};
	return e->next;
}

/* A return of this action, near enough for a jump that comes next. */
static size_t put_return(struct emitter *e, uint32_t action)
{
	size_t i = 0;
	while (i < e->return_count && e->returns[i].action != action)
		i++;
	if (i < e->return_count && e->returns[i].position - e->next <= REACH)
		return e->returns[i].position;
	size_t position = put(e, BPF_RET | BPF_K, action, 0, 0);
	if (i < array_length(e->returns)) {
		e->returns[i].action = action;
		e->returns[i].position = position;
		e->return_count = i < e->return_count ? e->return_count : i + 1;
	}
	return position;
}

static size_t within_reach(struct emitter *e, size_t target)
{
	if (target - e->next <= REACH)
		return target;
	if (e->code[target].code == (BPF_RET | BPF_K))
		return put_return(e, e->code[target].k);
	return put(e, BPF_JMP | BPF_JA, (uint32_t)(target - e->next), 0, 0);
}

static size_t put_jump(struct emitter *e, unsigned test, uint32_t k, size_t yes, size_t no)
{
	yes = within_reach(e, yes);
	no = within_reach(e, no);
	return put(e, BPF_JMP | test | BPF_K, k, yes - e->next, no - e->next);
}

static size_t put_load(struct emitter *e, size_t offset)
{
	return put(e, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

enum half { LOW, HIGH };

static size_t argument_offset(uint32_t argument, enum half half)
{
	bool second = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) == (half == HIGH);
	return offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t) +
	       (second ? sizeof(uint32_t) : 0);
}

/* Both halves equal: yes, else no. A half that the mask hides is not looked at. */
static size_t put_equal(struct emitter *e, const struct seccomp_condition *condition, bool narrow,
	size_t yes, size_t no)
{
	bool masked = condition->operator== SECCOMP_MASKED_EQ;
	uint64_t mask = masked ? condition->value : UINT64_MAX;
	uint64_t wanted = masked ? condition->value_two & mask : condition->value;
	for (enum half half = LOW; half <= (narrow ? LOW : HIGH); half++) {
		uint32_t half_mask = (uint32_t)(half == HIGH ? mask >> 32 : mask);
		uint32_t half_wanted = (uint32_t)(half == HIGH ? wanted >> 32 : wanted);
		if (half_mask == 0)
			continue;
		put_jump(e, BPF_JEQ, half_wanted, yes, no);
		if (half_mask != UINT32_MAX)
			put(e, BPF_ALU | BPF_AND | BPF_K, half_mask, 0, 0);
		yes = put_load(e, argument_offset(condition->argument, half));
	}
	return yes;
}

/* @test BPF_JGT or BPF_JGE on the whole argument. */
static size_t put_greater(struct emitter *e, const struct seccomp_condition *condition, bool narrow,
	unsigned test, size_t yes, size_t no)
{
	put_jump(e, test, (uint32_t)condition->value, yes, no);
	size_t low = put_load(e, argument_offset(condition->argument, LOW));
	if (narrow)
		return low;
	uint32_t high_value = (uint32_t)(condition->value >> 32);
	size_t same = put_jump(e, BPF_JEQ, high_value, low, no);
	put_jump(e, BPF_JGT, high_value, yes, same);
	return put_load(e, argument_offset(condition->argument, HIGH));
}

static size_t put_condition(struct emitter *e, const struct seccomp_condition *condition,
	bool narrow, size_t yes, size_t no)
{
	switch (condition->operator) {
	case SECCOMP_NE:
		return put_equal(e, condition, narrow, no, yes);
	case SECCOMP_EQ:
	case SECCOMP_MASKED_EQ:
		return put_equal(e, condition, narrow, yes, no);
	case SECCOMP_GT:
		return put_greater(e, condition, narrow, BPF_JGT, yes, no);
	case SECCOMP_GE:
		return put_greater(e, condition, narrow, BPF_JGE, yes, no);
	case SECCOMP_LT:
		return put_greater(e, condition, narrow, BPF_JGE, no, yes);
	case SECCOMP_LE:
		return put_greater(e, condition, narrow, BPF_JGT, no, yes);
	}
	return no;
}

static size_t put_decision(struct emitter *e, const struct seccomp_decision *decision)
{
	size_t no = put_return(e, decision->otherwise);
	for (size_t i = decision->count; i-- > 0;) {
		const struct seccomp_branch *branch = &decision->branches[i];
		size_t yes = put_return(e, branch->action);
		for (size_t c = branch->count; c-- > 0;)
			yes = put_condition(e, &branch->conditions[c], decision->narrow, yes, no);
		no = yes;
	}
	return no;
}

/* The accumulator holds the number of the call. Depth is the logarithm of count. */
static size_t put_search(struct emitter *e, const struct seccomp_span *spans, size_t count)
{
	if (count == 1)
		return put_decision(e, spans->decision);
	size_t middle = count / 2;
	size_t from_middle = put_search(e, spans + middle, count - middle);
	size_t below = put_search(e, spans, middle);
	return put_jump(e, BPF_JGE, spans[middle].first, from_middle, below);
}

int seccomp_emit(const struct seccomp_tables *tables, void **ret_bytes, size_t *ret_length)
{
	autofree struct emitter *e = malloc(sizeof(*e));
	if (!e)
		return fail(-ENOMEM, "compile the profile");
	e->next = BPF_MAXINSNS;
	e->full = false;
	e->return_count = 0;

	size_t entry = put_return(e, tables->foreign);
	for (size_t i = tables->count; i-- > 0;) {
		const struct seccomp_table *table = &tables->items[i];
		size_t first = put_search(e, table->spans, table->count);
		if (first != e->next)
			put(e, BPF_JMP | BPF_JA, (uint32_t)(first - e->next), 0, 0);
		size_t search = put_load(e, offsetof(struct seccomp_data, nr));
		entry = put_jump(e, BPF_JEQ, table->audit_id, search, entry);
	}
	put_load(e, offsetof(struct seccomp_data, arch));
	if (e->full)
		return refuse(-E2BIG,
			"the profile needs more than %d instructions, the kernel's limit",
			BPF_MAXINSNS);

	size_t length = (BPF_MAXINSNS - e->next) * sizeof(e->code[0]);
	void *bytes = malloc(length);
	if (!bytes)
		return fail(-ENOMEM, "compile the profile");
	memcpy(bytes, e->code + e->next, length);
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}
