// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A start under way: made by start.c, carried out by launch.c. */

#include "engine/instance/instance.h"
#include "engine/instance/streams.h"
#include "engine/store/store.h"

struct launch {
	struct instance *instance;
	struct arena *arena;
	const struct instance_start *how;
	struct run_request request;
	struct run_layer layer;
	struct plan plan;
	struct store store;
	struct stream_settings streams; /* the monitor's ends */
	int program_fds[3];             /* the program's ends, without a terminal */
	int guardian_fd;                /* whose end ends the container; -1: nobody's */
	int memory_fd;                  /* container_open_memory_events() */
	int lock, store_lock;
	const char *monitor; /* its program */
};

/**
 * Makes the container and its monitor; in a process of its own, unless a restart policy does it:
 * then this process becomes the monitor, and the call returns only on failure.
 */
[[nodiscard]] int launch_carry_out(struct launch *launch);
