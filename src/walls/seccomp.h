// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * System call filters. A profile is compiled to BPF once (12-15 ms with libseccomp for
 * Podman's default profile, more than a whole start) and kept in a cache whose entries
 * hold the profile's canonical text beside the program: a hit is an exact match, not a
 * matching hash.
 */

#include "plan/plan.h"

#include <stddef.h>

struct seccomp_program {
	void *bytes;    /* array of struct sock_filter; malloc'ed */
	size_t length;  /* bytes */
	unsigned flags; /* SECCOMP_FILTER_FLAG_… for seccomp(2) */
	bool notifies;  /* some rule is SCMP_ACT_NOTIFY */
};

void seccomp_program_fini(struct seccomp_program *program);

/**
 * The program for a profile, from the cache below @cache_dir_fd (-1: none) or compiled and then
 * put there. Unknown system call names are left out with a debug line (as crun and runc do);
 * unknown actions, operators, flags and architectures are -EINVAL with a story.
 */
[[nodiscard]] int seccomp_compile(
	const struct plan_seccomp *profile, int cache_dir_fd, struct seccomp_program *ret_program);

/** rung's own default policy (data/seccomp.json), compiled when rung was built. */
[[nodiscard]] int seccomp_default(
	const struct plan_capabilities *capabilities, struct seccomp_program *ret_program);

/** Names the `features` command lists; NULL-terminated. */
extern const char *const seccomp_action_names[];
extern const char *const seccomp_operator_names[];
extern const char *const seccomp_architecture_names[];
extern const char *const seccomp_flag_names[];
