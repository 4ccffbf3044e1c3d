// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Messages of the domain name system, as far as the door's resolver speaks it: RFC 1035, 3596
 * (AAAA), 6891 (EDNS), 8482. In: a query with one question. Out: an answer with addresses, a name,
 * nothing, or an error. Hostile bytes come from both sides: queries from the sandbox's programs,
 * answers of other types from name servers, of which only the answers proper are passed on.
 */

#include "plan/host.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_QUERY_MAX = 4096, DNS_UDP_MAX = 512, DNS_MESSAGE_MAX = 65535 };

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
	DNS_ANY = 255,
};

enum { DNS_INTERNET = 1 };

enum dns_code {
	DNS_OK = 0,
	DNS_MALFORMED = 1,
	DNS_FAILED = 2,
	DNS_NO_NAME = 3,
	DNS_NOT_IMPLEMENTED = 4,
	DNS_REFUSED = 5,
};

struct dns_query {
	uint16_t id, flags;
	uint16_t type, class;
	char name[HOST_NAME_MAX_LENGTH + 1]; /* lower case, no dot at the end; "": the root */
	bool plain;                          /* host_is_name(name) */
	bool edns;
	uint16_t room;           /* the longest answer over UDP */
	const uint8_t *question; /* in the query: name, type, class as they were asked */
	size_t question_length;
};

/**
 * Reads a query. 0; -EBADMSG: not worth an answer (no header, or itself an answer); -EINVAL: answer
 * with DNS_MALFORMED, -EOPNOTSUPP: with DNS_NOT_IMPLEMENTED, for which id and flags are set.
 */
[[nodiscard]] int dns_read_query(const uint8_t *bytes, size_t length, struct dns_query *ret);

/** The address that a reverse name stands for ("7.2.0.192.in-addr.arpa"); false: none. */
bool dns_reverse(const char *name, struct address *ret);

/** Room that all answers below fit into. */
enum { DNS_ANSWER_ROOM = 12 + 259 + 11 + 300 };

/** No records, only a code. */
size_t dns_write_code(uint8_t *answer, const struct dns_query *query, enum dns_code code);

/** An address of the family that was asked for: length 4 or 16. */
size_t dns_write_address(uint8_t *answer, const struct dns_query *query, const void *address,
	size_t length, uint32_t ttl_seconds);

/** A name, for DNS_PTR. */
size_t dns_write_pointer(
	uint8_t *answer, const struct dns_query *query, const char *name, uint32_t ttl_seconds);

/**
 * Makes a name server's answer one to this query: its code and the answers in it, without what was
 * added in other sections, under our id. @bytes is changed in place. Returns the length; -EBADMSG
 * when it is none, or not to this question.
 */
[[nodiscard]] int dns_adopt_answer(uint8_t *bytes, size_t length, const struct dns_query *query);

/** Cuts an answer that is too long for UDP: no records, and the bit that says so. */
size_t dns_truncate(uint8_t *answer, const struct dns_query *query);
