// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * SHA-256 by OpenSSL, which uses the processor's own instructions (1.9 GB/s here). Its old, direct
 * functions: the new interface looks for configuration files and providers at the first call,
 * which costs more than hashing a small layer and is nothing that a confined process should do.
 */

#include "base/digest.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

struct hash {
	SHA256_CTX context;
};

void hash_init(struct hash *hash);
void hash_add(struct hash *hash, const void *bytes, size_t length);
/** "sha256:<hex>" of what was added. */
void hash_end(struct hash *hash, char ret_digest[static DIGEST_SIZE]);
