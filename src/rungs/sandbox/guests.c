// SPDX-License-Identifier: Apache-2.0

/*
 * PID 1's side of `enter`: a connection asks for a program, with its words and three descriptors,
 * and gets a child of PID 1 that goes the same way as the first program. So whoever enters stands
 * behind the same walls, and nobody needs the right to trace PID 1 in order to join its namespaces.
 *
 * The socket lies in the person's own runtime directory, which is not to be seen inside; that alone
 * decides who may enter.
 */

#include "rungs/sandbox/guests.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* ---- the call ------------------------------------------------------------------------ */

struct heard {
	struct sandbox_call *call;
	const char *directory;
	const char **arguments, **environment;
	int fds[3];
};

static void heard_fini(struct heard *heard)
{
	for (int i = 0; i < 3; i++)
		close_now(heard->fds[i]);
	free(heard->call);
	free((void *)heard->arguments);
	free((void *)heard->environment);
}

static void take_descriptors(struct msghdr *message, int fds[3])
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
		part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (i < 3 && fds[i] < 0)
				fds[i] = fd;
			else
				(void)close(fd);
		}
	}
}

/* Cuts @count strings off; false if the text ends before. */
static bool cut(const char **rest, const char *end, size_t count, const char **items)
{
	for (size_t i = 0; i < count; i++) {
		const char *nul = memchr(*rest, '\0', (size_t)(end - *rest));
		if (!nul)
			return false;
		items[i] = *rest;
		*rest = nul + 1;
	}
	return true;
}

static bool understand(struct heard *heard, size_t length)
{
	const struct sandbox_call *call = heard->call;
	if (length <= sizeof(*call) || call->magic != SANDBOX_CALL_MAGIC ||
		call->total_bytes != length || call->argument_count == 0 ||
		call->argument_count > length || call->environment_count > length)
		return false;
	heard->arguments = calloc(call->argument_count + 1ul, sizeof(char *));
	heard->environment = calloc(call->environment_count + 1ul, sizeof(char *));
	if (!heard->arguments || !heard->environment)
		return false;
	const char *rest = (const char *)(call + 1), *end = (const char *)call + length;
	return cut(&rest, end, 1, &heard->directory) &&
	       cut(&rest, end, call->argument_count, heard->arguments) &&
	       cut(&rest, end, call->environment_count, heard->environment);
}

static int hear_call(int connection, struct heard *heard)
{
	heard->call = calloc(1, SANDBOX_CALL_MAX);
	if (!heard->call)
		return fail(-ENOMEM, "enter");
	char control[CMSG_SPACE(3 * sizeof(int))] = {};
	struct iovec part = {heard->call, SANDBOX_CALL_MAX};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return fail(-errno, "enter");
	take_descriptors(&message, heard->fds);
	if (heard->fds[2] < 0 || !understand(heard, (size_t)n))
		return refuse(-EINVAL, "enter: the request is not understood");
	return 0;
}

/* ---- the guest ------------------------------------------------------------------------ */

[[gnu::noreturn]] static void be_guest(
	const struct sandbox_inside *inside, const struct heard *heard, int connection)
{
	(void)setsid();
	for (int i = 0; i < 3; i++)
		if (dup2(heard->fds[i], i) < 0)
			_exit(125);
	if (heard->call->terminal)
		(void)ioctl(STDIN_FILENO, TIOCSCTTY, 0);
	const struct sandbox_program program = {.arguments = heard->arguments,
		.environment = heard->environment,
		.directory = heard->directory[0] ? heard->directory : NULL,
		.report_fd = connection};
	sandbox_become(inside, &program);
}

static void tell_failure(int connection)
{
	struct handoff_report report = {.kind = HANDOFF_FAILED, .exit_status = 125};
	(void)snprintf(report.text, sizeof(report.text), "%s", error_text());
	(void)send(connection, &report, sizeof(report), MSG_NOSIGNAL | MSG_DONTWAIT);
	error_clear();
}

void sandbox_guest_take(const struct sandbox_inside *inside, struct sandbox_guests *guests)
{
	autoclose int connection = accept4(inside->request->enter_fd, NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0)
		return;
	/* A caller that says nothing must not hold up the others. */
	struct timeval patience = {.tv_sec = 2};
	(void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	autofini(heard_fini) struct heard heard = {.fds = {-1, -1, -1}};
	int r = hear_call(connection, &heard);
	if (r == 0 && guests->count == SANDBOX_GUESTS_MAX)
		r = refuse(-EBUSY, "enter: %d programs have entered this sandbox already",
			SANDBOX_GUESTS_MAX);
	pid_t pid = r < 0 ? -1 : fork();
	if (pid == 0)
		be_guest(inside, &heard, connection);
	if (r == 0 && pid < 0)
		r = fail(-errno, "fork");
	if (r < 0) {
		tell_failure(connection);
		return;
	}
	guests->items[guests->count++] =
		(struct sandbox_guest){.pid = pid, .fd = take_fd(connection)};
}

size_t sandbox_guests_poll(const struct sandbox_guests *guests, struct pollfd *ret_fds)
{
	for (size_t i = 0; i < guests->count; i++)
		ret_fds[i] = (struct pollfd){.fd = guests->items[i].fd, .events = POLLIN};
	return guests->count;
}

static void forget(struct sandbox_guests *guests, size_t index)
{
	close_now(guests->items[index].fd);
	guests->items[index] = guests->items[--guests->count];
}

void sandbox_guest_hear(struct sandbox_guests *guests, int fd)
{
	for (size_t i = 0; i < guests->count; i++) {
		if (guests->items[i].fd != fd)
			continue;
		int32_t number;
		ssize_t n = recv(fd, &number, sizeof(number), MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(number) && number > 0 && number <= KERNEL_SIGNALS) {
			(void)kill(guests->items[i].pid, number);
		} else if (n == 0) {
			(void)kill(guests->items[i].pid, SIGHUP);
			forget(guests, i);
		}
		return;
	}
}

void sandbox_guest_ended(struct sandbox_guests *guests, pid_t pid, int status)
{
	for (size_t i = 0; i < guests->count; i++) {
		if (guests->items[i].pid != pid)
			continue;
		const struct sandbox_farewell farewell = {.status = status};
		(void)send(guests->items[i].fd, &farewell, sizeof(farewell),
			MSG_NOSIGNAL | MSG_DONTWAIT);
		forget(guests, i);
		return;
	}
}
