// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * System call filters: a profile of the OCI specification in, a BPF program out.
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
 * The program for a profile. Takes well under 0.2 ms for Docker's, so nothing is cached. Unknown
 * system call names are left out with a debug line (as crun and runc do); unknown actions,
 * operators, flags and architectures are -EINVAL with a story, a flag that this kernel does not
 * know is -EOPNOTSUPP.
 *
 * Once the program is installed it rules the installer too: what is still called then (execve,
 * write of an error, sendmsg of the listener) must not be SCMP_ACT_NOTIFY or denied.
 */
[[nodiscard]] int seccomp_compile(
	const struct plan_seccomp *profile, struct seccomp_program *ret_program);

/**
 * rung's own policy (data/seccomp.json) for these capabilities (the bounding set counts), as a
 * profile: to print, and to write into a config.json. Its rules live in @arena.
 */
void seccomp_policy_for(const struct plan_capabilities *capabilities, struct arena *arena,
	struct plan_seccomp *ret_profile);

/** The program of that profile. */
[[nodiscard]] int seccomp_default(
	const struct plan_capabilities *capabilities, struct seccomp_program *ret_program);

/** True if the running kernel takes this SECCOMP_FILTER_FLAG_…. */
bool seccomp_flag_supported(unsigned flag);

/** Names the `features` command lists; NULL-terminated. */
extern const char *const seccomp_action_names[];
extern const char *const seccomp_operator_names[];
extern const char *const seccomp_architecture_names[];
extern const char *const seccomp_flag_names[];
