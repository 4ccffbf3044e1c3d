// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The vocabulary of config.json: one table per kind of word, used for reading and for
 * writing. Where two words mean the same, the first is the one that is written.
 */

#include <stddef.h>
#include <stdint.h>

struct word {
	const char *name;
	uint64_t value;
};

struct words {
	const char *noun; /* "limit", as in: unknown limit "RLIMIT_FOO" */
	const struct word *items;
	size_t count;
};

extern const struct words capability_words;       /* 1 << number */
extern const struct words rlimit_words;           /* RLIMIT_… */
extern const struct words namespace_words;        /* enum plan_namespace */
extern const struct words propagation_words;      /* MS_…[|MS_REC] */
extern const struct words device_type_words;      /* 'c', 'b', 'p' */
extern const struct words scheduler_policy_words; /* SCHED_… */
extern const struct words scheduler_flag_words;   /* SCHED_FLAG_… */
extern const struct words io_class_words;         /* IOPRIO_CLASS_… */
extern const struct words memory_mode_words;      /* MPOL_… */
extern const struct words memory_flag_words;      /* MPOL_F_… */
extern const struct words personality_words;      /* PER_… */
extern const struct words seccomp_action_words;   /* 1: takes an errno value */
extern const struct words seccomp_architecture_words;
extern const struct words seccomp_flag_words;
extern const struct words seccomp_operator_words;
extern const struct words landlock_file_words;  /* LANDLOCK_ACCESS_FS_…, groups last */
extern const struct words landlock_port_words;  /* LANDLOCK_ACCESS_NET_… */
extern const struct words landlock_scope_words; /* LANDLOCK_SCOPE_… */

/** NULL if there is no such word. */
const struct word *words_find(const struct words *words, const char *name);

/** The name that is written for a value; NULL if there is none. */
const char *words_name(const struct words *words, uint64_t value);
