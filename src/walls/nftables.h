// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Tables of nftables, put up in one transaction: either all of it stands or nothing. Runs in the
 * network namespace that it is for, with CAP_NET_ADMIN over it.
 *
 *	autofini(nftables_fini) struct nftables nft = {};
 *	nftables_table(&nft, NFTABLES_INET, "rung");
 *	nftables_chain(&nft, "door", "filter", NFTABLES_PREROUTING, -150);
 *	nftables_rule(&nft, "door");
 *	nftables_meta(&nft, NFT_META_L4PROTO);
 *	nftables_equal(&nft, &(uint8_t){IPPROTO_UDP}, 1);
 *	nftables_verdict(&nft, NFTABLES_DROP);
 *	r = nftables_commit(&nft);
 *
 * A rule is a row of expressions (linux/netfilter/nf_tables.h): one loads something into a
 * register, the next looks at it, the last is a verdict. Where one does not hold, the rule is left.
 */

#include "walls/netlink.h"

#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdint.h>

/* linux/netfilter.h has these, but quarrels with musl's <netinet/in.h>. */
enum { NFTABLES_INET = 1, NFTABLES_IPV4 = 2, NFTABLES_IPV6 = 10 }; /* families */
enum { NFTABLES_DROP = 0, NFTABLES_ACCEPT = 1 };                   /* verdicts */
enum {                                                             /* hooks of inet, IPv4, IPv6 */
	NFTABLES_PREROUTING,
	NFTABLES_INPUT,
	NFTABLES_FORWARD,
	NFTABLES_OUTPUT,
	NFTABLES_POSTROUTING
};

struct nftables {
	struct netlink netlink;
	const char *table; /* of the caller's memory */
	uint8_t family;
	size_t rule; /* place of the open rule's expressions; 0: none is open */
};

void nftables_fini(struct nftables *nft);

/** Begins the transaction with a new table; what is said next is about it. First call of all. */
void nftables_table(struct nftables *nft, uint8_t family, const char *name);

/** A base chain that lets pass what no rule stops. @type: "filter", "nat", "route". */
void nftables_chain(
	struct nftables *nft, const char *name, const char *type, unsigned hook, int priority);

/** Begins a rule at the end of the chain; the calls below add to it. */
void nftables_rule(struct nftables *nft, const char *chain);

/** Loads what the kernel knows of the packet: enum nft_meta_keys. Numbers are the host's. */
void nftables_meta(struct nftables *nft, enum nft_meta_keys key);

/** Loads bytes of the packet, at most 16. */
void nftables_payload(
	struct nftables *nft, enum nft_payload_bases base, unsigned offset, unsigned length);

/** Keeps the bits of mask in what was loaded. */
void nftables_mask(struct nftables *nft, const void *mask, size_t length);

/** Goes on when what was loaded is this (or is not). */
void nftables_equal(struct nftables *nft, const void *data, size_t length);
void nftables_differ(struct nftables *nft, const void *data, size_t length);

/**
 * Hands the packet to the transparent socket (IP_TRANSPARENT) that is bound to address and port
 * (host's order), without changing it; the rule is left when there is none. Before routing only.
 */
void nftables_tproxy(struct nftables *nft, const struct in_addr *address, uint16_t port);
void nftables_tproxy6(struct nftables *nft, const struct in6_addr *address, uint16_t port);

/** NFTABLES_ACCEPT, NFTABLES_DROP. */
void nftables_verdict(struct nftables *nft, int verdict);

/** Ends the transaction. Tells a story; -ENOENT or -EOPNOTSUPP: the kernel lacks an expression. */
[[nodiscard]] int nftables_commit(struct nftables *nft);
