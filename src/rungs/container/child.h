// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The container's first process, from its birth to the stage. */

#include "rungs/container/container.h"
#include "rungs/container/last_steps.h"
#include "walls/namespaces.h"

/** What the starter says to the child. */
struct child_order {
	enum { ORDER_MAPPED = 1, ORDER_GO } kind;
	pid_t pid; /* of the child, as the starter sees it */
};

struct child_task {
	const struct container_request *request;
	const struct container_record
		*record; /* for the state that hooks get; pid comes with ORDER_GO */
	const struct namespace_handles *handles;
	const int *mount_fds; /* one per mount, -1 where the child makes it itself */
	int channel_fd;       /* to the starter: orders in, reports out */
	int starter_fd;       /* the starter's own end, for the child to close */
	int start_fd, console_fd, notify_fd, stage_fd;
	const struct seccomp_program *seccomp;
	unsigned joined_early; /* bits of namespaces that were joined before the clone */
	bool wait_for_mapping;
};

/** Runs in the new process and never returns. */
[[gnu::noreturn]] void child_main(const struct child_task *task);

/**
 * First steps of any process on its way into a container: signals, death with the starter.
 * @starter_fd: the starter's end of the channel, which only the starter may hold.
 */
void child_begin(int starter_fd);

/** Reports the present story to the starter and ends the process. */
[[gnu::noreturn]] void child_give_up(int channel_fd);
