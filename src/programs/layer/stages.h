// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The stages of the work, a thread each, joined by queues:
 *
 *	intake: read, keep, hash ──raw──▶ decode ──plain──▶ extraction, or a writer
 *	                                         └─plain──▶ hash
 *
 * Inflating is the slowest of them, hashing and writing files run beside it. A stage that fails
 * keeps its story (stories are per thread) and goes on taking blocks without looking at them, so
 * that those before it come to their end; whose story counts is decided when all have ended.
 */

#include "base/error.h"
#include "blocks.h"
#include "hash.h"
#include "tar.h"

/** A thread and how it ended. */
struct stage {
	pthread_t thread;
	bool started;
	int result; /* 0 or negative errno; then the story: */
	char text[ERROR_TEXT_MAX], hint[512];
};

void stage_start(struct stage *stage, void *(*run)(void *), void *context);
/** Called by the thread itself with its result; takes its story. */
void stage_end(struct stage *stage, int result);
/** Waits for it. Its story is told again here. */
[[nodiscard]] int stage_join(struct stage *stage);

/* ---- intake -------------------------------------------------------------------------------- */

struct intake {
	int input_fd;         /* -1: all bytes are in blob_fd */
	int blob_fd;          /* -1: bytes are not kept */
	uint64_t size_wanted; /* 0: not known */
	const char *digest_wanted;
	struct queue *raw;

	struct stage stage;
	struct pool pool;
	uint64_t size;
	char digest[DIGEST_SIZE];
};

/**
 * Starts it. Its result: -EPIPE when fewer bytes came than wanted, -EBADMSG when more came or the
 * digest is another one.
 */
void intake_start(struct intake *intake);

/* ---- decode --------------------------------------------------------------------------------- */

struct decode {
	struct queue *raw;
	struct queue *plain[2]; /* the second may be NULL */

	struct stage stage;
	struct pool pool;
	uint64_t size; /* of what came out */
};

/** Finds out from the bytes what they are: gzip (members), zstd (frames), or as they are. */
void decode_start(struct decode *decode);

/* ---- hash ---------------------------------------------------------------------------------- */

struct hashing {
	struct queue *plain;

	struct stage stage;
	struct hash hash; /* of all bytes, for who wants to add some */
	char digest[DIGEST_SIZE];
};

void hashing_start(struct hashing *hashing);

/* ---- the end of a queue -------------------------------------------------------------------- */

/** A queue as an archive's source. */
struct queue_source {
	struct queue *queue;
	struct block *block;
};
struct tar_source queue_source(struct queue_source *from);

/** Releases what it holds and takes what still comes, to the end. */
void queue_source_drain(struct queue_source *from);

/** Writes all that comes to fd. */
[[nodiscard]] int queue_write(struct queue *queue, int fd);
