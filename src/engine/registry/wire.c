// SPDX-License-Identifier: Apache-2.0

/*
 * Frames: four bytes of length, to whose first byte the descriptors are tied (unix(7)), then the
 * document. A stream and not packets, because certificates are longer than a packet may be.
 */

#include "engine/registry/wire.h"

#include "base/fs.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

void fetch_wire_frame_fini(struct fetch_wire_frame *frame)
{
	free(take(frame->text));
	for (size_t i = 0; i < frame->fd_count; i++)
		close_now(frame->fds[i]);
	frame->fd_count = 0;
}

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS)];
};

static int send_all(int socket, struct msghdr *message, size_t length)
{
	ssize_t sent;
	do
		sent = sendmsg(socket, message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	const char *rest = (const char *)message->msg_iov->iov_base + sent;
	for (length -= (size_t)sent; length > 0; length -= (size_t)sent, rest += sent) {
		sent = send(socket, rest, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			sent = 0;
		else if (sent < 0)
			return -errno;
	}
	return 0;
}

int fetch_wire_send(int socket, const struct text *document, const int *fds, size_t count)
{
	if (document->length > WIRE_FRAME_MAX || count > WIRE_FDS)
		return -EMSGSIZE;
	uint32_t length = (uint32_t)document->length;
	autofini(text_fini) struct text frame = {};
	text_add_bytes(&frame, &length, sizeof(length));
	text_add_bytes(&frame, document->bytes, document->length);
	struct iovec part = {.iov_base = frame.bytes, .iov_len = frame.length};
	union control control = {};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * count);
	}
	return send_all(socket, &message, frame.length);
}

/* Reads exactly so much; 1, or 0 when the stream ended before the first byte. */
static int receive_all(int socket, void *buffer, size_t length)
{
	char *next = buffer;
	for (size_t left = length; left > 0;) {
		ssize_t got = recv(socket, next, left, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return left == length ? 0 : -EPROTO;
		next += got;
		left -= (size_t)got;
	}
	return 1;
}

static void take_fds(const struct msghdr *message, struct fetch_wire_frame *frame)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return;
	frame->fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (frame->fd_count > WIRE_FDS)
		frame->fd_count = WIRE_FDS;
	memcpy(frame->fds, CMSG_DATA(header), frame->fd_count * sizeof(int));
}

int fetch_wire_receive(int socket, struct fetch_wire_frame *ret_frame)
{
	autofini(fetch_wire_frame_fini) struct fetch_wire_frame frame = {};
	uint32_t length;
	struct iovec part = {.iov_base = &length, .iov_len = sizeof(length)};
	union control control;
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t got;
	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? -errno : 0;
	take_fds(&message, &frame);
	int r = receive_all(socket, (char *)&length + got, sizeof(length) - (size_t)got);
	if (got < (ssize_t)sizeof(length) && r <= 0)
		return r < 0 ? r : -EPROTO;
	if (length > WIRE_FRAME_MAX)
		return -EPROTO;
	frame.text = malloc((size_t)length + 1);
	if (!frame.text)
		return -ENOMEM;
	r = length > 0 ? receive_all(socket, frame.text, length) : 1;
	if (r <= 0)
		return r < 0 ? r : -EPROTO;
	frame.text[length] = '\0';
	frame.length = length;
	*ret_frame = frame;
	frame = (struct fetch_wire_frame){};
	return 1;
}
