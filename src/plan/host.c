// SPDX-License-Identifier: Apache-2.0

#include "plan/host.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool address_read(const char *text, struct address *ret)
{
	struct address address;
	if (inet_pton(AF_INET6, text, address.bytes) == 1) {
		*ret = address;
		return true;
	}
	memcpy(address.bytes, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, address.bytes + sizeof(mapped)) != 1)
		return false;
	*ret = address;
	return true;
}

const char *address_write(const struct address *address, char buffer[static ADDRESS_TEXT_SIZE])
{
	bool v4 = address_is_v4(address);
	const uint8_t *bytes = v4 ? address->bytes + sizeof(mapped) : address->bytes;
	return inet_ntop(v4 ? AF_INET : AF_INET6, bytes, buffer, ADDRESS_TEXT_SIZE);
}

bool address_same_network(const struct address *a, const struct address *b, unsigned bits)
{
	size_t whole = bits / 8;
	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return bits % 8 == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - bits % 8) == 0;
}

/* The four bytes of IPv4 addresses. */
static bool is_inward_v4(const uint8_t *bytes)
{
	return bytes[0] == 0 || bytes[0] == 127 || (bytes[0] == 169 && bytes[1] == 254) ||
	       bytes[0] >= 224;
}

bool address_is_inward(const struct address *address)
{
	/* ::/96 holds ::, ::1 and the old way to write IPv4 (RFC 4291, 2.5.5.1). */
	static const struct address compatible = {};
	/* Translators reach IPv4 through it (RFC 6052); one on this machine, its inside. */
	static const struct address translated = {{0, 0x64, 0xff, 0x9b}};
	const uint8_t *bytes = address->bytes;
	if (address_is_v4(address))
		return is_inward_v4(bytes + 12);
	if (address_same_network(address, &compatible, 96))
		return true;
	if (address_same_network(address, &translated, 96))
		return is_inward_v4(bytes + 12);
	return bytes[0] == 0xff || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

/* "address/bits" or an address alone. */
static bool read_network(const char *text, struct address *ret_address, unsigned *ret_bits)
{
	char buffer[ADDRESS_TEXT_SIZE];
	size_t length = strcspn(text, "/");
	if (length >= sizeof(buffer))
		return false;
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	if (!address_read(buffer, ret_address))
		return false;
	bool v4 = !strchr(buffer, ':');
	uint64_t bits = v4 ? 32 : 128;
	if (text[length] && parse_uint64(text + length + 1, bits, &bits) < 0)
		return false;
	*ret_bits = (unsigned)bits + (v4 ? 96 : 0);
	return true;
}

bool host_covers(const char *pattern, const char *host)
{
	struct address address, network;
	unsigned bits;
	bool by_address = address_read(host, &address);
	if (!pattern)
		return by_address ? !address_is_inward(&address) : !text_equal(host, "localhost");
	if (read_network(pattern, &network, &bits))
		/* 0.0.0.0/0 is "net" in other words: what leads inward is to be written narrower.
		 */
		return by_address && address_same_network(&address, &network, bits) &&
		       (!address_is_inward(&address) ||
			       bits >= (address_is_v4(&address) ? 96 + 4 : 8));
	if (by_address)
		return false;
	if (pattern[0] == '*' && pattern[1] == '.')
		return text_ends(host, pattern + 1) && strlen(host) > strlen(pattern + 1);
	return text_equal(pattern, host);
}

bool host_is_name(const char *text)
{
	size_t length = strlen(text), label = 0;
	if (length == 0 || length > HOST_NAME_MAX_LENGTH)
		return false;
	for (size_t i = 0; i <= length; i++) {
		char c = text[i];
		if (c == '.' || c == '\0') {
			if (i == label || i - label > 63)
				return false;
			if (c)
				label = i + 1;
		} else if (!islower((unsigned char)c) && !isdigit((unsigned char)c) && c != '-' &&
			   c != '_') {
			return false;
		}
	}
	const char *last = text + label;
	if (text_starts(last, "0x"))
		return last[2 + strspn(last + 2, "0123456789abcdef")] != '\0';
	return last[strspn(last, "0123456789")] != '\0';
}
