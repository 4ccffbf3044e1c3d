// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Plain bytes on their way out: hashed, compressed by several threads, hashed again, written.
 *
 *	encode_put ──▶ hash (diff ID)
 *	          └──▶ worker 0, 1, … ──▶ writer: hash (digest), write
 *
 * gzip: blocks go to the workers in turn and are compressed each for itself, which yields one
 * deflate stream and the same bytes for any number of threads. zstd brings its own threads.
 */

#include "layer.h"
#include "stages.h"

#define ENCODE_WORKERS_MAX 4

struct encode_worker {
	struct encode *encode;
	struct queue in, out;
	struct stage stage;
};

struct encode {
	enum compression compression;
	int level;     /* 0: the usual */
	int output_fd; /* -1: only hash */

	unsigned worker_count, next; /* next: whose turn it is */
	struct encode_worker workers[ENCODE_WORKERS_MAX];
	struct pool plain_pool, packed_pool;
	struct block *block; /* being filled */
	struct queue hashed;
	struct hashing hashing;
	struct stage writer;
	uint32_t checksum; /* of the plain bytes, for gzip */
	uint64_t plain_size, size;
	char digest[DIGEST_SIZE];
};

void encode_start(struct encode *encode);

/** Room for bytes, at least one; encode_filled() says how many were put there. */
[[nodiscard]] unsigned char *encode_room(struct encode *encode, size_t *ret_length);
void encode_filled(struct encode *encode, size_t length);

/** Bytes that lie elsewhere. Never fails: an error of the writer is encode_finish()'s. */
void encode_put(struct encode *encode, const void *bytes, size_t length);

/** Waits for the threads and fills in the report's digests and sizes. Tells a story. */
[[nodiscard]] int encode_finish(struct encode *encode, struct report *report);
