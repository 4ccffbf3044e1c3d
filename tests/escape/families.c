// SPDX-License-Identifier: Apache-2.0

/*
 * Sockets that are no connections: those which show the host's links, packets and devices, and
 * families that know no namespaces, so that only a filter keeps a program off them.
 */

#include "escape.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum verdict attempt_host_links(void)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
	} request = {{sizeof(request), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {}};
	char bytes[32768];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return held("netlink");
	ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
	if (size < 0)
		return held("netlink");
	/* A namespace of one's own has a loopback, which is 1, and what modules add to each. */
	for (struct nlmsghdr *message = (void *)bytes; NLMSG_OK(message, (size_t)size);
		message = NLMSG_NEXT(message, size)) {
		struct ifinfomsg *link = NLMSG_DATA(message);
		if (message->nlmsg_type == RTM_NEWLINK && !(link->ifi_flags & IFF_LOOPBACK) &&
			(link->ifi_flags & IFF_UP))
			return escaped("a link of the host is seen");
	}
	errno = 0;
	return impossible("there is no link but the loopback");
}

enum verdict attempt_kernel_events(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) < 0)
		return held("NETLINK_KOBJECT_UEVENT");
	/* A namespace that is not the host's may listen, but is told of its own devices alone. */
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	errno = 0;
	return poll(&waiting, 1, 500) == 1 ? escaped("events of devices are heard")
					   : held("no event is heard");
}

enum verdict attempt_raw_socket(void)
{
	if (socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP) < 0)
		return held("a raw socket");
	return escaped("a raw socket was made");
}

enum verdict attempt_packet_socket(void)
{
	if (socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)) < 0)
		return errno == EAFNOSUPPORT ? impossible("AF_PACKET") : held("AF_PACKET");
	return escaped("a packet socket was made");
}

static enum verdict make_socket(int family, int type, const char *name)
{
	if (socket(family, type | SOCK_CLOEXEC, 0) < 0)
		return errno == EAFNOSUPPORT ? impossible("%s", name) : held("%s", name);
	return escaped("a socket of %s was made", name);
}

enum verdict attempt_vsock(void)
{
	return make_socket(AF_VSOCK, SOCK_STREAM, "AF_VSOCK");
}

enum verdict attempt_kernel_crypto(void)
{
	return make_socket(AF_ALG, SOCK_SEQPACKET, "AF_ALG");
}

enum verdict attempt_rare_families(void)
{
	static const int known[] = {
		AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_ALG, AF_VSOCK, AF_PACKET};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW};
	bool refused = false;
	for (int family = 1; family < 64; family++) {
		bool skip = false;
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			skip |= known[i] == family;
		for (size_t i = 0; i < sizeof(types) / sizeof(*types) && !skip; i++) {
			if (socket(family, types[i] | SOCK_CLOEXEC, 0) >= 0)
				return escaped("a socket of family %d was made", family);
			refused |= errno == EPERM || errno == EACCES;
		}
	}
	errno = 0;
	return refused ? held("no such socket may be made")
		       : impossible("the kernel has no such family");
}
