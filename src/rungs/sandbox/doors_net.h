// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The inner side of the net door: makes a network namespace in which everything that a program
 * sends anywhere arrives at sockets of rung-door (see plan/net_door.h and programs/door).
 */

#include "plan/net_door.h"
#include "plan/permission.h"

/**
 * Runs in PID 1, inside the new network namespace, with CAP_NET_ADMIN, CAP_NET_RAW and
 * CAP_NET_BIND_SERVICE over it; brings loopback up as well. Returns how many descriptors it put
 * into ret_fds; they are the caller's, to be handed to rung-door (member "net" of the handoff) and
 * closed before the program starts: with them it could answer for the door. @permissions: of their
 * "net=localhost:PORT" the ports are taken away from the namespace's own loopback. Tells a story;
 * -ENOENT, -EOPNOTSUPP: the kernel lacks nftables or its tproxy expression.
 */
[[nodiscard]] int sandbox_net_door_listen(
	const struct permissions *permissions, int ret_fds[NET_DOOR_FD_COUNT]);

/**
 * Runs in PID 1 once the root is entered and before it is restricted, with CAP_SYS_ADMIN: lets
 * /etc/resolv.conf name the door's resolver and /etc/hosts nobody but this machine. Needs a
 * writable /run. Tells a story.
 */
[[nodiscard]] int sandbox_net_door_show_names(void);
