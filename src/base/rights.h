// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One message that carries one descriptor (SCM_RIGHTS, unix(7)). All inline and without the rest of
 * the floor, because the stage, which is a program of its own, needs it as well as the walls.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct rights_message {
	struct iovec bytes;
	struct msghdr message;
	/* Last, since glibc's struct cmsghdr ends in an array without a size. */
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
};

/** The message must stay where it is: it points to itself. */
static inline void rights_message_init(struct rights_message *rights, void *bytes, size_t length)
{
	memset(rights, 0, sizeof(*rights));
	rights->bytes = (struct iovec){bytes, length};
	rights->message.msg_iov = &rights->bytes;
	rights->message.msg_iovlen = 1;
	rights->message.msg_control = &rights->control;
	rights->message.msg_controllen = sizeof(rights->control);
}

/** Sends @fd along with the text @payload. 0 or negative errno. */
static inline int send_descriptor(int socket_fd, int fd, const char *payload)
{
	struct rights_message rights;
	rights_message_init(&rights, (void *)payload, strlen(payload));
	struct cmsghdr *header = CMSG_FIRSTHDR(&rights.message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	return sendmsg(socket_fd, &rights.message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/** Receives a descriptor, close-on-exec; what text comes along is dropped. -EPIPE: none came. */
static inline int receive_descriptor(int socket_fd)
{
	char payload[4096];
	struct rights_message rights;
	rights_message_init(&rights, payload, sizeof(payload));
	if (recvmsg(socket_fd, &rights.message, MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	struct cmsghdr *header = CMSG_FIRSTHDR(&rights.message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return -EPIPE;
	int fd;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}
