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

struct arena_block {
	struct arena_block *older;
	alignas(max_align_t) char bytes[];
};

void memory_exhausted(void)
{
	static const char line[] = "rung: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
	(void)ignored;
	_exit(125);
}

void arena_fini(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->older;
		free(block);
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
	size_t room = alone ? size_bytes : BLOCK_BYTES;
	struct arena_block *block = calloc(1, sizeof(*block) + room);
	if (!block)
		memory_exhausted();

	if (alone && arena->blocks) {
		block->older = arena->blocks->older;
		arena->blocks->older = block;
		return block->bytes;
	}
	block->older = arena->blocks;
	arena->blocks = block;
	arena->next = block->bytes + size_bytes;
	arena->end = block->bytes + room;
	return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	if (size_bytes > SIZE_MAX / 2)
		memory_exhausted();
	/* Nothing still gets a place of its own: a zeroed arena has none to point to. */
	size_bytes = size_bytes ? (size_bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
	if (size_bytes > (size_t)(arena->end - arena->next))
		return arena_grow(arena, size_bytes);
	void *memory = arena->next;
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
