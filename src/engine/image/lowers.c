// SPDX-License-Identifier: Apache-2.0

/*
 * The directories of an image's layers. They are a cache: a missing one, or one that a loss of
 * power made doubtful, is unpacked again from its blob.
 */

#include "base/error.h"
#include "engine/image/internal.h"
#include "engine/store/layer.h"
#include "engine/store/snapshot.h"

static int unpack(struct store *store, const char *digest, const char *diff_id)
{
	struct snapshot snapshot = SNAPSHOT_NONE;
	struct layer_report report = {};
	autoclose int blob = store_open_blob(store, digest);
	if (blob < 0)
		return blob;
	int r = snapshot_begin(store, diff_id, &snapshot);
	if (r < 0)
		return r;
	const struct layer_unpack work = {
		.input_fd = -1,
		.blob_fd = blob,
		.tree_fd = snapshot.tree_fd,
		.digest = digest,
		.diff_id = diff_id,
	};
	r = layer_unpack(&work, &report);
	if (r == 0) {
		snapshot.unpacked_size = report.content_size;
		r = snapshot_commit(store, &snapshot, diff_id);
	}
	snapshot_fini(store, &snapshot);
	return r;
}

int image_lowers(struct store *store, const struct image *image, struct arena *arena,
	struct strings *ret_paths)
{
	struct strings paths = {.items = arena_new(arena, const char *, image->diff_ids.count + 1)};
	for (size_t i = image->diff_ids.count; i-- > 0;) {
		const char *diff_id = image->diff_ids.items[i];
		if (!snapshot_exists(store, diff_id)) {
			int r = unpack(store, image->layers.items[i], diff_id);
			if (r < 0)
				return wrap(r, "layer %s of image %s", diff_id, image->id);
		}
		paths.items[paths.count++] = snapshot_path(store, diff_id, arena);
	}
	*ret_paths = paths;
	return 0;
}
