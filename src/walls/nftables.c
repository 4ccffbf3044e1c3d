// SPDX-License-Identifier: Apache-2.0

/*
 * One buffer holds the whole transaction: a message that begins it, the table, chains and rules,
 * and one that ends it (nfnetlink's batch). A rule's message stays open while expressions are
 * added.
 */

#include "walls/nftables.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>

/* A register of 16 bytes each; what is loaded lies in the first. */
enum { LOADED = NFT_REG_1, ADDRESS = NFT_REG_2, PORT = NFT_REG_3 };

void nftables_fini(struct nftables *nft)
{
	netlink_fini(&nft->netlink);
}

static void end_rule(struct nftables *nft)
{
	if (nft->rule)
		netlink_nest_end(&nft->netlink, nft->rule);
	nft->rule = 0;
}

static void begin(struct nftables *nft, uint16_t message, uint16_t flags)
{
	struct nfgenmsg header = {.nfgen_family = nft->family, .version = NFNETLINK_V0};
	end_rule(nft);
	netlink_begin(&nft->netlink, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message),
		flags | NLM_F_CREATE | NLM_F_ACK, &header, sizeof(header));
}

static void edge_of_batch(struct nftables *nft, uint16_t message)
{
	struct nfgenmsg header = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
	end_rule(nft);
	netlink_begin(&nft->netlink, message, 0, &header, sizeof(header));
}

void nftables_table(struct nftables *nft, uint8_t family, const char *name)
{
	nft->table = name;
	nft->family = family;
	edge_of_batch(nft, NFNL_MSG_BATCH_BEGIN);
	begin(nft, NFT_MSG_NEWTABLE, NLM_F_EXCL);
	netlink_put_text(&nft->netlink, NFTA_TABLE_NAME, name);
}

