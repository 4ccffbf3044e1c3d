// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Layers of the store whose blob and tree are known to belong together. */

#include "engine/image/image.h"

struct image_pairs {
	bool read;
	struct strings blobs, trees; /* digests and diff ids */
};

/** Whether an image of the store has the pair. The images are read at the first question. */
bool image_pair_is_proven(struct store *store, struct image_pairs *pairs, const char *digest,
	const char *diff_id, struct arena *arena);
