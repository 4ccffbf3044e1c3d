// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of this folder share. */

#include "engine/store/store.h"

/* Names below <data>/images; store.h draws the tree. */
#define STORE_INDEX "index.json"
#define STORE_INDEX_LOCK "index.lock"
#define STORE_INDEX_SPARE "index.spare" /* what the next list is written into */
#define STORE_LOCK "lock"
#define STORE_INGEST "ingest"
#define STORE_GARBAGE "garbage"
/* Part files whose digest is not known yet; the rest of the name is chance. */
#define STORE_ANONYMOUS_PREFIX ".new-"

/** Sixteen hexadecimal digits that nobody can foresee, for names of files. */
struct store_chance {
	char text[20];
};
struct store_chance store_chance(void);

/** Opens dir_fd/name with these flags and takes the lock: 0 or negative errno, no story. */
[[nodiscard]] int store_lock_file(int dir_fd, const char *name, int operation, int *ret_fd);

/**
 * Replaces images/index.json durably. Tells a story. The caller holds index.lock.
 */
[[nodiscard]] int store_replace_index(struct store *store, const void *text, size_t length);
