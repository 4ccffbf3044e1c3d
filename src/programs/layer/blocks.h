// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Bytes on their way from one thread to the next: blocks from a pool of few, handed on by queues.
 * A block may be in several queues at once (one to be hashed, one to be unpacked) and goes back to
 * its pool with its last user. The pool's size is what holds a fast thread back, so memory is
 * bounded however large the archive.
 *
 * Every block but the last of a stream is full, and BLOCK_BYTES is a multiple of 512: a tar header
 * never lies across two blocks.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define BLOCK_BYTES ((size_t)256 << 10)
/* More than a full block: one that got longer by being compressed (encode.c) fits too. */
#define BLOCK_ROOM (BLOCK_BYTES + 4096)
#define POOL_BLOCKS 24

struct block {
	unsigned char *bytes;
	size_t length;
	atomic_uint users;
	struct pool *pool;
	struct block *next; /* in the pool */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct block *free;
	unsigned made;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct block *items[POOL_BLOCKS * 2 + 2];
	unsigned first, count;
	bool ended;
};

#define POOL_INIT \
	{ \
		.lock = PTHREAD_MUTEX_INITIALIZER, .returned = PTHREAD_COND_INITIALIZER \
	}
#define QUEUE_INIT \
	{ \
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
	}

/** An empty block with one user; waits until there is one. */
struct block *block_new(struct pool *pool);

/** One more user. */
struct block *block_share(struct block *block);

/** One user less; NULL is fine. */
void block_release(struct block *block);

/** Frees the pool's blocks, which must all have come back. */
void pool_fini(struct pool *pool);

/** Hands a block on, and with it the caller's use. */
void queue_put(struct queue *queue, struct block *block);

/** No more will come. */
void queue_end(struct queue *queue);

/** The next block, the caller's to release; NULL at the end. */
struct block *queue_take(struct queue *queue);
