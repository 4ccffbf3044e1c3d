// SPDX-License-Identifier: Apache-2.0

/*
 * FIPS 180-4, section 6.2, in its plainest form. What can go wrong is only a slip in a constant,
 * so they are computed from their definition (fractional parts of roots of primes) by the unit
 * test, which also compares with the standard's examples.
 */

#include "base/sha256.h"

#include <string.h>

static const uint32_t rounds[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
	0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6,
	0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
	0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
	0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa,
	0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t word, unsigned bits)
{
	return word >> bits | word << (32 - bits);
}

static void expand(const unsigned char *block, uint32_t words[static 64])
{
	for (unsigned i = 0; i < 16; i++)
		words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
			   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (unsigned i = 16; i < 64; i++) {
		uint32_t a = words[i - 15], b = words[i - 2];
		uint32_t small0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
		uint32_t small1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
		words[i] = words[i - 16] + small0 + words[i - 7] + small1;
	}
}

static void mix(uint32_t state[static 8], const unsigned char *block)
{
	uint32_t words[64], v[8];
	expand(block, words);
	memcpy(v, state, sizeof(v));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t big1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
		uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t first = v[7] + big1 + choice + rounds[i] + words[i];
		uint32_t big0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
		uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += first;
		v[0] = first + big0 + majority;
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_init(struct sha256 *hash)
{
	*hash = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t length)
{
	const unsigned char *rest = bytes;
	size_t filled = hash->length_bytes % sizeof(hash->block);
	hash->length_bytes += length;
	while (length > 0) {
		size_t part = sizeof(hash->block) - filled;
		if (part > length)
			part = length;
		memcpy(hash->block + filled, rest, part);
		rest += part;
		length -= part;
		filled += part;
		if (filled == sizeof(hash->block)) {
			mix(hash->state, hash->block);
			filled = 0;
		}
	}
}

void sha256_end(struct sha256 *hash, char ret_digest[static DIGEST_SIZE])
{
	uint64_t bits = hash->length_bytes * 8;
	unsigned char tail[72] = {0x80};
	size_t padding = (119 - hash->length_bytes % 64) % 64 + 1;
	for (unsigned i = 0; i < 8; i++)
		tail[padding + i] = (unsigned char)(bits >> (56 - 8 * i));
	sha256_add(hash, tail, padding + 8);

	static const char digits[] = "0123456789abcdef";
	char *out = stpcpy(ret_digest, "sha256:");
	for (unsigned i = 0; i < 64; i++)
		*out++ = digits[hash->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
	*out = '\0';
}

void digest_of(const void *bytes, size_t length, char ret_digest[static DIGEST_SIZE])
{
	struct sha256 hash;
	sha256_init(&hash);
	sha256_add(&hash, bytes, length);
	sha256_end(&hash, ret_digest);
}

static size_t count_hex(const char *text)
{
	return strspn(text, "0123456789abcdef");
}

bool digest_is_valid(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && count_hex(digest + 7) == DIGEST_HEX_LENGTH &&
	       digest[7 + DIGEST_HEX_LENGTH] == '\0';
}

const char *digest_hex(const char *digest)
{
	return digest + 7;
}

bool digest_is_prefix(const char *text)
{
	if (strncmp(text, "sha256:", 7) == 0)
		text += 7;
	size_t length = count_hex(text);
	return length > 0 && length <= DIGEST_HEX_LENGTH && text[length] == '\0';
}
