// SPDX-License-Identifier: Apache-2.0

/*
 * System calls that a wall of filters forgets: namespaces by each of their doors, other
 * architectures, io_uring, which does the work of many calls without making them.
 */

#include "escape.h"
#include "foreign_calls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static enum verdict new_namespace(long result, const char *what)
{
	if (result == 0 && what[0] == 'c')
		_exit(0);
	if (result > 0)
		waitpid((pid_t)result, NULL, 0);
	return result < 0 ? held("%s", what) : escaped("%s made a user namespace", what);
}

enum verdict attempt_user_namespace(void)
{
	return new_namespace(unshare(CLONE_NEWUSER), "unshare");
}

enum verdict attempt_user_namespace_clone(void)
{
	return new_namespace(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), "clone");
}

enum verdict attempt_user_namespace_clone3(void)
{
	struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	return new_namespace(syscall(SYS_clone3, &arguments, sizeof(arguments)), "clone3");
}

enum verdict attempt_user_namespace_i386(void)
{
	enum { I386_UNSHARE = 310 };
	long result = i386_call(I386_UNSHARE, CLONE_NEWUSER, 0, 0);
	return result < 0 && errno == ENOSYS ? impossible("int 0x80")
					     : new_namespace(result, "unshare of i386");
}

enum verdict attempt_user_namespace_x32(void)
{
	long result = syscall(X32_BIT | SYS_unshare, CLONE_NEWUSER);
	return result < 0 && errno == ENOSYS ? impossible("x32")
					     : new_namespace(result, "unshare of x32");
}

enum verdict attempt_open_i386(void)
{
	enum { I386_OPEN = 5 };
	char *low = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return held("mmap");
	strcpy(low, in_world("secret"));
	long fd = i386_call(I386_OPEN, (unsigned)(uintptr_t)low, O_RDONLY, 0);
	if (fd < 0 && errno == ENOSYS)
		return impossible("int 0x80");
	return read_secret_from((int)fd, "open of i386");
}

enum verdict attempt_looser_filter(void)
{
	struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct sock_fprog program = {1, &allow};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	if (unshare(CLONE_NEWUSER) == 0)
		return escaped("a looser filter took away a stricter one");
	return read_secret(AT_FDCWD, in_world("secret"));
}

/* A ring with one entry; what was submitted is waited for. */
struct ring {
	int fd;
	struct io_uring_sqe *entry;
	char *submitted, *completed;
	struct io_uring_params about;
};

static bool ring_init(struct ring *ring)
{
	*ring = (struct ring){};
	ring->fd = (int)syscall(SYS_io_uring_setup, 1, &ring->about);
	if (ring->fd < 0)
		return false;
	ring->submitted =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->completed =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->entry =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->submitted != MAP_FAILED && ring->completed != MAP_FAILED &&
	       ring->entry != MAP_FAILED;
}

static int ring_do(struct ring *ring, struct io_uring_sqe entry)
{
	*ring->entry = entry;
	*(unsigned *)(ring->submitted + ring->about.sq_off.array) = 0;
	atomic_fetch_add((_Atomic unsigned *)(ring->submitted + ring->about.sq_off.tail), 1);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	unsigned head = atomic_fetch_add(
		(_Atomic unsigned *)(ring->completed + ring->about.cq_off.head), 1);
	unsigned mask = *(unsigned *)(ring->completed + ring->about.cq_off.ring_mask);
	struct io_uring_cqe *results = (void *)(ring->completed + ring->about.cq_off.cqes);
	int result = results[head & mask].res;
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : result;
}

static enum verdict no_ring(void)
{
	return errno == ENOSYS ? impossible("io_uring_setup") : held("io_uring_setup");
}

enum verdict attempt_ring_open(void)
{
	struct ring ring;
	if (!ring_init(&ring))
		return no_ring();
	int fd = ring_do(&ring, (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
					.fd = AT_FDCWD,
					.addr = (uintptr_t)in_world("secret"),
					.open_flags = O_RDONLY});
	return read_secret_from(fd, "IORING_OP_OPENAT");
}

enum verdict attempt_ring_connect(void)
{
	struct ring ring;
	if (!ring_init(&ring))
		return no_ring();
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)world_number("tcp"))};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = ring_do(
		&ring, (struct io_uring_sqe){
			       .opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_STREAM});
	if (fd < 0)
		return held("IORING_OP_SOCKET");
	if (ring_do(&ring, (struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
				   .fd = fd,
				   .addr = (uintptr_t)&address,
				   .off = sizeof(address)}) < 0)
		return held("IORING_OP_CONNECT");
	return write(fd, "?", 1) == 1 ? read_secret_from(fd, "IORING_OP_CONNECT") : held("write");
}

enum verdict attempt_ring_setup(void)
{
	struct ring ring;
	return ring_init(&ring) ? escaped("calls can be made behind the filter's back") : no_ring();
}

enum verdict attempt_personality(void)
{
	return reached(personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC), "personality");
}

enum verdict attempt_user_faults(void)
{
	long fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 && errno != ENOSYS)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	return reached_if_built(fd, "userfaultfd");
}
