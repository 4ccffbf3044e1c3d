// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The net door, outer side: serves the sockets that sandbox_net_door_listen() made inside the
 * sandbox (plan/net_door.h), on rung-door's loop. What a program there sends to anybody is decided
 * by policy.h and carried by sockets of this process.
 */

#include "base/loop.h"
#include "plan/net_door.h"
#include "plan/permission.h"
#include "policy.h"

struct net_door;

struct net_door_settings {
	const int *fds; /* as sandbox_net_door_listen() made them; the door's from success on */
	size_t fd_count;
	struct policy *policy;
	/*
	 * Which ports of loopback are the host's, what may listen, which names are worth looking
	 * up before somebody connects. The caller's, for as long as the door.
	 */
	const struct permissions *permissions;
};

/**
 * Starts to serve. SIGPIPE must be ignored, the limit of open files be high. Needs CAP_SYS_ADMIN
 * and CAP_NET_ADMIN in the sandbox's user namespace for "listen=PORT". Tells a story: a port that
 * another program of the host has is an error.
 */
[[nodiscard]] int net_door_new(
	struct loop *loop, const struct net_door_settings *settings, struct net_door **ret);

/** Ends all connections: those inside get a reset. NULL is fine. */
void net_door_free(struct net_door *door);
