// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a process carries through execve(2) besides identity: limits, scheduling, priorities,
 * memory policy, personality, session keyring. Each function acts on the calling process.
 */

#include "plan/plan.h"

/** Told for each wish that is honoured less than fully (see attributes_set_rlimits). */
typedef void attribute_warning(void *context, const char *text);

/**
 * setrlimit(2) for each. A hard limit above ours without CAP_SYS_RESOURCE is clamped to ours
 * and told to @warn: weaker is still what the user wants.
 */
[[nodiscard]] int attributes_set_rlimits(
	const struct plan_process *process, attribute_warning *warn, void *context);

/** sched_setattr(2). */
[[nodiscard]] int attributes_set_scheduler(const struct plan_scheduler *scheduler);

/** ioprio_set(2). */
[[nodiscard]] int attributes_set_io_priority(const struct plan_process *process);

/** sched_setaffinity(2) to a list like "0-3,7"; "" or NULL does nothing. */
[[nodiscard]] int attributes_set_affinity(const char *cpus);

/** set_mempolicy(2). */
[[nodiscard]] int attributes_set_memory_policy(const struct plan_memory_policy *policy);

/** personality(2). */
[[nodiscard]] int attributes_set_personality(unsigned long personality);

/** A new anonymous session keyring (keyctl(2)), so that the caller's keys stay behind. */
[[nodiscard]] int attributes_new_session_keyring(const char *name);

/** Writes /proc/PID/oom_score_adj (pid 0: our own); a lower value than allowed is clamped and told
 * to @warn. */
[[nodiscard]] int attributes_set_oom_score(
	pid_t pid, int64_t score, attribute_warning *warn, void *context);
