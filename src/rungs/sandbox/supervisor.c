// SPDX-License-Identifier: Apache-2.0

/*
 * Where something is asked for, somebody must be there to hear it: the supervisor, who stands
 * between starter and PID 1 and becomes rung-door.
 *
 *	rung (starter)          supervisor                      PID 1
 *	-------------------------------------------------------------------------------
 *	clone3             →    born: user and mount namespace
 *	                        doors made, still in the host's
 *	                        pid and network namespaces
 *	                        clone3(CLONE_PARENT)       →    born: all others
 *	its pid            ←                               ←    namespaces, sockets of the net door
 *	                        becomes rung-door               builds the root, doors in their
 *places
 *
 * It lives in the sandbox's user namespace with all its capabilities there, because only from there
 * may mounts be made inside; and in the host's view of files and network, because that is what it
 * lets in. The sandbox cannot see it: it has another pid namespace. PID 1 is the starter's child.
 * When it dies the doors answer with errors, and stay closed.
 */

#include "base/error.h"
#include "base/kernel.h"
#include "base/memory_file.h"
#include "base/text.h"
#include "rungs/sandbox/doors_files.h"
#include "rungs/sandbox/internal.h"
#include "walls/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

struct supervision {
	struct sandbox_inside *inside;
	const struct sandbox_doors *doors;
	int control_fd;
	int host_mounts_fd;
	pid_t pid; /* PID 1's, once it is born */
	int fuse_fds[SANDBOX_DOORS_MAX], mount_fds[SANDBOX_DOORS_MAX];
	int inside_fds[SANDBOX_INSIDE_FDS_MAX]; /* what PID 1 has sent */
	size_t inside_fd_count;
};

/* ---- powers -------------------------------------------------------------------------- */

/* So that they survive execve(2) of a user who is not root. */
static int make_capabilities_ambient(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {};
	if (syscall(SYS_capget, &header, data) < 0)
		return fail(-errno, "read capabilities");
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &header, data) < 0)
		return fail(-errno, "set capabilities");
	for (unsigned i = 0; i < 64; i++)
		if (data[i / 32].permitted >> i % 32 & 1 &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return fail(-errno, "raise ambient capability %u", i);
	return 0;
}

/* ---- doors and PID 1 ------------------------------------------------------------------- */

static int make_doors(struct supervision *supervision)
{
	supervision->host_mounts_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (supervision->host_mounts_fd < 0)
		return fail(-errno, "open /proc/self/ns/mnt");
	int r = 0;
	for (size_t i = 0; r == 0 && i < supervision->doors->path_count; i++)
		r = sandbox_file_door_make(&supervision->fuse_fds[i], &supervision->mount_fds[i]);
	return r;
}

/* Only rung-door may hold a door: with a copy open elsewhere its death would leave callers waiting.
 */
static void forget_doors(const struct supervision *supervision)
{
	for (size_t i = 0; i < supervision->doors->path_count; i++)
		(void)close(supervision->fuse_fds[i]);
	(void)close(supervision->host_mounts_fd);
	(void)close(supervision->control_fd);
}

static int start_inside(struct supervision *supervision, int *ret_socket)
{
	struct sandbox_inside *inside = supervision->inside;
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	struct clone_args arguments = {
		.flags = CLONE_PARENT |
			 (namespaces_new_flags(inside->request->plan) & ~(unsigned)CLONE_NEWUSER),
	};
	pid_t pid = kernel_clone3(&arguments);
	if (pid == 0) {
		(void)close(ends[0]);
		forget_doors(supervision);
		inside->supervisor_fd = ends[1];
		inside->door_mount_fds = supervision->mount_fds;
		sandbox_inside(inside);
	}
	(void)close(ends[1]);
	*ret_socket = ends[0];
	if (pid < 0)
		return fail(pid, "make namespaces");
	supervision->pid = pid;
	const struct sandbox_birth birth = {.kind = SANDBOX_BIRTH, .pid = pid};
	if (send(inside->channel_fd, &birth, sizeof(birth), MSG_NOSIGNAL) < 0)
		return fail(-errno, "report the sandbox's start");
	return 0;
}

