// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The wire between a starter and the process it starts: datagrams both ways, orders down, reports
 * up (handoff.h). When the program has been executed the process's end closes by itself.
 */

#include "rungs/container/child.h"

#include <sys/types.h>

struct channel {
	int starter, child; /* ends of a SOCK_SEQPACKET pair */
};

void channel_fini(struct channel *channel);
[[nodiscard]] int channel_init(struct channel *ret_channel);

[[nodiscard]] int channel_order(const struct channel *channel, const struct child_order *order);

/** What the other end says next. */
enum channel_event {
	CHANNEL_READY,  /* waits for its start, or for its map */
	CHANNEL_CLOSED, /* executed its program, or died */
};

/**
 * Waits for the next event; warnings are told on the way. A reported failure becomes this
 * process's story. Returns enum channel_event or negative errno.
 */
[[nodiscard]] int channel_wait(int fd);

/**
 * Waits until the program runs: a last "ready", then the end of the connection. An end without it
 * is -ECHILD with a story: the process died on its way.
 */
[[nodiscard]] int channel_wait_program(int fd);
