// SPDX-License-Identifier: Apache-2.0

/*
 * `rung run IMG cat book | less`: the program ends long before the reader has turned the page.
 * Waiting for the reader would keep the container running that is not; letting go would lose the
 * end of the book. So the rest (what the pipes held: some hundred KB at most) goes to a grandchild
 * that has nothing but the clients' sockets, and that ends when they have read or are gone.
 */

#include "farewell.h"

#include "base/clock.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define READERS_MAX 64
#define PATIENCE_MS 10000 /* with those that are not the foreground */

struct kept {
	enum wire_kind kind;
	size_t length;
};

struct reader {
	int fd;
	unsigned wants;
	size_t place;
};

static struct text kept;
static struct reader readers[READERS_MAX];
static unsigned reader_count;

void farewell_keep(enum wire_kind kind, const void *bytes, size_t length)
{
	struct kept head = {kind, length};
	text_add_bytes(&kept, &head, sizeof(head));
	text_add_bytes(&kept, bytes, length);
}

size_t farewell_length(void)
{
	return kept.length;
}

void farewell_add_client(int fd, unsigned wants, size_t place)
{
	if (reader_count < READERS_MAX)
		readers[reader_count++] = (struct reader){fd, wants, place};
}

/* 0: all sent; -EAGAIN: later; other errors: the reader is gone. */
static int send_rest(struct reader *reader, int32_t exit_status)
{
	while (reader->place < kept.length) {
		struct kept head;
		memcpy(&head, kept.bytes + reader->place, sizeof(head));
		const char *bytes = kept.bytes + reader->place + sizeof(head);
		unsigned wanted = head.kind == WIRE_ERROR ? WIRE_WANTS_ERROR : WIRE_WANTS_OUTPUT;
		int r = reader->wants & wanted
				? wire_send(reader->fd, head.kind, bytes, head.length)
				: 0;
		if (r < 0)
			return r;
		reader->place += sizeof(head) + head.length;
	}
	return wire_send(reader->fd, WIRE_EXIT, &exit_status, sizeof(exit_status));
}

static void serve(int32_t exit_status)
{
	struct clock_deadline deadline = clock_deadline_in(PATIENCE_MS);
	for (unsigned left = reader_count; left > 0;) {
		struct pollfd fds[READERS_MAX];
		bool patient = true;
		for (unsigned i = 0; i < reader_count; i++) {
			fds[i] = (struct pollfd){.fd = readers[i].fd, .events = POLLOUT};
			if (readers[i].fd >= 0 && !(readers[i].wants & WIRE_FOREGROUND))
				patient = false;
		}
		(void)poll(fds, reader_count, patient ? -1 : clock_left_ms(&deadline));
		bool over = !patient && clock_left_ms(&deadline) == 0;
		for (unsigned i = 0; i < reader_count; i++) {
			struct reader *reader = &readers[i];
			if (reader->fd < 0)
				continue;
			int r = fds[i].revents ? send_rest(reader, exit_status) : -EAGAIN;
			bool late = over && !(reader->wants & WIRE_FOREGROUND);
			if (r != -EAGAIN || late) {
				close_now(reader->fd);
				left--;
			}
		}
	}
}

/* Nothing but the readers' sockets stays open. */
static void close_others(void)
{
	int highest = 2;
	for (unsigned i = 0; i < reader_count; i++)
		highest = readers[i].fd > highest ? readers[i].fd : highest;
	for (int fd = 0; fd <= highest; fd++) {
		bool ours = false;
		for (unsigned i = 0; i < reader_count; i++)
			ours |= readers[i].fd == fd;
		if (!ours)
			(void)close(fd);
	}
	(void)!kernel_close_range((unsigned)highest + 1, ~0u, 0);
}

void farewell_send(int exit_status)
{
	if (reader_count == 0)
		return;
	pid_t child = fork();
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	if (child != 0)
		return;
	if (fork() != 0)
		_exit(0);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "rung-farewell", 0, 0, 0);
	close_others();
	serve(exit_status);
	_exit(0);
}
