// SPDX-License-Identifier: Apache-2.0

/*
 * escape bystander TOP: an innocent process outside, with everything one can get hold of a process
 * by.
 *
 * Out: one line "pid=... tcp=..." that tells how to find it. Then, for each line it reads, one of
 * what happened to it
 * ("signals=0 contacts=0 ..."); at the end of its input it takes away what it made in the kernel
 * and ends. Whoever talks to one of its sockets gets the secret; the exchange gives and takes
 * descriptors (SCM_RIGHTS).
 */

#include "escape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENERS_MAX = 32, MEMORY_SIZE = 64 };

enum service { ANSWER, EXCHANGE, DATAGRAM };

static struct pollfd listeners[LISTENERS_MAX];
static enum service services[LISTENERS_MAX];
static nfds_t listener_count;
static volatile sig_atomic_t signals;
static unsigned contacts;
static char *memory;
static int shared_memory, messages, semaphores;
static const char *top;

static void count_signal(int number)
{
	signals++;
}

static int must(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(2);
	}
	return (int)result;
}

static void listen_at(int fd, enum service service)
{
	listeners[listener_count] = (struct pollfd){.fd = fd, .events = POLLIN};
	services[listener_count++] = service;
}

static void listen_unix(const char *name, int type, enum service service)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	socklen_t size = sizeof(address);
	if (name[0] == '@') {
		address.sun_path[0] = '\0';
		size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	}
	int fd = must(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
	must(bind(fd, (void *)&address, size), name);
	if (type == SOCK_STREAM)
		must(listen(fd, 8), "listen");
	listen_at(fd, service);
}

/* Returns the port; 0 when there is no such family here. */
static int listen_port(int family, int type)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	bool is_six = family == AF_INET6;
	socklen_t size = is_six ? sizeof(six) : sizeof(four);
	void *address = is_six ? (void *)&six : (void *)&four;
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, address, size) < 0)
		return is_six ? 0 : must(-1, "bind");
	if (type == SOCK_STREAM)
		must(listen(fd, 8), "listen");
	must(getsockname(fd, address, &size), "getsockname");
	listen_at(fd, type == SOCK_DGRAM ? DATAGRAM : ANSWER);
	return ntohs(is_six ? six.sin6_port : four.sin_port);
}

static void keep_secrets(key_t key)
{
	struct {
		long type;
		char bytes[MEMORY_SIZE];
	} message = {1, SECRET};
	shared_memory = must(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600), "shmget");
	strcpy(shmat(shared_memory, NULL, 0), SECRET);
	messages = must(msgget(key, IPC_CREAT | IPC_EXCL | 0600), "msgget");
	must(msgsnd(messages, &message, sizeof(message.bytes), 0), "msgsnd");
	semaphores = must(semget(key, 1, IPC_CREAT | IPC_EXCL | 0600), "semget");

	const char *name = text("/rung-escape-%d", getpid());
	mqd_t queue = mq_open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL);
	if (queue >= 0)
		must(mq_send(queue, SECRET, strlen(SECRET), 0), "mq_send");
	int fd = must(open(text("/dev/shm%s", name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
		"/dev/shm");
	must(write(fd, SECRET, strlen(SECRET)), "write");
	close(fd);
	memory = strdup(SECRET "                                              ");
}

static void forget_secrets(void)
{
	const char *name = text("/rung-escape-%d", getpid());
	shmctl(shared_memory, IPC_RMID, NULL);
	msgctl(messages, IPC_RMID, NULL);
	semctl(semaphores, 0, IPC_RMID);
	mq_unlink(name);
	unlink(text("/dev/shm%s", name));
	unlink(text("/tmp/.X11-unix/X%d", getpid()));
}

static void serve_all(void)
{
	static const char *const names[] = {"service", "bus", "wayland-0", "agent"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		listen_unix(text("%s/run/%s", top, names[i]), SOCK_STREAM, ANSWER);
	listen_unix(text("%s/run/exchange", top), SOCK_STREAM, EXCHANGE);
	listen_unix(text("@rung-escape-%d", getpid()), SOCK_STREAM, ANSWER);
	listen_unix(text("@rung-escape-%d-exchange", getpid()), SOCK_STREAM, EXCHANGE);
	listen_unix(text("@rung-escape-%d-datagram", getpid()), SOCK_DGRAM, DATAGRAM);
	listen_unix(text("@/tmp/.X11-unix/X%d", getpid()), SOCK_STREAM, ANSWER);
	if (mkdir("/tmp/.X11-unix", 01777) == 0)
		chmod("/tmp/.X11-unix", 01777);
	listen_unix(text("/tmp/.X11-unix/X%d", getpid()), SOCK_STREAM, ANSWER);
}

static void tell_handle(const char *path)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id;
	if (name_to_handle_at(AT_FDCWD, path, &file.handle, &mount_id, 0) < 0)
		file.handle.handle_bytes = 0;
	printf(" handle_type=%d handle=", file.handle.handle_type);
	for (unsigned i = 0; i < file.handle.handle_bytes; i++)
		printf("%02x", file.handle.f_handle[i]);
}

static unsigned long long mount_namespace(void)
{
	enum { NS_GET_MOUNT_ID = 5 };
	uint64_t id = 0;
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, _IOR(0xb7, NS_GET_MOUNT_ID, uint64_t), &id) < 0)
		id = 0;
	close(fd);
	return id;
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void give_directory(int fd)
{
	int directory = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union control control = {.header = {.cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS,
					 .cmsg_len = CMSG_LEN(sizeof(int))}};
	memcpy(CMSG_DATA(&control.header), &directory, sizeof(directory));
	struct iovec part = {"d", 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	(void)!sendmsg(fd, &message, MSG_NOSIGNAL);
	close(directory);
}

/* "g": give a descriptor; anything that brings one along: take it. */
static void exchange(int fd)
{
	char byte = 0;
	union control control = {};
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1)
		return;
	if (byte == 'g')
		give_directory(fd);
	else if (message.msg_controllen >= sizeof(struct cmsghdr))
		(void)!send(fd, SECRET, strlen(SECRET), MSG_NOSIGNAL);
}

