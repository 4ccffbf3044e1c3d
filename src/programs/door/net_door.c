// SPDX-License-Identifier: Apache-2.0

/* Puts the parts of the net door together; net.h says what they are. */

#include "net.h"

#include "base/error.h"
#include "base/scope.h"

#include <string.h>
#include <sys/socket.h>

void net_send_packet(
	struct net_door *door, const struct endpoint *to, const void *packet, size_t length)
{
	/* Raw sockets of IPv6 take a port for a protocol: there must be none. */
	const struct endpoint address = {to->address, 0};
	struct sockaddr_storage name;
	socklen_t name_length = endpoint_to_socket(&address, &name);
	int fd = door->fds[name.ss_family == AF_INET ? NET_DOOR_RAW : NET_DOOR_RAW6];
	(void)!sendto(fd, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&name, name_length);
}

int net_door_new(struct loop *loop, const struct net_door_settings *settings, struct net_door **ret)
{
	struct net_door *door = calloc(1, sizeof(*door));
	if (!door)
		return fail(-ENOMEM, "start the net door");
	door->loop = loop;
	door->policy = settings->policy;
	door->permissions = settings->permissions;
	door->host_port_count = net_door_host_ports(door->permissions, door->host_ports);
	for (size_t i = 0; i < NET_DOOR_FD_COUNT; i++)
		door->fds[i] = i < settings->fd_count ? settings->fds[i] : -1;
	int r = settings->fd_count < NET_DOOR_FD_COUNT_V4
			? refuse(-EINVAL, "the net door needs %d sockets", NET_DOOR_FD_COUNT_V4)
			: 0;
	if (r == 0)
		r = resolver_new(loop, &door->resolver);
	if (r == 0)
		r = net_relays_new(loop, &door->relays);
	if (r == 0)
		r = net_dns_new(door, &door->dns);
	if (r == 0)
		r = net_tcp_new(door, &door->tcp);
	if (r == 0)
		r = net_udp_new(door, &door->udp);
	if (r == 0)
		r = net_listen_new(door, &door->listen);
	if (r == 0) {
		*ret = door;
		return 0;
	}
	memset(door->fds, 0xff, sizeof(door->fds)); /* still the caller's */
	net_door_free(door);
	return r;
}

void net_door_free(struct net_door *door)
{
	if (!door)
		return;
	net_listen_free(door->listen);
	net_udp_free(door->udp);
	net_tcp_free(door->tcp);
	net_dns_free(door->dns);
	net_relays_free(door->relays);
	resolver_free(door->resolver);
	names_fini(&door->names);
	for (size_t i = 0; i < NET_DOOR_FD_COUNT; i++)
		close_now(door->fds[i]);
	free(door);
}
