// SPDX-License-Identifier: Apache-2.0

/*
 * Talking to the outside. The bystander answers whoever gets through with the secret, at abstract
 * and named unix sockets and at ports of both loopbacks, and counts each contact.
 */

#include "escape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A name that begins with '@' is an abstract one. */
static socklen_t unix_address(const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", name);
	if (name[0] != '@')
		return sizeof(*ret);
	ret->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

static enum verdict hear_secret(int fd, const char *what)
{
	char bytes[256];
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	errno = ETIMEDOUT;
	if (poll(&waiting, 1, 2000) <= 0)
		return held("%s: no answer", what);
	ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
	return size < 0 ? held("%s", what) : find_secret(bytes, (size_t)size, what);
}

static enum verdict talk(int fd, const void *address, socklen_t size, const char *what)
{
	if (fd < 0 || connect(fd, address, size) < 0 || send(fd, "?", 1, MSG_NOSIGNAL) < 0)
		return held("%s", what);
	return hear_secret(fd, what);
}

static enum verdict talk_unix(const char *name, int type)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(name, &address);
	return talk(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), &address, size, name);
}

enum verdict attempt_abstract_stream(void)
{
	return talk_unix(text("@rung-escape-%s", world("pid")), SOCK_STREAM);
}

enum verdict attempt_abstract_datagram(void)
{
	struct sockaddr_un address, own = {.sun_family = AF_UNIX};
	socklen_t size = unix_address(text("@rung-escape-%s-datagram", world("pid")), &address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* An address of two bytes has the kernel choose an abstract one, for the answer. */
	if (fd < 0 || bind(fd, (void *)&own, sizeof(own.sun_family)) < 0)
		return held("bind");
	return talk(fd, &address, size, "an abstract datagram");
}

enum verdict attempt_abstract_name(void)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(text("@rung-escape-%s", world("pid")), &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return held("socket");
	if (bind(fd, (void *)&address, size) < 0 && errno == EADDRINUSE)
		return escaped("the name is taken: it is the host's");
	return held("the name is free here");
}

enum verdict attempt_unix_path(void)
{
	return talk_unix(in_world("run/service"), SOCK_STREAM);
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static int connect_exchange(void)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(text("@rung-escape-%s-exchange", world("pid")), &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (void *)&address, size) == 0)
		return fd;
	size = unix_address(in_world("run/exchange"), &address);
	return fd >= 0 && connect(fd, (void *)&address, size) == 0 ? fd : -1;
}

enum verdict attempt_receive_descriptor(void)
{
	int fd = connect_exchange();
	char byte;
	union control control = {};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	if (fd < 0 || send(fd, "g", 1, 0) != 1 || recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1)
		return held("connecting for a descriptor");
	if (message.msg_controllen < sizeof(struct cmsghdr) ||
		CMSG_FIRSTHDR(&message)->cmsg_type != SCM_RIGHTS)
		return held("no descriptor came");
	int directory;
	memcpy(&directory, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(directory));
	return read_secret(directory, "secret");
}

/* The bystander puts a file into the directory that it is given. */
enum verdict attempt_send_descriptor(void)
{
	int fd = connect_exchange();
	int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union control control = {.header = {.cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS,
					 .cmsg_len = CMSG_LEN(sizeof(int))}};
	memcpy(CMSG_DATA(&control.header), &directory, sizeof(directory));
	struct iovec part = {"t", 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	if (fd < 0 || sendmsg(fd, &message, MSG_NOSIGNAL) != 1)
		return held("connecting with a descriptor");
	return hear_secret(fd, "a descriptor was taken");
}

enum verdict attempt_make_socket_outside(void)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(in_world("run/false-bus"), &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (void *)&address, size) < 0)
		return held("bind");
	return done("a socket was made");
}

enum verdict attempt_display_abstract(void)
{
	return talk_unix(text("@/tmp/.X11-unix/X%s", world("display")), SOCK_STREAM);
}

enum verdict attempt_display_path(void)
{
	return talk_unix(text("/tmp/.X11-unix/X%s", world("display")), SOCK_STREAM);
}

