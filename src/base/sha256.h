// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * SHA-256 (FIPS 180-4), for what is small: manifests, configurations, names. Layers are hashed by
 * rung-layer, which may link a library that uses the processor's own instructions.
 *
 *	struct sha256 hash;
 *	sha256_init(&hash);
 *	sha256_add(&hash, bytes, length);
 *	sha256_end(&hash, digest);
 */

#include "base/digest.h"

#include <stdint.h>

struct sha256 {
	uint32_t state[8];
	uint64_t length_bytes;
	unsigned char block[64];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);

/** The digest of all that was added; the hash is used up. */
void sha256_end(struct sha256 *hash, char ret_digest[static DIGEST_SIZE]);
