// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Who needs what: from the list of images and the containers to the blobs and snapshots behind
 * them, and the collection of all others.
 */

#include "engine/image/image.h"
#include "engine/store/gc.h"

/** A container that was made from an image. */
struct image_user {
	const char *id, *name; /* of the container; name may be "" */
	const char *image_id;
	bool running;
};

struct image_users {
	struct image_user *users;
	size_t count;
};

/** The containers below <data>/containers, of one image, or all (image_id NULL). */
[[nodiscard]] int image_find_users(const struct store *store, const char *image_id,
	struct arena *arena, struct image_users *ret_users);

/**
 * Deletes what no image and no container needs.
 * @wait: for those who use images just now; otherwise a note is left and the next command that
 *        calls image_collect_pending() does it.
 * @all_parts: also what arrived of blobs whose pull was broken off.
 * 1: done, 0: left for later.
 */
[[nodiscard]] int image_collect(
	struct store *store, bool wait, bool all_parts, struct store_collected *ret_collected);

/** Collects if an earlier command has left something; without waiting. Errors are not told. */
void image_collect_pending(struct store *store);

/** What the entries of the list and the containers need. */
[[nodiscard]] int image_needs(
	struct store *store, struct digest_set *blobs, struct digest_set *diff_ids);
