// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The keys by which a person leaves a program that goes on: "ctrl-p,ctrl-q", "ctrl-a,d". */

#include <stdbool.h>
#include <stddef.h>

#define DETACH_KEYS_MAX 16

struct detach_keys {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t count;   /* 0: cannot detach */
	size_t matched; /* so many of them were typed last, and are held back */
};

/** "": none. -EINVAL with a story. */
[[nodiscard]] int detach_keys_read(const char *words, struct detach_keys *ret_keys);

/**
 * Looks at what was typed. Writes what is to be passed on to @out, which has room for length +
 * DETACH_KEYS_MAX bytes, and how much that is. True: all keys were typed; what came behind them is
 * dropped.
 */
bool detach_keys_filter(struct detach_keys *keys, const unsigned char *typed, size_t length,
	unsigned char *out, size_t *ret_length);
