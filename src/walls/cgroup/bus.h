// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A connection to a D-Bus bus (or directly to systemd), and calls over it. */

#include "walls/cgroup/bus_wire.h"

#include <stdbool.h>

/** Called for every signal that arrives while something else is waited for. */
typedef void bus_signal_handler(const struct bus_message *signal, void *context);

struct bus {
	int fd;
	uint32_t serial;
	bool direct; /* systemd's private socket: no bus in between, no names */
	bus_signal_handler *handler;
	void *context;
	uint8_t *frame;       /* the last one received; messages point into it */
	char error_name[128]; /* of the last call that was answered by an error */
};

/**
 * Connects to the user's or the system's bus: $DBUS_SESSION_BUS_ADDRESS,
 * $XDG_RUNTIME_DIR/bus, /run/user/UID/bus; $DBUS_SYSTEM_BUS_ADDRESS,
 * /run/dbus/system_bus_socket, /run/systemd/private.
 */
[[nodiscard]] int bus_connect(bool user, struct bus *ret_bus);
/** Is there a systemd of this user to connect to? Asks nobody but the file system. */
bool bus_serves_user(void);
/** Connects to one address ("unix:path=…", "unix:abstract=…"); @direct: nobody answers Hello(). */
[[nodiscard]] int bus_connect_address(const char *address, bool direct, struct bus *ret_bus);
void bus_fini(struct bus *bus);

/**
 * Calls a method and waits for its answer, whose body is left in *ret_reply until
 * the next call. -EREMOTEIO: answered by an error, whose name is in bus->error_name.
 */
[[nodiscard]] int bus_call(
	struct bus *bus, const struct bus_message *call, struct bus_message *ret_reply);

/** Receives one message and hands signals to the handler. -ETIMEDOUT after timeout_ms. */
[[nodiscard]] int bus_dispatch(struct bus *bus, int timeout_ms);
