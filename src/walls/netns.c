// SPDX-License-Identifier: Apache-2.0

/*
 * The loopback interface needs one ioctl. Moving a host interface is a small dialogue with
 * rtnetlink(7): remember its addresses, move (and rename) it with RTM_NEWLINK, and in the new
 * namespace give it the addresses back, because the kernel drops them on the way.
 */

#include "walls/netns.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int netns_loopback_up(void)
{
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : fail(-errno, "bring the loopback interface up");
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return fail(-errno, "bring the loopback interface up");
	return 0;
}

int netns_make(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return fail(-errno, "make a network namespace");
	int r = netns_loopback_up();
	if (r < 0)
		return r;
	autoclose int any = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = any < 0 ? -1 : ioctl(any, SIOCGSKNS);
	return fd < 0 ? fail(-errno, "open the network namespace") : fd;
}

/* ---- rtnetlink ---------------------------------------------------------------- */

struct message {
	struct nlmsghdr header;
	char room[512];
};

static void add_attribute(
	struct message *message, unsigned short type, const void *data, size_t length)
{
	size_t offset = NLMSG_ALIGN(message->header.nlmsg_len);
	struct rtattr *attribute = (struct rtattr *)(void *)((char *)message + offset);
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), data, length);
	message->header.nlmsg_len = (unsigned)(offset + RTA_ALIGN(attribute->rta_len));
}

static int open_route_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return fd < 0 ? -errno : fd;
}

/* One request, one acknowledgement. */
static int talk(int fd, struct message *message)
{
	message->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, message, message->header.nlmsg_len, 0) < 0)
		return -errno;
	char answer[4096];
	ssize_t n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)answer;
	if ((size_t)n < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

/* ---- addresses --------------------------------------------------------------------- */

struct address {
	unsigned char family, prefix_length, flags, scope;
	unsigned char bytes[16];
	size_t length;
};

#define ADDRESSES_MAX 64

struct addresses {
	struct address items[ADDRESSES_MAX];
	size_t count;
};

static void keep_address(const struct nlmsghdr *header, int index, struct addresses *addresses)
{
	const struct ifaddrmsg *about = NLMSG_DATA(header);
	/* Link-local IPv6 addresses come by themselves. */
	bool link_local = about->ifa_family == AF_INET6 && about->ifa_scope == RT_SCOPE_LINK;
	if ((int)about->ifa_index != index || link_local || addresses->count == ADDRESSES_MAX)
		return;
	struct address *address = &addresses->items[addresses->count];
	*address = (struct address){
		about->ifa_family, about->ifa_prefixlen, about->ifa_flags, about->ifa_scope, {}, 0};
	int left = (int)IFA_PAYLOAD(header);
	for (const struct rtattr *a = IFA_RTA(about); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		bool local = a->rta_type == IFA_LOCAL;
		bool plain = a->rta_type == IFA_ADDRESS && address->length == 0;
		if ((!local && !plain) || RTA_PAYLOAD(a) > sizeof(address->bytes))
			continue;
		address->length = RTA_PAYLOAD(a);
		memcpy(address->bytes, RTA_DATA(a), address->length);
	}
	if (address->length)
		addresses->count++;
}

static int read_addresses(int fd, int index, struct addresses *addresses)
{
	struct message message = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
					  .nlmsg_type = RTM_GETADDR,
					  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	if (send(fd, &message, message.header.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		alignas(struct nlmsghdr) char answer[32768];
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		if (n < 0)
			return -errno;
		unsigned left = (unsigned)n;
		for (const struct nlmsghdr *h = (const void *)answer; NLMSG_OK(h, left);
			h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_type == RTM_NEWADDR)
				keep_address(h, index, addresses);
		}
	}
}

static int add_address(int fd, int index, const struct address *address)
{
	struct message message = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
					  .nlmsg_type = RTM_NEWADDR,
					  .nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE}};
	struct ifaddrmsg *about = NLMSG_DATA(&message.header);
	*about = (struct ifaddrmsg){.ifa_family = address->family,
		.ifa_prefixlen = address->prefix_length,
		.ifa_scope = address->scope,
		.ifa_index = (unsigned)index};
	add_attribute(&message, IFA_LOCAL, address->bytes, address->length);
	add_attribute(&message, IFA_ADDRESS, address->bytes, address->length);
	return talk(fd, &message);
}

/* ---- links --------------------------------------------------------------------------- */

static int move_link(int fd, int index, const char *name, int netns_fd)
{
	struct message message = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
					  .nlmsg_type = RTM_NEWLINK}};
	struct ifinfomsg *about = NLMSG_DATA(&message.header);
	*about = (struct ifinfomsg){.ifi_family = AF_UNSPEC, .ifi_index = index};
	uint32_t target = (uint32_t)netns_fd;
	add_attribute(&message, IFLA_NET_NS_FD, &target, sizeof(target));
	add_attribute(&message, IFLA_IFNAME, name, strlen(name) + 1);
	return talk(fd, &message);
}

static int raise_link(int fd, int index)
{
	struct message message = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
					  .nlmsg_type = RTM_NEWLINK}};
	struct ifinfomsg *about = NLMSG_DATA(&message.header);
	*about = (struct ifinfomsg){.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP};
	return talk(fd, &message);
}

static int set_up_inside(const char *name, const struct addresses *addresses)
{
	int index = (int)if_nametoindex(name);
	if (index == 0)
		return -errno;
	autoclose int fd = open_route_socket();
	if (fd < 0)
		return fd;
	int r = 0;
	for (size_t i = 0; r == 0 && i < addresses->count; i++)
		r = add_address(fd, index, &addresses->items[i]);
	return r < 0 ? r : raise_link(fd, index);
}

/* The starter must not change its own network namespace: hooks run in it. A child does. */
static int set_up_in_namespace(int netns_fd, const char *name, const struct addresses *addresses)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD, .flags = CLONE_PIDFD};
	int pidfd = -1, status;
	arguments.pidfd = (uint64_t)(uintptr_t)&pidfd;
	pid_t pid = kernel_clone3(&arguments);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		int r = setns(netns_fd, CLONE_NEWNET) < 0 ? -errno : set_up_inside(name, addresses);
		_exit(r < 0 && r > -256 ? -r : 0);
	}
	autoclose int child = pidfd;
	int r = process_reap(child, &status);
	return r < 0 ? r : -process_exit_code(status);
}

static int move_one(const struct plan_net_device *device, int netns_fd)
{
	const char *name = device->container_name ? device->container_name : device->host_name;
	int index = (int)if_nametoindex(device->host_name);
	if (index == 0)
		return fail(-ENODEV, "network device %s", device->host_name);
	autoclose int fd = open_route_socket();
	struct addresses addresses = {};
	int r = fd < 0 ? fd : read_addresses(fd, index, &addresses);
	if (r == 0)
		r = move_link(fd, index, name, netns_fd);
	if (r == 0)
		r = set_up_in_namespace(netns_fd, name, &addresses);
	return r < 0 ? fail(r, "move network device %s into the container as %s", device->host_name,
			       name)
		     : 0;
}

int netns_move_devices(const struct plan *plan, pid_t pid)
{
	if (plan->net_device_count == 0)
		return 0;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	autoclose int netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (netns_fd < 0)
		return fail(-errno, "open the container's network namespace");
	for (size_t i = 0; i < plan->net_device_count; i++) {
		int r = move_one(&plan->net_devices[i], netns_fd);
		if (r < 0)
			return r;
	}
	return 0;
}
