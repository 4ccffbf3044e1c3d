// SPDX-License-Identifier: Apache-2.0

/*
 * xdg-dbus-proxy(1) serves several buses at once, writes one byte to its --fd when all sockets
 * stand, and ends when the other end of that descriptor is closed: so it never outlives us.
 */

#include "engine/sandbox/bus.h"

#include "base/error.h"
#include "base/process.h"
#include "base/scope.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

enum { START_TIMEOUT_MS = 10000, ITS_FD = 3 };

static const char *const paths[] = {
	"/usr/bin/xdg-dbus-proxy", "/usr/local/bin/xdg-dbus-proxy", "/usr/libexec/xdg-dbus-proxy"};

struct wanted {
	struct arena *arena;
	const char **arguments;
	size_t count;
	bool system;
};

static bool belongs(const struct permission *permission, bool system)
{
	bool is_system = permission->value && text_starts(permission->value, "system:");
	return is_system == system;
}

static bool is_last_word(const struct permissions *permissions, const struct permission *permission)
{
	return permission->answer == PERMISSION_ALLOW &&
	       permissions_find(permissions, permission->kind, permission->value) == permission;
}

/* Names of one bus as the proxy's options; true if there are any. */
static bool add_names(
	const struct permissions *permissions, const char *path, struct wanted *wanted)
{
	const char *address =
		getenv(wanted->system ? "DBUS_SYSTEM_BUS_ADDRESS" : "DBUS_SESSION_BUS_ADDRESS");
	size_t before = wanted->count;
	if (text_empty(address))
		address = wanted->system ? "unix:path=/run/dbus/system_bus_socket"
					 : arena_format(wanted->arena, "unix:path=/run/user/%u/bus",
						   (unsigned)geteuid());
	wanted->arguments[wanted->count++] = address;
	wanted->arguments[wanted->count++] =
		arena_format(wanted->arena, "%s.%s", path, wanted->system ? "system-bus" : "bus");
	wanted->arguments[wanted->count++] = "--filter";
	size_t names = wanted->count;
	for (size_t i = 0; i < permissions->count; i++) {
		const struct permission *permission = &permissions->items[i];
		const char *name = NULL;
		if (permission->kind == PERMISSION_DBUS && belongs(permission, wanted->system))
			name = permission->value + (wanted->system ? strlen("system:") : 0);
		else if (permission->kind == PERMISSION_NOTIFICATIONS && !wanted->system)
			name = "org.freedesktop.Notifications";
		if (name && is_last_word(permissions, permission))
			wanted->arguments[wanted->count++] =
				arena_format(wanted->arena, "--talk=%s", name);
	}
	if (wanted->count == names)
		wanted->count = before;
	return wanted->count > before;
}

static const char *find_proxy(void)
{
	for (size_t i = 0; i < array_length(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* One byte: it stands. The end without one: it could not. */
static int wait_for_it(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char byte;
	int n = poll(&poll_fd, 1, START_TIMEOUT_MS);
	if (n == 0)
		return fail(-ETIMEDOUT, "xdg-dbus-proxy");
	if (n < 0 || read(fd, &byte, 1) != 1) {
		int r = refuse(-ENOENT, "xdg-dbus-proxy could not reach the bus");
		hint("is a session bus running? See DBUS_SESSION_BUS_ADDRESS");
		return r;
	}
	return 0;
}

int sandbox_bus_start(const struct permissions *permissions, const char *path, struct arena *arena,
	struct sandbox_bus *ret_bus)
{
	struct wanted wanted = {.arena = arena,
		.arguments = arena_new(arena, const char *, permissions->count + 16)};
	*ret_bus = (struct sandbox_bus){-1, -1};
	wanted.arguments[wanted.count++] = "xdg-dbus-proxy";
	wanted.arguments[wanted.count++] = "--fd=3";
	bool any = add_names(permissions, path, &wanted);
	wanted.system = true;
	any |= add_names(permissions, path, &wanted);
	if (!any)
		return 0;
	const char *program = find_proxy();
	if (!program) {
		int r = refuse(
			-ENOENT, "a D-Bus name was granted, and xdg-dbus-proxy is not there");
		hint("install the package xdg-dbus-proxy, or leave dbus= and notifications out");
		return r;
	}
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	autoclose int ours = ends[0], its = ends[1];
	const struct process_fd fds[] = {{its, ITS_FD}};
	const struct process_spawn spawn = {.program = program,
		.arguments = wanted.arguments,
		.fds = fds,
		.fd_count = array_length(fds)};
	struct process_child child;
	int r = process_start(&spawn, &child);
	if (r < 0)
		return r;
	close_now(its);
	struct sandbox_bus bus = {.pid_fd = child.pidfd, .alive_fd = take_fd(ours)};
	r = wait_for_it(bus.alive_fd);
	if (r < 0) {
		sandbox_bus_end(&bus);
		return r;
	}
	*ret_bus = bus;
	return 0;
}

void sandbox_bus_end(struct sandbox_bus *bus)
{
	int status;
	if (bus->pid_fd < 0)
		return;
	close_now(bus->alive_fd);
	if (process_wait_pidfd(bus->pid_fd, 2000) == 0 && process_reap(bus->pid_fd, &status) < 0)
		error_clear();
	close_now(bus->pid_fd);
}
