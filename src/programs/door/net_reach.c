// SPDX-License-Identifier: Apache-2.0

/*
 * From an address that a program used to the addresses that the door connects to.
 *
 * An address that stands for a name is judged by that name alone, and looked up on the host once it
 * is allowed; every other address is judged as it is written. What a name leads to is looked at
 * again: nobody's name leads to the inside of this machine (rebinding), only "localhost" and
 * addresses written out do. The addresses found here are the ones that are connected to: nothing
 * is looked up twice.
 */

#include "net.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

struct net_reach {
	struct net_door *door;
	struct policy_ticket *ticket;
	struct resolve_request *request;
	net_reached reached;
	void *context;
	bool inside_call; /* of policy_decide() or resolve_addresses(): no ticket is kept yet */
	bool finished;
	char host[HOST_NAME_MAX_LENGTH + 1];
};

/* ---- places ------------------------------------------------------------------------------ */

static bool is_host_port(const struct net_door *door, uint16_t port)
{
	for (size_t i = 0; i < door->host_port_count; i++)
		if (door->host_ports[i] == port)
			return true;
	return false;
}

static bool is_own(const struct address *address)
{
	const struct in6_addr own6 = NET_DOOR_OWN6;
	const struct in_addr own = NET_DOOR_OWN;
	if (address_is_v4(address))
		return memcmp(address->bytes + 12, &own, sizeof(own)) == 0;
	return memcmp(address->bytes, &own6, sizeof(own6)) == 0;
}

static bool is_loopback(const struct address *address)
{
	static const struct address loopback6 = {{[15] = 1}};
	if (address_is_v4(address))
		return address->bytes[12] == 127;
	return memcmp(address, &loopback6, sizeof(loopback6)) == 0;
}

/* Multicast, broadcast, link-local of IPv6: the rules of doors_net.c do not lead them here. */
static bool stays_inside(const struct address *address)
{
	if (address_is_v4(address))
		return (address->bytes[12] & 0xf0) == 0xe0 ||
		       memcmp(address->bytes + 12, "\xff\xff\xff\xff", 4) == 0;
	return address->bytes[0] == 0xff ||
	       (address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80);
}

/* Port 53 of an address that is no grant of its own is the resolver's, whoever was meant. */
static bool is_resolver(const struct net_door *door, const char *host, uint16_t port)
{
	const struct question question = {.kind = PERMISSION_NET, .value = host, .port = port};
	return port == 53 && policy_look(door->policy, &question) != PERMISSION_ALLOW;
}

/* "localhost", unless it is the address that was granted. */
static void name_loopback(const struct net_door *door, const struct endpoint *to,
	char ret_host[static HOST_NAME_MAX_LENGTH + 1])
{
	const struct question question = {
		.kind = PERMISSION_NET, .value = ret_host, .port = to->port};
	address_write(&to->address, ret_host);
	if (policy_look(door->policy, &question) != PERMISSION_ALLOW)
		(void)snprintf(ret_host, HOST_NAME_MAX_LENGTH + 1, "localhost");
}

enum net_place net_place_of(const struct net_door *door, const struct endpoint *to,
	char ret_host[static HOST_NAME_MAX_LENGTH + 1])
{
	const char *name = NULL;
	if (is_loopback(&to->address)) {
		name_loopback(door, to, ret_host);
		return is_host_port(door, to->port) ? NET_HOST : NET_INSIDE;
	}
	if (is_own(&to->address) || stays_inside(&to->address))
		return NET_INSIDE;
	switch (names_find(&door->names, &to->address, &name)) {
	case NAMES_NAME:
		(void)snprintf(ret_host, HOST_NAME_MAX_LENGTH + 1, "%s", name);
		return NET_HOST;
	case NAMES_DOOR:
		(void)snprintf(ret_host, HOST_NAME_MAX_LENGTH + 1, "localhost");
		return to->port == 53 ? NET_RESOLVER : NET_HOST;
	case NAMES_NOBODY:
	case NAMES_ELSEWHERE:
		break;
	}
	address_write(&to->address, ret_host);
	return is_resolver(door, ret_host, to->port) ? NET_RESOLVER : NET_HOST;
}

bool net_name_is_allowed(const struct net_door *door, const char *name)
{
	const struct question question = {.kind = PERMISSION_NET, .value = name};
	if (policy_look(door->policy, &question) == PERMISSION_ALLOW)
		return true;
	for (size_t i = 0; i < door->permissions->count; i++) {
		const struct permission *item = &door->permissions->items[i];
		if (item->kind == PERMISSION_NET && item->answer == PERMISSION_ALLOW &&
			host_covers(item->value, name))
			return true;
	}
	return false;
}

/* ---- reaching --------------------------------------------------------------------------- */

/* The caller may cancel from inside its callback, but need not: it is over either way. */
static void finish(
	struct net_reach *reach, int result, const struct address *addresses, size_t count)
{
	reach->finished = true;
	reach->reached(result, addresses, count, reach->context);
	if (!reach->inside_call)
		free(reach);
}

static void on_resolved(const struct resolved *resolved, void *context)
{
	struct net_reach *reach = context;
	struct address outward[RESOLVE_ADDRESSES_MAX];
	size_t count = 0;
	bool local = text_equal(reach->host, "localhost");
	reach->request = NULL;
	for (size_t i = 0; i < resolved->address_count; i++)
		if (local || !address_is_inward(&resolved->addresses[i]))
			outward[count++] = resolved->addresses[i];
	finish(reach, count ? 0 : -EHOSTUNREACH, outward, count);
}

static void on_decided(enum decision decision, void *context)
{
	struct net_reach *reach = context;
	struct address address;
	reach->ticket = NULL;
	if (decision != DECISION_ALLOW) {
		finish(reach, -EACCES, NULL, 0);
		return;
	}
	if (address_read(reach->host, &address)) {
		finish(reach, 0, &address, 1);
		return;
	}
	bool nested = reach->inside_call;
	reach->inside_call = true;
	struct resolve_request *request =
		resolve_addresses(reach->door->resolver, reach->host, on_resolved, reach);
	reach->inside_call = nested;
	reach->request = request;
	if (reach->finished && !nested)
		free(reach);
}

struct net_reach *net_reach_start(struct net_door *door, const char *host, int protocol,
	const struct endpoint_pair *pair, net_reached reached, void *context)
{
	struct net_reach *reach = calloc(1, sizeof(*reach));
	if (!reach) {
		reached(-EHOSTUNREACH, NULL, 0, context);
		return NULL;
	}
	*reach = (struct net_reach){
		.door = door, .reached = reached, .context = context, .inside_call = true};
	strncpy(reach->host, host, HOST_NAME_MAX_LENGTH);
	struct question question = {
		.kind = PERMISSION_NET, .value = reach->host, .port = pair->to.port};
	if (policy_look(door->policy, &question) == PERMISSION_ASK)
		question.pid = net_owner(door, protocol, pair);
	struct policy_ticket *ticket = policy_decide(door->policy, &question, on_decided, reach);
	reach->inside_call = false;
	if (reach->finished) {
		free(reach);
		return NULL;
	}
	reach->ticket = ticket;
	return reach;
}

void net_reach_cancel(struct net_reach *reach)
{
	if (!reach || reach->finished)
		return;
	if (reach->ticket)
		policy_withdraw(reach->door->policy, reach->ticket);
	resolve_cancel(reach->request);
	free(reach);
}
