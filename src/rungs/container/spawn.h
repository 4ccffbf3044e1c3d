// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Bringing the container's first process into the world, in the right namespaces. */

#include "rungs/container/channel.h"

struct birth {
	pid_t pid;
	int pidfd;        /* the caller's to close */
	bool cloned_into; /* it already is in its v2 cgroup */
};

/**
 * Clones the child of @task. @cgroup_fd: directory for CLONE_INTO_CGROUP, -1: none. Id maps are
 * written. On return the child is building its root.
 */
[[nodiscard]] int spawn_child(
	struct child_task *task, struct channel *channel, int cgroup_fd, struct birth *ret_birth);

struct clone_args;

/**
 * clone3(2) into a cgroup (descriptor of its directory; -1: none) where that is possible, else
 * without; *ret_cloned_into tells. Returns 0 in the child.
 */
[[nodiscard]] pid_t clone_into(struct clone_args *arguments, int cgroup_fd, bool *ret_cloned_into);
