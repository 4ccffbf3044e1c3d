// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Those who enter a running sandbox: PID 1's side (guests.c). */

#include "rungs/sandbox/internal.h"

#include <poll.h>

enum { SANDBOX_GUESTS_MAX = 64 };

struct sandbox_guests {
	struct sandbox_guest {
		pid_t pid;
		int fd; /* the connection: it hears signals, and the end */
	} items[SANDBOX_GUESTS_MAX];
	size_t count;
};

/** Fills in what to poll for; returns how many. */
size_t sandbox_guests_poll(const struct sandbox_guests *guests, struct pollfd *ret_fds);

/** A guest's caller has a signal for it, or is gone: then the guest is hung up on. */
void sandbox_guest_hear(struct sandbox_guests *guests, int fd);

/** A guest has ended: its caller learns the status. Others' pids are ignored. */
void sandbox_guest_ended(struct sandbox_guests *guests, pid_t pid, int status);
