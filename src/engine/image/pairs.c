// SPDX-License-Identifier: Apache-2.0

/*
 * Which blob unpacks to which tree. An image only claims it, in two documents of one author: to
 * find both in the store proves nothing, for each may be of another image, and an image that names
 * a blob of its own and a tree of somebody else's would show that tree to its programs. Proven are
 * the pairs of images that are entered; all others are to be unpacked, or hashed, once more.
 */

#include "engine/image/pairs.h"

#include "base/error.h"

static void read_pairs(struct store *store, struct arena *arena, struct image_pairs *pairs)
{
	struct image *images;
	size_t count, layers = 0;
	pairs->read = true;
	if (image_list(store, arena, &images, &count) < 0) {
		error_clear();
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (image_load(store, &images[i], arena) < 0)
			images[i].layers.count = 0; /* a list, or damaged */
		layers += images[i].layers.count;
	}
	error_clear();
	pairs->blobs.items = arena_new(arena, const char *, layers + 1);
	pairs->trees.items = arena_new(arena, const char *, layers + 1);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < images[i].layers.count && k < images[i].diff_ids.count;
			k++) {
			pairs->blobs.items[pairs->blobs.count++] = images[i].layers.items[k];
			pairs->trees.items[pairs->trees.count++] = images[i].diff_ids.items[k];
		}
	}
}

bool image_pair_is_proven(struct store *store, struct image_pairs *pairs, const char *digest,
	const char *diff_id, struct arena *arena)
{
	if (!pairs->read)
		read_pairs(store, arena, pairs);
	for (size_t i = 0; i < pairs->blobs.count; i++)
		if (text_equal(pairs->blobs.items[i], digest) &&
			text_equal(pairs->trees.items[i], diff_id))
			return true;
	return false;
}
