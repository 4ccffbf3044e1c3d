// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The rooms of rung-monitor. main.c owns the loop, the container's process and what happens at its
 * end; streams.c carries bytes, log.c keeps them, health.c asks at intervals whether the program
 * is well. They meet here.
 */

#include "base/loop.h"
#include "engine/instance/streams.h"

#include <stdbool.h>

/* ---- streams.c ------------------------------------------------------------------- */

struct streams;

/**
 * Takes over the descriptors of @settings (which must outlive it) and begins to carry. One set of
 * streams in a process; its buffers are static. @pidfd: of the first process, for the signals that
 * clients send; stays the caller's. SIGPIPE must be ignored.
 */
[[nodiscard]] int streams_start(struct streams **ret_streams, struct loop *loop,
	const struct stream_settings *settings, int pidfd);

/**
 * The program has ended and was reaped. Reads what it wrote last (and nothing of descendants that
 * still hold the pipes open), writes it to the log and to the clients, tells the clients the exit
 * status. A client that has not read everything yet is left to a process of its own, so that this
 * returns soon in any case. The loop must not run any more.
 *
 * Afterwards the clients' sockets are still open and not close-on-exec: when the process that this
 * one becomes by execve() closes them or ends, clients know that all is done. Nothing else needs
 * to be known about them; streams_clients() says which they are.
 */
void streams_finish(struct streams *streams, int exit_status);

/** True when the foreground of `run` has detached: its end is no longer that of the container. */
bool streams_left(const struct streams *streams);

/** The descriptors left open for `rung __ended --clients=5,9`; "" if none. Static text. */
const char *streams_clients(const struct streams *streams);

/* ---- health.c -------------------------------------------------------------------- */

/**
 * Runs `rung __health ID` when its time has come: health_interval_ms after the start, and again
 * that long after each check has ended. Everything else (what is run, how often it may fail, what
 * is done then) is that verb's business. Nothing happens if the interval is 0.
 */
[[nodiscard]] int health_start(struct loop *loop, const struct stream_settings *settings);

/** Ends a check that is under way. */
void health_stop(void);
