// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Netlink messages, written one after the other into one buffer and sent at once: netlink(7). No
 * library: what rung says to the kernel is a few dozen attributes, and each start would pay for it.
 *
 *	autofini(netlink_fini) struct netlink netlink = {};
 *	netlink_begin(&netlink, RTM_NEWROUTE, NLM_F_CREATE, &header, sizeof(header));
 *	netlink_put(&netlink, RTA_DST, address, 4);
 *	r = netlink_send(&netlink, NETLINK_ROUTE);
 *
 * Memory that runs out ends the process, as with text.
 */

#include "base/text.h"

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct netlink {
	struct text bytes;
	size_t message;   /* where the one that is being written begins */
	uint32_t written; /* messages: the n-th has n as its sequence number */
	uint32_t wanted;  /* acknowledgements */
};

void netlink_fini(struct netlink *netlink);

/** Begins a message and ends the one before. NLM_F_REQUEST is added to the flags. */
void netlink_begin(struct netlink *netlink, uint16_t type, uint16_t flags, const void *header,
	size_t header_length);

void netlink_put(struct netlink *netlink, uint16_t type, const void *data, size_t length);
void netlink_put_text(struct netlink *netlink, uint16_t type, const char *text);
void netlink_put_u32(struct netlink *netlink, uint16_t type, uint32_t value);
/** Big endian, as all of nf_tables is. */
void netlink_put_be32(struct netlink *netlink, uint16_t type, uint32_t value);

/** An attribute of attributes: what is put until netlink_nest_end() of the returned place. */
[[nodiscard]] size_t netlink_nest(struct netlink *netlink, uint16_t type);
void netlink_nest_end(struct netlink *netlink, size_t place);

/**
 * Sends all messages and waits until each that had NLM_F_ACK is acknowledged. The first error is
 * returned, *ret_message (NULL is fine) the number of its message, counted from 1; 0 when it was
 * the conversation itself that failed. Tells no story.
 */
[[nodiscard]] int netlink_send(struct netlink *netlink, int protocol, uint32_t *ret_message);
