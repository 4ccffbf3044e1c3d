// SPDX-License-Identifier: Apache-2.0

/*
 * A layer from outside, of which nothing is known before it was read to its end: unpacked and
 * hashed on the way into files without names, named when the digests are there.
 */

#include "base/error.h"
#include "engine/image/archive_internal.h"
#include "engine/store/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int keep(
	struct store *store, const struct layer_report *report, int part_fd, const char *scratch)
{
	char path[160];
	(void)snprintf(path, sizeof(path), "snapshots/%s", scratch);
	int r = snapshot_exists(store, report->diff_id)
			? 0
			: snapshot_adopt(store, store->root_fd, path, report->diff_id,
				  report->content_size);
	if (r == 0)
		r = store_ingest_commit(store, report->digest, part_fd);
	return r;
}

static int layer_type(
	const struct store *store, const struct layer_report *report, const char **ret_type)
{
	autoclose int blob = store_open_blob(store, report->digest);
	if (blob < 0)
		return blob;
	return image_sniff_layer(blob, false, ret_type);
}

int archive_take_layer(
	struct store *store, int input_fd, struct arena *arena, struct image_layer *ret_layer)
{
	char scratch[112] = "";
	struct layer_report report = {};
	autoclose int part_fd = -1, scratch_fd = -1, tree_fd = -1;
	int r = store_ingest_anonymous(store, &part_fd);
	if (r == 0) {
		scratch_fd = snapshot_make_scratch(store, scratch, sizeof(scratch));
		r = scratch_fd < 0 ? scratch_fd : 0;
	}
	if (r == 0 && (mkdirat(scratch_fd, "tree", 0755) < 0 ||
			      (tree_fd = openat(scratch_fd, "tree",
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
		r = fail(-errno, "create a place for the layer");
	if (r == 0) {
		const struct layer_unpack work = {
			.input_fd = input_fd, .blob_fd = part_fd, .tree_fd = tree_fd};
		r = layer_unpack(&work, &report);
	}
	if (r == 0)
		r = keep(store, &report, part_fd, scratch);
	if (r < 0 && part_fd >= 0)
		store_ingest_discard(store, part_fd);
	if (scratch[0])
		snapshot_remove_scratch(store, scratch);
	if (r < 0)
		return r;
	const char *type = "";
	r = layer_type(store, &report, &type);
	if (r < 0)
		return r;
	*ret_layer = (struct image_layer){
		.digest = arena_strdup(arena, report.digest),
		.diff_id = arena_strdup(arena, report.diff_id),
		.media_type = type,
		.size = report.size,
	};
	return 0;
}