/* ---- what PID 1 sends --------------------------------------------------------------------- */

int sandbox_send_inside(int socket_fd, const int *fds, size_t count)
{
	char control[CMSG_SPACE(SANDBOX_INSIDE_FDS_MAX * sizeof(int))] = {}, byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? fail(-errno, "hand the doors over")
							      : 0;
}

static int hear_inside(struct supervision *supervision, int socket_fd)
{
	char control[CMSG_SPACE(SANDBOX_INSIDE_FDS_MAX * sizeof(int))] = {}, byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!head || head->cmsg_type != SCM_RIGHTS)
		_exit(0); /* PID 1 has failed, and has said why */
	supervision->inside_fd_count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(supervision->inside_fds, CMSG_DATA(head),
		supervision->inside_fd_count * sizeof(int));
	return 0;
}

/* ---- becoming rung-door --------------------------------------------------------------------- */

static int inherit(int fd)
{
	(void)fcntl(fd, F_SETFD, 0);
	return fd;
}

static void write_handoff(const struct supervision *supervision, struct text *text)
{
	const struct sandbox_doors *doors = supervision->doors;
	text_format(text, "{%s,\"control\":%d,\"host_mounts\":%d,\"sandbox_mounts\":%d",
		doors->policy, inherit(supervision->control_fd),
		inherit(supervision->host_mounts_fd), inherit(supervision->inside_fds[0]));
	text_add(text, ",\"fuse\":[");
	for (size_t i = 0; i < doors->path_count; i++) {
		text_format(text, "%s{\"fd\":%d,\"mount\":%d,\"path\":", i ? "," : "",
			inherit(supervision->fuse_fds[i]), inherit(supervision->mount_fds[i]));
		text_json_string(text, doors->paths[i]);
		text_add(text, "}");
	}
	text_add(text, "],\"net\":[");
	for (size_t i = 1; i < supervision->inside_fd_count; i++)
		text_format(text, "%s%d", i > 1 ? "," : "", inherit(supervision->inside_fds[i]));
	text_add(text, "]}");
}

static int become_door(const struct supervision *supervision)
{
	const struct sandbox_doors *doors = supervision->doors;
	autofini(text_fini) struct text text = {};
	write_handoff(supervision, &text);
	int fd = memory_file("rung-door", false);
	if (fd < 0)
		return fail(fd, "create a file in memory");
	ssize_t n = write(fd, text.bytes, text.length);
	if (n != (ssize_t)text.length)
		return fail(n < 0 ? -errno : -EIO, "write the handoff");
	(void)lseek(fd, 0, SEEK_SET);
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", inherit(fd));
	int r = make_capabilities_ambient();
	if (r < 0)
		return r;
	char *const arguments[] = {(char *)"rung-door", number, NULL};
	execve(doors->program, arguments, environ);
	return fail(-errno, "start %s", doors->program);
}

static int supervise(struct supervision *supervision)
{
	int socket_fd = -1;
	int r = sandbox_map_ids(supervision->inside->request->plan);
	if (r == 0)
		r = make_doors(supervision);
	if (r == 0)
		r = start_inside(supervision, &socket_fd);
	if (r == 0)
		r = hear_inside(supervision, socket_fd);
	if (r < 0)
		return r;
	close_now(socket_fd);
	return become_door(supervision);
}

void sandbox_supervise(struct sandbox_inside *inside, int control_fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	kernel_reset_signals();
	struct supervision supervision = {.inside = inside,
		.doors = inside->request->doors,
		.control_fd = control_fd,
		.host_mounts_fd = -1};
	(void)supervise(&supervision);
	if (supervision.pid > 0)
		(void)kill(supervision.pid, SIGKILL);
	sandbox_give_up(inside->channel_fd);
}
