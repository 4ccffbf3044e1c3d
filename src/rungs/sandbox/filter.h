// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Which system calls get through: one filter for each set of grants that matters to it. */

#include "walls/seccomp.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

/** What a filter lets through beyond the usual. */
struct sandbox_filter_kind {
	bool ptrace, userns, memory_files;
};

enum { SANDBOX_FILTER_KINDS = 8 };

static inline size_t sandbox_filter_index(const struct sandbox_filter_kind *kind)
{
	return (size_t)kind->ptrace | (size_t)kind->userns << 1 | (size_t)kind->memory_files << 2;
}

/** filter_make.c: makes one. Tells a story. */
[[nodiscard]] int sandbox_filter_make(
	const struct sandbox_filter_kind *kind, struct seccomp_program *ret_program);

struct sandbox_filter {
	const struct sock_filter *items; /* NULL: rung was built on a machine of another kind */
	size_t count;
	unsigned flags; /* for seccomp(2) */
};

/** sandbox_filters.c, written by generate/sandbox_filters.c; by sandbox_filter_index(). */
extern const struct sandbox_filter sandbox_filters[SANDBOX_FILTER_KINDS];
