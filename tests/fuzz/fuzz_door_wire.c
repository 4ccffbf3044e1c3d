// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes at the net door of a sandbox: as a query to its resolver, which is answered in
 * every way; as a name server's answer to that query; as the first packet of a connection, which is
 * answered and sent on. The first byte says which. What was written is read again.
 */

#include "base/scope.h"
#include "dns_wire.h"
#include "net_packet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void answer(const struct dns_query *query)
{
	uint8_t *bytes = malloc(DNS_ANSWER_ROOM); /* by itself, so that a byte too much is seen */
	static const uint8_t address[16] = {198, 18, 1};
	struct address reverse;
	demand(bytes != NULL);
	demand(dns_write_code(bytes, query, DNS_NO_NAME) <= DNS_ANSWER_ROOM);
	demand(dns_write_address(bytes, query, address, 4, 60) <= DNS_ANSWER_ROOM);
	demand(dns_truncate(bytes, query) <= DNS_ANSWER_ROOM);
	size_t length = dns_write_address(bytes, query, address, 16, 60);
	demand(length <= DNS_ANSWER_ROOM);
	if (query->question_length) {
		int adopted = dns_adopt_answer(bytes, length, query);
		demand(adopted > 0 && (size_t)adopted <= length);
	}
	if (query->plain) {
		demand(host_is_name(query->name));
		demand(dns_write_pointer(bytes, query, query->name, 60) <= DNS_ANSWER_ROOM);
	}
	(void)dns_reverse(query->name, &reverse);
	free(bytes);
}

static void read_query(const uint8_t *data, size_t size)
{
	struct dns_query query = {};
	int r = dns_read_query(data, size, &query);
	demand(r <= 0);
	demand(strlen(query.name) <= HOST_NAME_MAX_LENGTH);
	if (r != -EBADMSG)
		answer(&query);
}

/* The question in front, then what a name server says to it. */
static void read_answer(const uint8_t *data, size_t size)
{
	static const uint8_t question[] = "\7\7\1\0\0\1\0\0\0\0\0\0\4text\4test\0\0\20\0\1";
	struct dns_query query;
	uint8_t *copy = malloc(size + 1);
	demand(copy && dns_read_query(question, sizeof(question) - 1, &query) == 0);
	memcpy(copy, data, size);
	int length = dns_adopt_answer(copy, size, &query);
	demand(length <= (int)size);
	free(copy);
}

static void read_packet(const uint8_t *data, size_t size)
{
	struct endpoint_pair pair, again;
	uint32_t sequence;
	uint8_t packet[2 * PACKET_ROOM], *copy = malloc(size + 1);
	demand(copy != NULL);
	memcpy(copy, data, size);
	packet_mend_first(copy, size);
	if (packet_read_first(copy, size, &pair, &sequence)) {
		demand(packet_write_reset(packet, &pair, sequence) <= PACKET_ROOM);
		demand(!packet_read_first(packet, PACKET_ROOM, &again, &sequence)); /* RST */
		for (int why = PACKET_NO_ROUTE; why <= PACKET_FORBIDDEN; why++)
			demand(packet_write_unreachable(packet, &pair, IPPROTO_TCP, sequence,
				       (enum packet_unreachable)why) <= PACKET_ROOM);
		demand(packet_write_datagram(packet, &pair, data, size < 40 ? size : 40) <=
			PACKET_ROOM);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'q')
		read_query(data + 1, size - 1);
	else if (data[0] == 'a')
		read_answer(data + 1, size - 1);
	else
		read_packet(data + 1, size - 1);
	return 0;
}
