// SPDX-License-Identifier: Apache-2.0

/*
 * The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram per entry, with
 * lines NAME=value, or, for a value that may hold anything, NAME, a newline, its length as 64 bits
 * little-endian, the value, a newline. A line is at most 16 KiB here, so an entry always fits a
 * datagram and the protocol's other form, a sealed memfd, is never needed.
 *
 * The fields are those that Docker and Podman write, so that `journalctl CONTAINER_NAME=web` and
 * every tool made for them finds the lines.
 */

#include "journal.h"

#include "base/scope.h"
#include "base/text.h"

#include <endian.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define BUSY_MS 200

static int journal_fd = -1;

static int journal_open(void)
{
	if (journal_fd >= 0)
		return 0;
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	journal_fd = take_fd(fd);
	return 0;
}

/* A name has no newline: what would be one is left out rather than let it start another field. */
static void add_field(struct text *entry, const char *name, const char *value)
{
	if (!value || strchr(value, '\n'))
		return;
	text_format(entry, "%s=%s\n", name, value);
}

static void write_entry(const struct logs_settings *settings, bool error_stream, const char *line,
	size_t length, bool partial, struct text *entry)
{
	add_field(entry, "PRIORITY", error_stream ? "3" : "6"); /* err, info: as Docker does */
	add_field(entry, "SYSLOG_IDENTIFIER", settings->tag ? settings->tag : settings->name);
	text_format(entry, "CONTAINER_ID=%.12s\n", settings->id);
	add_field(entry, "CONTAINER_ID_FULL", settings->id);
	add_field(entry, "CONTAINER_NAME", settings->name);
	add_field(entry, "CONTAINER_TAG", settings->tag);
	add_field(entry, "IMAGE_NAME", settings->image);
	if (partial)
		add_field(entry, "CONTAINER_PARTIAL_MESSAGE", "true");
	uint64_t size = htole64(length);
	text_add(entry, "MESSAGE\n");
	text_add_bytes(entry, &size, sizeof(size));
	text_add_bytes(entry, line, length);
	text_add(entry, "\n");
}

int journal_send(const struct logs_settings *settings, bool error_stream, const char *line,
	size_t length, bool partial)
{
	autofini(text_fini) struct text entry = {};
	write_entry(settings, error_stream, line, length, partial, &entry);
	int r = 0;
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		r = journal_open();
		if (r < 0)
			return r;
		if (send(journal_fd, entry.bytes, entry.length, MSG_NOSIGNAL) >= 0)
			return 0;
		r = -errno;
		if (r == -EAGAIN) {
			struct pollfd wait = {.fd = journal_fd, .events = POLLOUT};
			(void)poll(&wait, 1, BUSY_MS);
		} else {
			close_now(journal_fd); /* the journal was started anew: connect again */
		}
	}
	return r;
}

void journal_close(void)
{
	close_now(journal_fd);
}
