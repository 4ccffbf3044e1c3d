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

/** <data>/layers/<name>; ".<id>" if the run has no name. */
struct run_layer {
	const char *id, *name, *layers, *directory;
	const char *merged; /* empty; what the root is mounted on */
	int lock_fd;        /* -1: only planned */
	bool is_new;        /* no earlier run has made it */
};

struct run_request {
	const char *id;        /* checked by the caller (container_check_id) */
	const char *data_root; /* rung's own, never shown in @host */
	const struct run_layer *layer;
	const char *rootfs; /* a directory; NULL: @host, the running system */

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

/** Names the layer of a run; nothing exists or is locked yet, which is enough for --explain. */
void run_layer_plan(const char *data_root, const char *id, bool named, struct arena *arena,
	struct run_layer *ret_layer);

/** Makes it, or finds that of an earlier run, and locks it. -EBUSY with a story: it is in use. */
[[nodiscard]] int run_layer_open(struct run_layer *layer);

/** Lets go of the lock. */
void run_layer_fini(struct run_layer *layer);

/** Removes it, also what belongs to subordinate ids of ours. */
[[nodiscard]] int run_layer_remove(const struct run_layer *layer);

/**
 * Removes containers and nameless layers whose rung was killed. Looks at a few of them only, so
 * that many living containers cost no time.
 */
void run_sweep(const char *data_root, const char *state_root);

/** The same for one container of which the caller holds the layer. */
[[nodiscard]] int run_sweep_record(const char *state_root, const char *id);
