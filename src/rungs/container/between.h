// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A go-between: a short-lived child of ours that enters or makes a namespace, clones the process
 * that is wanted there as its own sibling (CLONE_PARENT), tells us who that is, and ends. Why
 * somebody else has to do it is told where it is used (spawn.c, exec.c).
 */

#include "rungs/container/channel.h"

#include <stdbool.h>
#include <sys/types.h>

struct newborn {
	pid_t pid;
	bool cloned_into; /* it already is in its v2 cgroup */
};

/** What the go-between does; it may clone and fill *newborn, or fail with a story. */
typedef int between_function(void *context, struct newborn *newborn);

struct between {
	pid_t pid;
	int answer_fd; /* where the newborn is told */
};

/**
 * Starts one. It dies with us, does @function, tells a failure over the channel's child end. Our
 * copy of that end is closed.
 */
[[nodiscard]] int between_begin(between_function *function, void *context, struct channel *channel,
	struct between *ret_between);

/**
 * Waits for the newborn and for the go-between's end. @before: what the caller had to do with it
 * meanwhile; when negative, it is killed and that is returned.
 */
[[nodiscard]] int between_end(struct between *between, int before, const struct channel *channel,
	struct newborn *ret_newborn);
