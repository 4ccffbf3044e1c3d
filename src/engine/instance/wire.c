// SPDX-License-Identifier: Apache-2.0

/*
 * The messages of wire.h, taken apart and sent. What comes in is from a process of the same user,
 * but maybe of another version, or not ours at all: nothing is believed but the kernel's word for
 * the length.
 */

#include "engine/instance/wire.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Copies a payload of fixed size; a longer one is of a later version, whose additions we skip. */
static int copy(const struct wire_message *message, void *ret, size_t size)
{
	if (message->length < size)
		return -EBADMSG;
	memcpy(ret, message->bytes, size);
	return 0;
}

static int read_from_client(struct wire_message *message)
{
	switch (message->kind) {
	case WIRE_ATTACH: {
		int r = copy(message, &message->attach, sizeof(message->attach));
		return r == 0 && message->attach.version == 0 ? -EBADMSG : r;
	}
	case WIRE_INPUT:
		return message->length ? 0 : -EBADMSG;
	case WIRE_INPUT_END:
	case WIRE_DETACH:
		return 0;
	case WIRE_RESIZE:
		return copy(message, &message->size, sizeof(message->size));
	case WIRE_SIGNAL: {
		int r = copy(message, &message->number, sizeof(message->number));
		return r == 0 && (message->number < 1 || message->number >= _NSIG) ? -EBADMSG : r;
	}
	default:
		return -EBADMSG;
	}
}

static int read_from_monitor(struct wire_message *message)
{
	switch (message->kind) {
	case WIRE_HELLO:
		return copy(message, &message->hello, sizeof(message->hello));
	case WIRE_TAKEN:
		return 0;
	case WIRE_OUTPUT:
	case WIRE_ERROR:
	case WIRE_MESSAGE:
		return message->length ? 0 : -EBADMSG;
	case WIRE_EXIT: {
		int r = copy(message, &message->number, sizeof(message->number));
		return r == 0 && (message->number < 0 || message->number > 255) ? -EBADMSG : r;
	}
	default:
		return -EBADMSG;
	}
}

int wire_read(const void *bytes, size_t length, bool from_client, struct wire_message *ret_message)
{
	if (length == 0 || length > WIRE_MESSAGE_MAX)
		return -EBADMSG;
	const unsigned char *first = bytes;
	struct wire_message message = {.kind = first[0], .bytes = first + 1, .length = length - 1};
	int r = from_client ? read_from_client(&message) : read_from_monitor(&message);
	if (r == 0)
		*ret_message = message;
	return r;
}

int wire_send(int socket_fd, enum wire_kind kind, const void *bytes, size_t length)
{
	unsigned char first = (unsigned char)kind;
	struct iovec parts[] = {{&first, 1}, {(void *)bytes, length}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = length ? 2 : 1};
	ssize_t n;
	do {
		n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* ENOBUFS: the kernel has no memory for it now, which is no reason to let a client go. */
	return n >= 0 ? 0 : errno == ENOBUFS ? -EAGAIN : -errno;
}
