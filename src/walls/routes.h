// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Interfaces, addresses and routes of a network namespace: rtnetlink(7). The functions write
 * messages; routes_commit() says them, one after the other, and stops caring at the first that
 * fails. Runs in the namespace it is for, with CAP_NET_ADMIN over it.
 */

#include "walls/netlink.h"

/** The loopback interface's number in every namespace (the kernel's LOOPBACK_IFINDEX). */
#define ROUTES_LOOPBACK 1

/** Brings an interface up. */
void routes_link_up(struct netlink *netlink, unsigned interface);

/** @address: of the family's length. It is usable at once: nobody asks whether it is taken. */
void routes_address(struct netlink *netlink, unsigned interface, uint8_t family,
	const void *address, uint8_t bits);

/**
 * "local default": every address that no other route knows is this machine's own, so that what is
 * sent anywhere arrives here. @source: what sockets without an address of theirs get.
 */
void routes_local_default(
	struct netlink *netlink, unsigned interface, uint8_t family, const void *source);

/** Tells a story. */
[[nodiscard]] int routes_commit(struct netlink *netlink);
