// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * From what a person asks of `rung run` to a plan. In: names, paths and numbers as they were typed.
 * Out: a plan and the place of its writable layer. Nothing of the container exists yet afterwards,
 * but the layer's empty directories.
 */

#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum run_network { RUN_NETWORK_NONE, RUN_NETWORK_HOST };

struct run_request {
	const char *id;        /* checked by the caller (container_check_id) */
	const char *data_root; /* writable layers live below it */
	const char *rootfs;    /* a directory; NULL: @host, the running system */

	const char *const *command; /* NULL-terminated, at least one word */
	struct strings environment; /* NAME=VALUE, or NAME to take ours */
	const char *working_directory, *user, *hostname;
	bool terminal, read_only, init, privileged, no_new_privileges;
	struct strings volumes; /* SOURCE:DESTINATION[:OPTIONS] */
	struct strings tmpfs;   /* DESTINATION[:OPTIONS] */
	struct strings cap_add, cap_drop, security_options, ulimits, devices;
	enum run_network network;
	uint64_t memory_bytes;     /* 0: no limit */
	int64_t memory_swap_bytes; /* 0: not given, -1: unlimited */
	int64_t cpus_billionths;   /* 1.5 CPUs: 1500000000; 0: no limit */
	uint64_t cpu_shares;       /* 0: not given */
	const char *cpuset_cpus;
	int64_t pids_limit; /* 0: not given, -1: unlimited */
	uint64_t shm_bytes; /* 0: the default, 64 MiB */
};

/** Makes the plan. Its root is an overlay whose upper directory is the container's layer. */
[[nodiscard]] int run_plan(const struct run_request *request, struct plan *ret_plan);

/** Where rung keeps what lasts: /var/lib/rung, or $XDG_DATA_HOME/rung of an ordinary user. */
const char *run_data_root(struct arena *arena);

/** Where it keeps what is gone with the machine: /run/rung, or $XDG_RUNTIME_DIR/rung. */
const char *run_state_root(struct arena *arena);

/** Removes a container's writable layer, also what belongs to subordinate ids of ours. */
[[nodiscard]] int run_remove_layer(const char *data_root, const char *id);
