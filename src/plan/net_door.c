// SPDX-License-Identifier: Apache-2.0

#include "plan/net_door.h"

#include "plan/host.h"

static bool covers_loopback(const char *host)
{
	return host_covers(host, "localhost") || host_covers(host, "127.0.0.1") ||
	       host_covers(host, "::1");
}

size_t net_door_host_ports(
	const struct permissions *permissions, uint16_t ret_ports[NET_DOOR_HOST_PORTS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < permissions->count && count < NET_DOOR_HOST_PORTS_MAX; i++) {
		const struct permission *item = &permissions->items[i];
		if (item->kind == PERMISSION_NET && item->answer != PERMISSION_DENY &&
			item->value && item->port && covers_loopback(item->value))
			ret_ports[count++] = item->port;
	}
	return count;
}
