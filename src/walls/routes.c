// SPDX-License-Identifier: Apache-2.0

#include "walls/routes.h"

#include "base/error.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

static size_t address_length(uint8_t family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

void routes_link_up(struct netlink *netlink, unsigned interface)
{
	struct ifinfomsg header = {
		.ifi_index = (int)interface, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	netlink_begin(netlink, RTM_NEWLINK, NLM_F_ACK, &header, sizeof(header));
}

void routes_address(struct netlink *netlink, unsigned interface, uint8_t family,
	const void *address, uint8_t bits)
{
	struct ifaddrmsg header = {.ifa_family = family,
		.ifa_prefixlen = bits,
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = interface};
	size_t length = address_length(family);
	netlink_begin(netlink, RTM_NEWADDR, NLM_F_CREATE | NLM_F_ACK, &header, sizeof(header));
	netlink_put(netlink, IFA_LOCAL, address, length);
	netlink_put(netlink, IFA_ADDRESS, address, length);
}

void routes_local_default(
	struct netlink *netlink, unsigned interface, uint8_t family, const void *source)
{
	struct rtmsg header = {.rtm_family = family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_LOCAL};
	netlink_begin(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &header, sizeof(header));
	netlink_put_u32(netlink, RTA_OIF, interface);
	netlink_put(netlink, RTA_PREFSRC, source, address_length(family));
}

int routes_commit(struct netlink *netlink)
{
	uint32_t message = 0;
	int r = netlink_send(netlink, NETLINK_ROUTE, &message);
	return r < 0 ? fail(r, "set addresses and routes (message %u)", message) : 0;
}