/* X11 in a few bytes: set up (the reply names the root window), GrabKeyboard, its status. */
enum verdict attempt_display_grab(void)
{
	if (!*world("real_display"))
		return impossible("there is no Xvfb");
	const char *names[] = {text("@/tmp/.X11-unix/X%s", world("real_display")),
		text("/tmp/.X11-unix/X%s", world("real_display"))};
	int fd = -1;
	for (size_t i = 0; i < 2 && fd < 0; i++) {
		struct sockaddr_un address;
		socklen_t size = unix_address(names[i], &address);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (void *)&address, size) < 0)
			fd = -1;
	}
	const unsigned char hello[12] = {'l', 0, 11};
	static unsigned char setup[65536], grab[16] = {31, 1, 4}, reply[32];
	if (fd < 0 || write(fd, hello, sizeof(hello)) != sizeof(hello) ||
		recv(fd, setup, 8, MSG_WAITALL) != 8)
		return held("connecting to the display");
	size_t rest = 4 * (size_t)(setup[6] | setup[7] << 8);
	if (setup[0] != 1 || recv(fd, setup + 8, rest, MSG_WAITALL) != (ssize_t)rest)
		return held("the X server refused");
	size_t vendor = setup[24] | setup[25] << 8, formats = setup[29];
	memcpy(grab + 4, setup + 40 + (vendor + 3) / 4 * 4 + formats * 8, 4);
	grab[12] = grab[13] = 1;
	if (write(fd, grab, sizeof(grab)) != sizeof(grab) ||
		recv(fd, reply, sizeof(reply), MSG_WAITALL) != 32)
		return held("GrabKeyboard");
	return reply[0] == 1 && reply[1] == 0 ? escaped("the keyboard is grabbed")
					      : held("GrabKeyboard");
}

enum verdict attempt_wayland(void)
{
	return talk_unix(in_world("run/wayland-0"), SOCK_STREAM);
}

enum verdict attempt_session_bus(void)
{
	return talk_unix(in_world("run/bus"), SOCK_STREAM);
}

enum verdict attempt_system_bus(void)
{
	const char *names[] = {"/run/dbus/system_bus_socket", "/var/run/docker.sock",
		"/run/containerd/containerd.sock", "/run/podman/podman.sock",
		"/run/systemd/private"};
	bool there = access("/proc/1/cmdline", F_OK) < 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct sockaddr_un address;
		socklen_t size = unix_address(names[i], &address);
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (void *)&address, size) == 0)
			return escaped("connected to %s", names[i]);
		there |= access(names[i], F_OK) == 0;
	}
	return there ? held("services of the host") : impossible("no such service runs here");
}

enum verdict attempt_ssh_agent(void)
{
	const char *told = getenv("SSH_AUTH_SOCK");
	return talk_unix(told ? told : in_world("run/agent"), SOCK_STREAM);
}

static enum verdict talk_port(int family, const char *address, int type, const char *port)
{
	const char *what = text("%s port %s", address, port);
	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)world_number(port))};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six.sin6_port};
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (family == AF_INET6 && inet_pton(family, address, &six.sin6_addr) == 1)
		return talk(fd, &six, sizeof(six), what);
	if (inet_pton(family, address, &four.sin_addr) == 1)
		return talk(fd, &four, sizeof(four), what);
	return held("%s is no address", address);
}

enum verdict attempt_tcp(void)
{
	return talk_port(AF_INET, "127.0.0.1", SOCK_STREAM, "tcp");
}

enum verdict attempt_tcp_any(void)
{
	return talk_port(AF_INET, "0.0.0.0", SOCK_STREAM, "tcp");
}

enum verdict attempt_tcp6(void)
{
	if (world_number("tcp6") == 0)
		return impossible("there is no IPv6");
	return talk_port(AF_INET6, "::1", SOCK_STREAM, "tcp6");
}

enum verdict attempt_tcp_mapped(void)
{
	return talk_port(AF_INET6, "::ffff:127.0.0.1", SOCK_STREAM, "tcp");
}

enum verdict attempt_tcp_fast_open(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)world_number("tcp"))};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sendto(fd, "?", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&address, sizeof(address)) != 1)
		return held("MSG_FASTOPEN");
	return hear_secret(fd, "MSG_FASTOPEN");
}

enum verdict attempt_udp(void)
{
	return talk_port(AF_INET, "127.0.0.1", SOCK_DGRAM, "udp");
}

enum verdict attempt_udp6_mapped(void)
{
	return talk_port(AF_INET6, "::ffff:127.0.0.1", SOCK_DGRAM, "udp");
}

enum verdict attempt_share_ports(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)world_number("tcp"))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (void *)&address, sizeof(address)) < 0 && errno == EADDRINUSE)
		return escaped("the port is taken: it is the host's");
	return held("the port is free here");
}
