// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Carries the bytes of connections between two sockets, both ways, by splice(2): pages go from one
 * socket through a pipe to the other and are not copied. Half closed connections, resets and slow
 * readers come out at the other side as they came in.
 */

#include "base/loop.h"

struct net_relays;

[[nodiscard]] int net_relays_new(struct loop *loop, struct net_relays **ret);

/** Ends all connections with a reset. NULL is fine. */
void net_relays_free(struct net_relays *relays);

/** Takes both sockets, also when it fails: then they are reset. */
void net_relay_start(struct net_relays *relays, int fd, int other_fd);

/** Closes a connection so that the other side gets a reset. */
void net_reset(int fd);
