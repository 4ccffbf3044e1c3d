// SPDX-License-Identifier: Apache-2.0

/*
 * A D-Bus client for one conversation: connect, say who we are, call, wait.
 *
 * Who we are is told by the kernel: SASL EXTERNAL with an empty identity lets the server
 * take the socket's credentials, which also works from a user namespace, where
 * the uid we know differs from the one it sees.
 *
 * Every wait has an end (CALL_TIMEOUT_MS), as a bus that hangs must not hang
 * every container (runc issues 3464, 4853).
 */

#include "walls/cgroup/bus.h"

#include "base/clock.h"
#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CALL_TIMEOUT_MS 25000 /* what libdbus uses */
#define AUTH_LINE_MAX 512

/* ---- bytes with a deadline ------------------------------------------------------ */

static int wait_readable(int fd, const struct clock_deadline *deadline)
{
	for (;;) {
		struct pollfd one = {fd, POLLIN, 0};
		int n = poll(&one, 1, clock_left_ms(deadline));
		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int receive(int fd, void *buffer, size_t length, const struct clock_deadline *deadline)
{
	for (uint8_t *at = buffer; length > 0;) {
		int r = wait_readable(fd, deadline);
		if (r < 0)
			return r;
		ssize_t n = recv(fd, at, length, MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

static int send_all(int fd, const void *bytes, size_t length)
{
	for (const char *at = bytes; length > 0;) {
		ssize_t n = send(fd, at, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

/* ---- who we are ---------------------------------------------------------------------- */

/* The server talks in lines until BEGIN; byte by byte, as what follows is not ours to take. */
static int read_line(int fd, char line[AUTH_LINE_MAX], const struct clock_deadline *deadline)
{
	for (size_t length = 0; length + 1 < AUTH_LINE_MAX; length++) {
		int r = receive(fd, line + length, 1, deadline);
		if (r < 0)
			return r;
		if (length > 0 && line[length] == '\n' && line[length - 1] == '\r') {
			line[length - 1] = '\0';
			return 0;
		}
	}
	return -EBADMSG;
}

static int authenticate(int fd)
{
	struct clock_deadline deadline = clock_deadline_in(CALL_TIMEOUT_MS);
	char line[AUTH_LINE_MAX];
	static const char hello[] = "\0AUTH EXTERNAL\r\n";
	int r = send_all(fd, hello, sizeof(hello) - 1);
	if (r == 0)
		r = read_line(fd, line, &deadline);
	if (r == 0 && text_starts(line, "DATA")) {
		r = send_all(fd, "DATA\r\n", 6);
		if (r == 0)
			r = read_line(fd, line, &deadline);
	}
	if (r == 0 && !text_starts(line, "OK "))
		r = -EACCES;
	return r < 0 ? r : send_all(fd, "BEGIN\r\n", 7);
}

/* ---- addresses ------------------------------------------------------------------------ */

/* 0..15, or so much that no byte can be made of it. */
static unsigned hex_digit(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *found = c ? strchr(digits, c) : NULL;
	return found ? (unsigned)(found - digits) % 16 : 1U + UINT8_MAX;
}

/* The value of a key in "unix:path=/a%20b,guid=…;…"; %XX is one byte. False: not there or bad. */
static bool address_value(const char *address, const char *key, char *value, size_t size)
{
	char wanted[16];
	snprintf(wanted, sizeof(wanted), "%s=", key);
	if (!text_starts(address, "unix:"))
		return false;
	const char *at = address + strlen("unix:");
	size_t end = strcspn(at, ";"), length = 0;
	for (const char *stop = at + end; at < stop; at += strcspn(at, ",;") + 1) {
		if (!text_starts(at, wanted))
			continue;
		for (at += strlen(wanted); at < stop && *at != ','; at++) {
			unsigned byte = (unsigned char)*at;
			if (*at == '%') {
				byte = hex_digit(at[1]) * 16 + (at[1] ? hex_digit(at[2]) : 0);
				if (byte == 0 || byte > UINT8_MAX)
					return false;
				at += 2;
			}
			if (length + 1 >= size)
				return false;
			value[length++] = (char)byte;
		}
		value[length] = '\0';
		return length > 0;
	}
	return false;
}

static int open_socket(const char *address)
{
	struct sockaddr_un socket_address = {.sun_family = AF_UNIX};
	char *path = socket_address.sun_path;
	size_t size = sizeof(socket_address.sun_path);
	socklen_t length;
	if (address_value(address, "path", path, size)) {
		length = sizeof(socket_address);
	} else if (address_value(address, "abstract", path + 1, size - 1)) {
		length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path + 1));
	} else {
		return -EAFNOSUPPORT;
	}
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&socket_address, length) < 0)
		return -errno;
	return take_fd(fd);
}

static int say_hello(struct bus *bus)
{
	struct bus_message reply;
	return bus_call(bus,
		&(struct bus_message){.path = "/org/freedesktop/DBus",
			.interface = "org.freedesktop.DBus",
			.member = "Hello",
			.destination = "org.freedesktop.DBus"},
		&reply);
}

int bus_connect_address(const char *address, bool direct, struct bus *ret_bus)
{
	struct bus bus = {.fd = open_socket(address), .direct = direct};
	if (bus.fd < 0)
		return fail(bus.fd, "connect to D-Bus at %s", address);
	int r = authenticate(bus.fd);
	if (r < 0)
		r = fail(r, "authenticate at D-Bus %s", address);
	else if (!direct)
		r = say_hello(&bus);
	if (r < 0) {
		bus_fini(&bus);
		return r;
	}
	*ret_bus = bus;
	return 0;
}

#define USER_BUS_PREFIX "unix:path="

static void user_bus(char *address, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (!text_empty(runtime))
		snprintf(address, size, USER_BUS_PREFIX "%s/bus", runtime);
	else
		snprintf(address, size, USER_BUS_PREFIX "/run/user/%u/bus", (unsigned)outer_user());
}

bool bus_serves_user(void)
{
	char path[256];
	user_bus(path, sizeof(path));
	return access("/run/systemd/system", F_OK) == 0 &&
	       access(path + strlen(USER_BUS_PREFIX), W_OK) == 0;
}

static int connect_user(struct bus *ret_bus)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	if (!text_empty(address))
		return bus_connect_address(address, false, ret_bus);
	char path[256];
	user_bus(path, sizeof(path));
	int r = bus_connect_address(path, false, ret_bus);
	if (r == -ENOENT || r == -ECONNREFUSED)
		hint("no systemd runs for this user: log in, or `loginctl enable-linger`; the "
		     "other "
		     "cgroup driver is cgroupfs (no --systemd-cgroup)");
	return r;
}

int bus_connect(bool user, struct bus *ret_bus)
{
	if (user)
		return connect_user(ret_bus);
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	if (text_empty(address))
		address = "unix:path=/run/dbus/system_bus_socket";
	int r = bus_connect_address(address, false, ret_bus);
	if (r != -ENOENT && r != -ECONNREFUSED)
		return r;
	if (bus_connect_address("unix:path=/run/systemd/private", true, ret_bus) == 0) {
		error_clear();
		return 0;
	}
	r = refuse(r, "the systemd cgroup driver needs D-Bus, and there is none at %s: %s", address,
		strerror(-r));
	hint("start the dbus service, or use the cgroupfs driver (no --systemd-cgroup)");
	return r;
}

void bus_fini(struct bus *bus)
{
	scope_close(&bus->fd);
	bus->fd = -1;
	free(bus->frame);
	bus->frame = NULL;
}

/* ---- calls -------------------------------------------------------------------------------- */

static int receive_message(
	struct bus *bus, const struct clock_deadline *deadline, struct bus_message *message)
{
	uint8_t header[BUS_HEADER_SIZE];
	size_t size = sizeof(header);
	int r = receive(bus->fd, header, sizeof(header), deadline);
	if (r == 0)
		r = bus_frame_size(header, &size);
	if (r < 0)
		return r;
	free(bus->frame);
	bus->frame = malloc(size);
	if (!bus->frame)
		return -ENOMEM;
	memcpy(bus->frame, header, sizeof(header));
	r = receive(bus->fd, bus->frame + sizeof(header), size - sizeof(header), deadline);
	if (r == 0)
		r = bus_message_read(bus->frame, size, message);
	if (r == 0 && message->type == BUS_SIGNAL && bus->handler)
		bus->handler(message, bus->context);
	return r;
}

int bus_dispatch(struct bus *bus, int timeout_ms)
{
	struct clock_deadline deadline = clock_deadline_in(timeout_ms);
	struct bus_message message;
	return receive_message(bus, &deadline, &message);
}

static int told_error(
	struct bus *bus, const struct bus_message *call, const struct bus_message *reply)
{
	snprintf(bus->error_name, sizeof(bus->error_name), "%s", reply->error_name);
	struct bus_reader body = {reply->body, reply->body_length, 0, false};
	const char *text = reply->signature[0] == 's' ? bus_get_string(&body) : "";
	return refuse(-EREMOTEIO, "%s: %s", call->member, text[0] ? text : reply->error_name);
}

int bus_call(struct bus *bus, const struct bus_message *call, struct bus_message *ret_reply)
{
	struct clock_deadline deadline = clock_deadline_in(CALL_TIMEOUT_MS);
	struct bus_message message = *call, reply = {};
	autofini(text_fini) struct text frame = {};
	message.type = BUS_CALL;
	message.serial = ++bus->serial;
	if (bus->direct)
		message.destination = NULL;
	bus->error_name[0] = '\0';
	bus_message_write(&frame, &message);
	int r = send_all(bus->fd, frame.bytes, frame.length);
	while (r == 0) {
		r = receive_message(bus, &deadline, &reply);
		if (r == 0 && (reply.type == BUS_RETURN || reply.type == BUS_ERROR) &&
			reply.reply_serial == message.serial)
			break;
	}
	if (r < 0)
		return fail(r, "D-Bus call %s", call->member);
	if (reply.type == BUS_ERROR)
		return told_error(bus, call, &reply);
	*ret_reply = reply;
	return 0;
}
