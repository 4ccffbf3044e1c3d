// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The client's side of a container's streams: what `run`, `start -a` and `attach` do with our
 * standard streams until the program ends or the person detaches.
 */

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define ATTACH_SOCKET "attach.sock"

/** Detach keys when neither --detach-keys nor the configuration says others. */
#define ATTACH_DETACH_KEYS "ctrl-p,ctrl-q"

/** attach_client() returns this when the person typed the detach keys. */
#define ATTACH_DETACHED 1000

struct attach_options {
	bool input;              /* our standard input goes to the program */
	bool output, error;      /* which of its streams are shown */
	bool foreground;         /* `run`: the program waits for us, never the other way round */
	bool signal_proxy;       /* signals that we get go to the program (--sig-proxy) */
	const char *detach_keys; /* "ctrl-p,ctrl-q"; "": cannot detach; NULL: the default */
};

/**
 * Makes the listening socket <run_directory>/attach.sock, mode 0600, replacing a stale one. The
 * directory must exist. Returns a descriptor for stream_settings.listen_fd; tells a story.
 */
[[nodiscard]] int attach_listen(const char *run_directory);

/** The two ends of a connection made before the monitor exists. Tells a story. */
[[nodiscard]] int attach_pair(int *ret_client_fd, int *ret_monitor_fd);

/** Connects to a running container's monitor. Tells a story. Returns a descriptor. */
[[nodiscard]] int attach_connect(const char *run_directory);

/**
 * The keys where none were said: "detachKeys" of Docker's config.json, which people bring along,
 * else ATTACH_DETACH_KEYS.
 */
const char *attach_default_keys(struct arena *arena);

/**
 * -EINVAL with a story: --detach-keys makes no sense. To be asked before anything is started.
 */
[[nodiscard]] int attach_check_detach_keys(const char *keys);

/**
 * Begins: blocks and watches signals, so that none is lost between here and attach_client(). To be
 * called before the container is started. @socket_fd is taken over.
 */
struct attach_client {
	int socket_fd, signal_fd;
	struct attach_options options;
};
[[nodiscard]] int attach_client_begin(
	struct attach_client *client, int socket_fd, const struct attach_options *options);

/**
 * Carries bytes until the end. Returns the program's exit status, ATTACH_DETACHED, or negative
 * errno with a story (-ECONNRESET: the monitor is gone without a word). Where a signal ended us
 * (without a proxy; or nobody reads our output any more) 128 + its number, and the program goes on.
 * Our terminal, if the program has one and input is carried, is raw meanwhile and given back as it
 * was, also when we are killed by a signal that can be caught.
 * @wait_for_end: returns only when the container's end has been dealt with (see wire.h).
 */
[[nodiscard]] int attach_client(struct attach_client *client, bool wait_for_end);

void attach_client_fini(struct attach_client *client);