static void serve(nfds_t which)
{
	contacts++;
	if (services[which] == DATAGRAM) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		char bytes[64];
		if (recvfrom(listeners[which].fd, bytes, sizeof(bytes), 0, (void *)&from, &size) >=
			0)
			sendto(listeners[which].fd, SECRET, strlen(SECRET), 0, (void *)&from, size);
		return;
	}
	int fd = accept4(listeners[which].fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (services[which] == EXCHANGE)
		exchange(fd);
	else
		(void)!send(fd, SECRET, strlen(SECRET), MSG_NOSIGNAL);
	close(fd);
}

static void report(void)
{
	enum { WHO_PROCESS = 1 };
	printf("signals=%d contacts=%u nice=%d io=%ld memory=%d semaphore=%d\n", (int)signals,
		contacts, getpriority(PRIO_PROCESS, 0), syscall(SYS_ioprio_get, WHO_PROCESS, 0),
		strncmp(memory, SECRET, strlen(SECRET)) == 0, semctl(semaphores, 0, GETVAL));
	fflush(stdout);
}

int run_bystander(const char *directory)
{
	top = directory;
	struct sigaction counting = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
	sigaction(SIGURG, &counting, NULL);
	setpgid(0, 0);
	must(chdir(top), top);
	int secret = must(open("secret", O_RDONLY | O_CLOEXEC), "secret");
	/* No other key begins like this; two bystanders have two pids. */
	key_t key = (key_t)(0x52000000 | getpid());
	keep_secrets(key);
	listen_at(STDIN_FILENO, ANSWER);
	serve_all();
	printf("pid=%d address=%p secret_fd=%d key=%d display=%d mount_namespace=%llu", getpid(),
		(void *)memory, secret, key, getpid(), mount_namespace());
	printf(" tcp=%d tcp6=%d udp=%d", listen_port(AF_INET, SOCK_STREAM),
		listen_port(AF_INET6, SOCK_STREAM), listen_port(AF_INET, SOCK_DGRAM));
	tell_handle("secret");
	puts("");
	fflush(stdout);
	for (char byte;;) {
		if (poll(listeners, listener_count, -1) < 0)
			continue;
		for (nfds_t i = 1; i < listener_count; i++)
			if (listeners[i].revents)
				serve(i);
		if (!listeners[0].revents)
			continue;
		if (read(STDIN_FILENO, &byte, 1) <= 0)
			break;
		report();
	}
	forget_secrets();
	return 0;
}
