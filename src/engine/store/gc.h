// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Garbage: blobs and snapshots that nobody needs. Who needs what is known above (engine/image/
 * collect.c follows index, manifests, configurations and containers); here it is only deleted.
 */

#include "engine/store/store.h"
#include "plan/plan.h"

/** A set of digests. */
struct digest_set {
	struct arena arena;
	const char **slots;
	size_t count, room;
};

void digest_set_fini(struct digest_set *set);
/** Adds a copy; true if it is new. */
bool digest_set_add(struct digest_set *set, const char *digest);
bool digest_set_has(const struct digest_set *set, const char *digest);

struct store_collected {
	uint64_t blobs, blob_bytes;
	uint64_t snapshots, parts;
	uint64_t bytes; /* what the disk has again, blobs and snapshots */
};

/**
 * Deletes all blobs and snapshots that are not in the sets, and what dead processes left. Parts of
 * blobs that a later pull could go on with are kept unless all_parts. For the holder of the
 * exclusive lock. With dry_run it only counts.
 */
[[nodiscard]] int store_collect(struct store *store, const struct digest_set *blobs,
	const struct digest_set *diff_ids, bool all_parts, bool dry_run,
	struct store_collected *ret_collected);

/** Notes that there may be garbage which could not be collected now, for images were in use. */
void store_mark_garbage(struct store *store);
bool store_has_garbage(const struct store *store);
void store_unmark_garbage(struct store *store);

/** The digests of all blobs, with their sizes where ret_sizes is not NULL. */
[[nodiscard]] int store_list_blobs(const struct store *store, struct arena *arena,
	struct strings *ret_digests, uint64_t **ret_sizes);