void nftables_chain(
	struct nftables *nft, const char *name, const char *type, unsigned hook, int priority)
{
	struct netlink *netlink = &nft->netlink;
	begin(nft, NFT_MSG_NEWCHAIN, NLM_F_EXCL);
	netlink_put_text(netlink, NFTA_CHAIN_TABLE, nft->table);
	netlink_put_text(netlink, NFTA_CHAIN_NAME, name);
	size_t place = netlink_nest(netlink, NFTA_CHAIN_HOOK);
	netlink_put_be32(netlink, NFTA_HOOK_HOOKNUM, hook);
	netlink_put_be32(netlink, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	netlink_nest_end(netlink, place);
	netlink_put_text(netlink, NFTA_CHAIN_TYPE, type);
}

void nftables_rule(struct nftables *nft, const char *chain)
{
	begin(nft, NFT_MSG_NEWRULE, NLM_F_APPEND);
	netlink_put_text(&nft->netlink, NFTA_RULE_TABLE, nft->table);
	netlink_put_text(&nft->netlink, NFTA_RULE_CHAIN, chain);
	nft->rule = netlink_nest(&nft->netlink, NFTA_RULE_EXPRESSIONS);
}

/* ---- expressions ------------------------------------------------------------------ */

struct expression {
	size_t element, data;
};

static struct expression begin_expression(struct nftables *nft, const char *name)
{
	struct expression places;
	places.element = netlink_nest(&nft->netlink, NFTA_LIST_ELEM);
	netlink_put_text(&nft->netlink, NFTA_EXPR_NAME, name);
	places.data = netlink_nest(&nft->netlink, NFTA_EXPR_DATA);
	return places;
}

static void end_expression(struct nftables *nft, struct expression places)
{
	netlink_nest_end(&nft->netlink, places.data);
	netlink_nest_end(&nft->netlink, places.element);
}

static void put_value(struct nftables *nft, uint16_t type, const void *data, size_t length)
{
	size_t place = netlink_nest(&nft->netlink, type);
	netlink_put(&nft->netlink, NFTA_DATA_VALUE, data, length);
	netlink_nest_end(&nft->netlink, place);
}

void nftables_meta(struct nftables *nft, enum nft_meta_keys key)
{
	struct expression places = begin_expression(nft, "meta");
	netlink_put_be32(&nft->netlink, NFTA_META_KEY, key);
	netlink_put_be32(&nft->netlink, NFTA_META_DREG, LOADED);
	end_expression(nft, places);
}

void nftables_payload(
	struct nftables *nft, enum nft_payload_bases base, unsigned offset, unsigned length)
{
	struct expression places = begin_expression(nft, "payload");
	netlink_put_be32(&nft->netlink, NFTA_PAYLOAD_DREG, LOADED);
	netlink_put_be32(&nft->netlink, NFTA_PAYLOAD_BASE, base);
	netlink_put_be32(&nft->netlink, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(&nft->netlink, NFTA_PAYLOAD_LEN, length);
	end_expression(nft, places);
}

void nftables_mask(struct nftables *nft, const void *mask, size_t length)
{
	static const uint8_t zeros[16];
	struct expression places = begin_expression(nft, "bitwise");
	netlink_put_be32(&nft->netlink, NFTA_BITWISE_SREG, LOADED);
	netlink_put_be32(&nft->netlink, NFTA_BITWISE_DREG, LOADED);
	netlink_put_be32(&nft->netlink, NFTA_BITWISE_LEN, (uint32_t)length);
	put_value(nft, NFTA_BITWISE_MASK, mask, length);
	put_value(nft, NFTA_BITWISE_XOR, zeros, length);
	end_expression(nft, places);
}

static void compare(
	struct nftables *nft, enum nft_cmp_ops operation, const void *data, size_t length)
{
	struct expression places = begin_expression(nft, "cmp");
	netlink_put_be32(&nft->netlink, NFTA_CMP_SREG, LOADED);
	netlink_put_be32(&nft->netlink, NFTA_CMP_OP, operation);
	put_value(nft, NFTA_CMP_DATA, data, length);
	end_expression(nft, places);
}

void nftables_equal(struct nftables *nft, const void *data, size_t length)
{
	compare(nft, NFT_CMP_EQ, data, length);
}

void nftables_differ(struct nftables *nft, const void *data, size_t length)
{
	compare(nft, NFT_CMP_NEQ, data, length);
}

static void set_register(struct nftables *nft, uint32_t number, const void *data, size_t length)
{
	struct expression places = begin_expression(nft, "immediate");
	netlink_put_be32(&nft->netlink, NFTA_IMMEDIATE_DREG, number);
	put_value(nft, NFTA_IMMEDIATE_DATA, data, length);
	end_expression(nft, places);
}

static void tproxy(
	struct nftables *nft, uint32_t family, const void *address, size_t length, uint16_t port)
{
	uint16_t wire_port = htons(port);
	set_register(nft, ADDRESS, address, length);
	set_register(nft, PORT, &wire_port, sizeof(wire_port));
	struct expression places = begin_expression(nft, "tproxy");
	netlink_put_be32(&nft->netlink, NFTA_TPROXY_FAMILY, family);
	netlink_put_be32(&nft->netlink, NFTA_TPROXY_REG_ADDR, ADDRESS);
	netlink_put_be32(&nft->netlink, NFTA_TPROXY_REG_PORT, PORT);
	end_expression(nft, places);
}

void nftables_tproxy(struct nftables *nft, const struct in_addr *address, uint16_t port)
{
	tproxy(nft, NFTABLES_IPV4, address, sizeof(*address), port);
}

void nftables_tproxy6(struct nftables *nft, const struct in6_addr *address, uint16_t port)
{
	tproxy(nft, NFTABLES_IPV6, address, sizeof(*address), port);
}

void nftables_verdict(struct nftables *nft, int verdict)
{
	struct expression places = begin_expression(nft, "immediate");
	netlink_put_be32(&nft->netlink, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = netlink_nest(&nft->netlink, NFTA_IMMEDIATE_DATA);
	size_t place = netlink_nest(&nft->netlink, NFTA_DATA_VERDICT);
	netlink_put_be32(&nft->netlink, NFTA_VERDICT_CODE, (uint32_t)verdict);
	netlink_nest_end(&nft->netlink, place);
	netlink_nest_end(&nft->netlink, data);
	end_expression(nft, places);
}

int nftables_commit(struct nftables *nft)
{
	uint32_t message = 0;
	edge_of_batch(nft, NFNL_MSG_BATCH_END);
	int r = netlink_send(&nft->netlink, NETLINK_NETFILTER, &message);
	if (r == -EPROTONOSUPPORT)
		r = -EOPNOTSUPP;
	return r < 0 ? fail(r, "put up nftables \"%s\" (message %u)", nft->table, message) : 0;
}
