// SPDX-License-Identifier: Apache-2.0

#include "walls/netlink.h"

#include <arpa/inet.h>
#include <sys/socket.h>

void netlink_fini(struct netlink *netlink)
{
	text_fini(&netlink->bytes);
	*netlink = (struct netlink){};
}

static void align(struct netlink *netlink)
{
	static const char zeros[NLMSG_ALIGNTO];
	text_add_bytes(
		&netlink->bytes, zeros, NLMSG_ALIGN(netlink->bytes.length) - netlink->bytes.length);
}

/* Writes the length of the message that was begun; headers are aligned by construction. */
static void end_message(struct netlink *netlink)
{
	struct nlmsghdr header;
	if (netlink->written == 0)
		return;
	char *at = netlink->bytes.bytes + netlink->message;
	memcpy(&header, at, sizeof(header));
	header.nlmsg_len = (uint32_t)(netlink->bytes.length - netlink->message);
	memcpy(at, &header, sizeof(header));
}

void netlink_begin(struct netlink *netlink, uint16_t type, uint16_t flags, const void *header,
	size_t header_length)
{
	end_message(netlink);
	netlink->message = netlink->bytes.length;
	netlink->written++;
	if (flags & NLM_F_ACK)
		netlink->wanted++;
	struct nlmsghdr message = {.nlmsg_type = type,
		.nlmsg_flags = flags | NLM_F_REQUEST,
		.nlmsg_seq = netlink->written};
	text_add_bytes(&netlink->bytes, &message, sizeof(message));
	text_add_bytes(&netlink->bytes, header, header_length);
	align(netlink);
}

void netlink_put(struct netlink *netlink, uint16_t type, const void *data, size_t length)
{
	struct nlattr attribute = {
		.nla_len = (uint16_t)(sizeof(attribute) + length), .nla_type = type};
	text_add_bytes(&netlink->bytes, &attribute, sizeof(attribute));
	text_add_bytes(&netlink->bytes, data, length);
	align(netlink);
}

void netlink_put_text(struct netlink *netlink, uint16_t type, const char *text)
{
	netlink_put(netlink, type, text, strlen(text) + 1);
}

void netlink_put_u32(struct netlink *netlink, uint16_t type, uint32_t value)
{
	netlink_put(netlink, type, &value, sizeof(value));
}

void netlink_put_be32(struct netlink *netlink, uint16_t type, uint32_t value)
{
	netlink_put_u32(netlink, type, htonl(value));
}

size_t netlink_nest(struct netlink *netlink, uint16_t type)
{
	size_t place = netlink->bytes.length;
	netlink_put(netlink, type | NLA_F_NESTED, "", 0);
	return place;
}

void netlink_nest_end(struct netlink *netlink, size_t place)
{
	uint16_t length = (uint16_t)(netlink->bytes.length - place);
	memcpy(netlink->bytes.bytes + place + offsetof(struct nlattr, nla_len), &length,
		sizeof(length));
}

/* Looks through one packet of answers; 0 or the first error in it. */
static int read_answers(
	const char *bytes, size_t length, uint32_t *acknowledged, uint32_t *ret_message)
{
	while (length >= NLMSG_HDRLEN) {
		struct nlmsghdr header;
		struct nlmsgerr answer;
		memcpy(&header, bytes, sizeof(header));
		if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > length)
			return -EPROTO;
		if (header.nlmsg_type == NLMSG_ERROR) {
			if (header.nlmsg_len < NLMSG_LENGTH(sizeof(answer)))
				return -EPROTO;
			memcpy(&answer, bytes + NLMSG_HDRLEN, sizeof(answer));
			if (answer.error < 0) {
				*ret_message = header.nlmsg_seq;
				return answer.error;
			}
			++*acknowledged;
		}
		size_t step = NLMSG_ALIGN(header.nlmsg_len);
		if (step >= length)
			break;
		bytes += step;
		length -= step;
	}
	return 0;
}

int netlink_send(struct netlink *netlink, int protocol, uint32_t *ret_message)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	uint32_t acknowledged = 0, message = 0;
	char answers[8192];
	end_message(netlink);
	autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int r = fd < 0 ? -errno : 0;
	/* The kernel works in sendto(): by its return, answers have been queued. */
	if (r == 0 && sendto(fd, netlink->bytes.bytes, netlink->bytes.length, 0,
			      (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		r = -errno;
	while (r == 0 && acknowledged < netlink->wanted) {
		ssize_t n = recv(fd, answers, sizeof(answers), 0);
		r = n < 0 ? -errno : read_answers(answers, (size_t)n, &acknowledged, &message);
	}
	if (r < 0 && ret_message)
		*ret_message = message;
	return r < 0 ? r : 0;
}
