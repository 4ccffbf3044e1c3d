// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * D-Bus through xdg-dbus-proxy: a program of its own stands between the bus and the sandbox and
 * lets through calls to the names that were granted (`dbus=NAME`, `dbus=system:NAME`).
 */

#include "base/arena.h"
#include "plan/permission.h"

struct sandbox_bus {
	int pid_fd;   /* of the proxy, -1: none */
	int alive_fd; /* it ends when this is closed */
};

/**
 * Starts the proxy if any name is granted; its sockets are "@path.bus" and "@path.system-bus".
 * -ENOENT with a story when xdg-dbus-proxy or the bus is not there.
 */
[[nodiscard]] int sandbox_bus_start(const struct permissions *permissions, const char *path,
	struct arena *arena, struct sandbox_bus *ret_bus);

/** Ends it; sandbox_record_end() removes its sockets. */
void sandbox_bus_end(struct sandbox_bus *bus);
