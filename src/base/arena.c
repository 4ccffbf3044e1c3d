// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES (16 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

/*
 * Blocks that an arena gave back, for the next one: a command makes a dozen arenas one after the
 * other, and fresh memory costs a page fault for each 4 KiB, which is more than anything done with
 * it. The first blocks of a process are static: malloc(3) of musl maps each block of this size
 * anew, writes to both of its ends, and has it unmapped again. Under AddressSanitizer nothing is
 * kept, so that it sees every use after the end.
 */
#if defined(__SANITIZE_ADDRESS__)
enum { SPARE_MAX = 0, FIRST_COUNT = 0 };
#else
enum { SPARE_MAX = 4, FIRST_COUNT = 4 };
#endif

struct arena_block {
	struct arena_block *older;
	bool alone;   /* larger than the others, made for one request */
	bool lasting; /* one of the static ones, never freed */
	alignas(max_align_t) char bytes[];
};

static _Thread_local struct {
	struct arena_block *blocks;
	int count;
} spare;

/* Handed out once, to whichever thread asks; from then on they go round as spare blocks. */
static struct {
	alignas(max_align_t) char bytes[FIRST_COUNT + 1][sizeof(struct arena_block) + BLOCK_BYTES];
	int used;
} first;

void memory_exhausted(void)
{
	static const char line[] = "rung: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)ignored;
	_exit(125);
}

static void give_back(struct arena_block *block)
{
	if (!block->lasting && (block->alone || spare.count >= SPARE_MAX)) {
		free(block);
		return;
	}
	block->older = spare.blocks;
	spare.blocks = block;
	spare.count++;
}

static struct arena_block *first_block(void)
{
	if (__atomic_load_n(&first.used, __ATOMIC_RELAXED) >= FIRST_COUNT)
		return NULL;
	int index = __atomic_fetch_add(&first.used, 1, __ATOMIC_RELAXED);
	if (index >= FIRST_COUNT)
		return NULL;
	struct arena_block *block = (struct arena_block *)first.bytes[index];
	block->lasting = true;
	return block;
}

static struct arena_block *new_block(size_t room, bool alone)
{
	struct arena_block *block = NULL;
	if (!alone && spare.blocks) {
		block = spare.blocks;
		spare.blocks = block->older;
		spare.count--;
	} else if (!alone) {
		block = first_block();
	}
	if (!block) {
		block = malloc(sizeof(*block) + room);
		if (!block)
			memory_exhausted();
		block->lasting = false;
	}
	block->alone = alone;
	return block;
}

void arena_fini(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->older;
		give_back(block);
	}
	*arena = (struct arena){};
}

/*
 * A request larger than a quarter block gets a block of its own behind the
 * newest one, so that it does not end the present block early.
 */
static void *arena_grow(struct arena *arena, size_t size_bytes)
{
	bool alone = size_bytes > BLOCK_BYTES / 4;
	struct arena_block *block = new_block(alone ? size_bytes : BLOCK_BYTES, alone);
	if (alone && arena->blocks) {
		block->older = arena->blocks->older;
		arena->blocks->older = block;
		return block->bytes;
	}
	block->older = arena->blocks;
	arena->blocks = block;
	arena->next = block->bytes + size_bytes;
	arena->end = block->bytes + (alone ? size_bytes : BLOCK_BYTES);
	return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	if (size_bytes > SIZE_MAX / 2)
		memory_exhausted();
	/* Nothing still gets a place of its own: a zeroed arena has none to point to. */
	size_bytes = size_bytes ? (size_bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
	/* Zeroed here and not as a block, so that only what is used is ever touched. */
	if (size_bytes > (size_t)(arena->end - arena->next))
		return memset(arena_grow(arena, size_bytes), 0, size_bytes);
	void *memory = memset(arena->next, 0, size_bytes);
	arena->next += size_bytes;
	return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size_bytes)
{
	size_t total;
	if (__builtin_mul_overflow(count, size_bytes, &total))
		memory_exhausted();
	return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);
	memcpy(copy, text, length);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_vformat(struct arena *arena, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	if (length < 0)
		memory_exhausted();
	char *text = arena_alloc(arena, (size_t)length + 1);
	(void)vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *text = arena_vformat(arena, format, arguments);
	va_end(arguments);
	return text;
}
