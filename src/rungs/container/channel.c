// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/channel.h"

#include "base/error.h"
#include "base/log.h"
#include "rungs/container/handoff.h"

#include <string.h>
#include <sys/socket.h>

void channel_fini(struct channel *channel)
{
	close_now(channel->starter);
	close_now(channel->child);
}

int channel_init(struct channel *ret_channel)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "create a socket pair");
	*ret_channel = (struct channel){.starter = ends[0], .child = ends[1]};
	return 0;
}

int channel_order(const struct channel *channel, const struct child_order *order)
{
	ssize_t n = send(channel->starter, order, sizeof(*order), MSG_NOSIGNAL);
	if (n == (ssize_t)sizeof(*order))
		return 0;
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		return fail(-errno, "speak to the container's first process");
	/* Its own report explains better why it is gone. */
	int r = channel_wait(channel->starter);
	return r < 0 ? r : refuse(-ECHILD, "the container's first process died while being set up");
}

static int adopt(const struct handoff_report *report)
{
	int r = report->error ? fail(-report->error, "%s", report->text)
			      : error_adopt(-EIO, report->text, report->advice);
	if (report->advice[0])
		hint("%s", report->advice);
	error_set_exit_status(report->exit_status);
	return r;
}

int channel_wait(int fd)
{
	for (;;) {
		struct handoff_report report;
		ssize_t n = recv(fd, &report, sizeof(report), 0);
		/*
		 * The other end went away with an order unread. That is said once and before
		 * its last words, which are still in the queue.
		 */
		if (n < 0 && (errno == EINTR || errno == ECONNRESET))
			continue;
		if (n < 0)
			return fail(-errno, "hear from the container's first process");
		if (n < (ssize_t)HANDOFF_REPORT_BARE)
			return CHANNEL_CLOSED;
		memset((char *)&report + n, 0, sizeof(report) - (size_t)n);
		report.text[sizeof(report.text) - 1] = '\0';
		report.advice[sizeof(report.advice) - 1] = '\0';
		switch (report.kind) {
		case HANDOFF_WARNING:
			warn("%s", report.text);
			continue;
		case HANDOFF_READY:
			return CHANNEL_READY;
		default:
			return adopt(&report);
		}
	}
}

int channel_wait_program(int fd)
{
	int r = channel_wait(fd);
	if (r == CHANNEL_READY)
		r = channel_wait(fd);
	else if (r == CHANNEL_CLOSED)
		return refuse(-ECHILD, "the process died before its program began");
	return r < 0 ? r : 0;
}
