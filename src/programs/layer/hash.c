// SPDX-License-Identifier: Apache-2.0

/* SHA-256; see hash.h. */

#include "hash.h"

#include <stdio.h>
#include <string.h>

void hash_init(struct hash *hash)
{
	(void)SHA256_Init(&hash->context);
}

void hash_add(struct hash *hash, const void *bytes, size_t length)
{
	(void)SHA256_Update(&hash->context, bytes, length);
}

void hash_end(struct hash *hash, char ret_digest[static DIGEST_SIZE])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	(void)SHA256_Final(sum, &hash->context);
	memcpy(ret_digest, "sha256:", 8);
	for (size_t i = 0; i < sizeof(sum); i++)
		(void)snprintf(ret_digest + 7 + 2 * i, 3, "%02x", sum[i]);
}
