// SPDX-License-Identifier: Apache-2.0

/* Blocks and queues; see blocks.h. Nothing here can fail but memory. */

#include "blocks.h"

#include "base/arena.h"

#include <stdlib.h>

struct block *block_new(struct pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	while (!pool->free && pool->made == POOL_BLOCKS)
		(void)pthread_cond_wait(&pool->returned, &pool->lock);
	struct block *block = pool->free;
	if (block)
		pool->free = block->next;
	else
		pool->made++;
	(void)pthread_mutex_unlock(&pool->lock);
	if (!block) {
		block = malloc(sizeof(*block));
		if (!block || !(block->bytes = aligned_alloc(4096, BLOCK_ROOM)))
			memory_exhausted();
		block->pool = pool;
	}
	block->length = 0;
	atomic_store(&block->users, 1);
	return block;
}

struct block *block_share(struct block *block)
{
	(void)atomic_fetch_add(&block->users, 1);
	return block;
}

void block_release(struct block *block)
{
	if (!block || atomic_fetch_sub(&block->users, 1) > 1)
		return;
	struct pool *pool = block->pool;
	(void)pthread_mutex_lock(&pool->lock);
	block->next = pool->free;
	pool->free = block;
	(void)pthread_cond_signal(&pool->returned);
	(void)pthread_mutex_unlock(&pool->lock);
}

void pool_fini(struct pool *pool)
{
	while (pool->free) {
		struct block *block = pool->free;
		pool->free = block->next;
		free(block->bytes);
		free(block);
	}
	pool->made = 0;
}

/* A queue has room for more blocks than there are in a pool, so this never waits. */
void queue_put(struct queue *queue, struct block *block)
{
	(void)pthread_mutex_lock(&queue->lock);
	unsigned room = sizeof(queue->items) / sizeof(queue->items[0]);
	queue->items[(queue->first + queue->count++) % room] = block;
	(void)pthread_cond_signal(&queue->changed);
	(void)pthread_mutex_unlock(&queue->lock);
}

void queue_end(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->ended = true;
	(void)pthread_cond_signal(&queue->changed);
	(void)pthread_mutex_unlock(&queue->lock);
}

struct block *queue_take(struct queue *queue)
{
	struct block *block = NULL;
	(void)pthread_mutex_lock(&queue->lock);
	while (queue->count == 0 && !queue->ended)
		(void)pthread_cond_wait(&queue->changed, &queue->lock);
	if (queue->count > 0) {
		block = queue->items[queue->first];
		queue->first =
			(queue->first + 1) % (sizeof(queue->items) / sizeof(queue->items[0]));
		queue->count--;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return block;
}
