// SPDX-License-Identifier: Apache-2.0

/*
 * From the bottom up: blobs first, since a damaged one that is deleted is simply missing to the
 * images that need it. Repairing holds the exclusive lock; looking shares it, so that pulls go on.
 */

#include "engine/image/check.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/image/collect.h"
#include "engine/image/internal.h"
#include "engine/store/layer.h"

#include <fcntl.h>
#include <stdio.h>

struct checking {
	struct store *store;
	bool quick, repair;
	check_listener *listener;
	void *context;
	struct check_result result;
	struct digest_set bad; /* blobs */
	struct arena arena;
};

static void checking_fini(struct checking *checking)
{
	digest_set_fini(&checking->bad);
	arena_fini(&checking->arena);
}

static void found(struct checking *checking, enum check_finding finding, const char *what,
	const char *why, bool repaired)
{
	if (finding != CHECK_MISSING_SNAPSHOT && finding != CHECK_GARBAGE) {
		checking->result.faults++;
		checking->result.repaired += repaired;
	}
	checking->listener(finding, what, why, repaired, checking->context);
}

/* ---- blobs ----------------------------------------------------------------------------- */

/* By rung-layer where it is large: it hashes faster than we do. */
static bool is_sound(struct checking *checking, const char *digest, uint64_t size)
{
	if (size <= STORE_DOCUMENT_MAX) {
		autofree char *bytes = NULL;
		return store_read_blob(checking->store, digest, STORE_DOCUMENT_MAX, &bytes, NULL) ==
		       0;
	}
	if (checking->quick)
		return true;
	autoclose int fd = store_open_blob(checking->store, digest);
	const struct layer_unpack work = {
		.input_fd = -1, .blob_fd = fd, .tree_fd = -1, .digest = digest};
	return fd >= 0 && layer_unpack(&work, NULL) == 0;
}

static int check_blobs(struct checking *checking)
{
	struct strings blobs;
	uint64_t *sizes;
	int r = store_list_blobs(checking->store, &checking->arena, &blobs, &sizes);
	for (size_t i = 0; r == 0 && i < blobs.count; i++) {
		checking->result.blobs++;
		if (is_sound(checking, blobs.items[i], sizes[i]))
			continue;
		const char *why = arena_strdup(&checking->arena, error_text());
		error_clear();
		(void)digest_set_add(&checking->bad, blobs.items[i]);
		if (checking->repair)
			r = store_remove_blob(checking->store, blobs.items[i]);
		found(checking, CHECK_BAD_BLOB, blobs.items[i], why, checking->repair && r == 0);
	}
	return r;
}

/* ---- the list ---------------------------------------------------------------------------- */

/* Every manifest that is there becomes an image without a name: nothing more can be known. */
static int rebuild_index(struct checking *checking)
{
	struct store *store = checking->store;
	struct strings blobs;
	uint64_t *sizes;
	if (renameat(store->images_fd, "index.json", store->images_fd, "index.json.damaged") < 0)
		return fail(-errno, "put the damaged index.json aside");
	int r = store_list_blobs(store, &checking->arena, &blobs, &sizes);
	for (size_t i = 0; r == 0 && i < blobs.count; i++) {
		struct image_manifest manifest;
		if (sizes[i] > STORE_DOCUMENT_MAX ||
			image_manifest_read(store, blobs.items[i], &checking->arena, &manifest) <
				0 ||
			image_add(store, blobs.items[i], manifest.media_type, (size_t)sizes[i],
				NULL) < 0)
			error_clear();
	}
	return r;
}

static int check_index(struct checking *checking)
{
	struct store_index index;
	int r = index_read(checking->store, &checking->arena, &index);
	if (r >= 0)
		return 0;
	const char *why = arena_strdup(&checking->arena, error_text());
	error_clear();
	r = checking->repair ? rebuild_index(checking) : 0;
	found(checking, CHECK_BAD_INDEX, "index.json", why, checking->repair && r == 0);
	return r;
}

/* ---- images ---------------------------------------------------------------------------------- */

/* NULL if it is whole, else what is wrong. */
static const char *fault_of(struct checking *checking, const struct index_entry *entry)
{
	struct arena *arena = &checking->arena;
	struct image_manifest manifest;
	struct image image = {};
	const char *digest, *type;
	int r = image_resolve_entry(checking->store, entry, arena, &manifest, &digest, &type);
	if (r == 0 && manifest.is_index)
		return NULL; /* a list of platforms none of which is here */
	if (r == 0)
		r = image_config_read(checking->store, manifest.config.digest, arena, &image);
	if (r < 0) {
		const char *why = arena_strdup(arena, error_text());
		error_clear();
		return why;
	}
	if (image.diff_ids.count != manifest.layer_count)
		return "its manifest and its configuration name different numbers of layers";
	for (size_t i = 0; i < manifest.layer_count; i++) {
		const char *layer = manifest.layers[i].digest;
		uint64_t size = 0;
		if (digest_set_has(&checking->bad, layer))
			return arena_format(arena, "its layer %s is damaged", layer);
		if (store_blob_size(checking->store, layer, &size) < 0)
			return arena_format(arena, "its layer %s is missing", layer);
		if (size != manifest.layers[i].size)
			return arena_format(arena, "its layer %s has the wrong size", layer);
		if (!snapshot_exists(checking->store, image.diff_ids.items[i]))
			found(checking, CHECK_MISSING_SNAPSHOT, image.diff_ids.items[i],
				"is not unpacked, which the next run does", false);
	}
	return NULL;
}

static int drop_entry(struct checking *checking, const struct index_entry *broken)
{
	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
	const char *name = index_name(broken);
	int r = index_edit(checking->store, &edit);
	if (r < 0)
		return r;
	for (size_t i = edit.index.count; i-- > 0;) {
		const char *own = index_name(&edit.index.entries[i]);
		if (text_equal(edit.index.entries[i].digest, broken->digest) &&
			(own && name ? text_equal(own, name) : own == name))
			index_drop(&edit, i);
	}
	return index_edit_commit(checking->store, &edit);
}

static int check_images(struct checking *checking)
{
	struct store_index index;
	int r = index_read(checking->store, &checking->arena, &index);
	if (r < 0) {
		error_clear(); /* told already */
		return 0;
	}
	for (size_t i = 0; r == 0 && i < index.count; i++) {
		const struct index_entry *entry = &index.entries[i];
		checking->result.images++;
		const char *fault = fault_of(checking, entry);
		if (!fault)
			continue;
		if (checking->repair)
			r = drop_entry(checking, entry);
		found(checking, CHECK_BROKEN_IMAGE,
			index_name(entry) ? index_name(entry) : entry->digest, fault,
			checking->repair && r == 0);
	}
	return r;
}

/* ---- unpacked layers and garbage
 * ------------------------------------------------------------------ */

static int check_snapshots(struct checking *checking)
{
	struct strings snapshots;
	int r = snapshot_list(checking->store, &checking->arena, &snapshots);
	for (size_t i = 0; r == 0 && i < snapshots.count; i++) {
		checking->result.snapshots++;
		if (snapshot_exists(checking->store, snapshots.items[i]))
			continue;
		if (checking->repair)
			r = snapshot_remove(checking->store, snapshots.items[i]);
		found(checking, CHECK_DOUBTFUL_LAYER, snapshots.items[i],
			"was unpacked just before the machine stopped; it is made again from its "
			"blob",
			checking->repair && r == 0);
	}
	return r;
}

static int check_garbage(struct checking *checking)
{
	autofini(digest_set_fini) struct digest_set blobs = {}, diff_ids = {};
	struct store_collected collected = {};
	int r = image_needs(checking->store, &blobs, &diff_ids);
	if (r < 0) {
		error_clear(); /* a broken image, told already: what it needs is not known */
		return 0;
	}
	r = store_collect(checking->store, &blobs, &diff_ids, checking->repair, !checking->repair,
		&collected);
	if (r < 0)
		return r;
	const char *why = arena_format(&checking->arena,
		"%ju blobs, %ju unpacked layers, %ju parts that nobody needs",
		(uintmax_t)collected.blobs, (uintmax_t)collected.snapshots,
		(uintmax_t)collected.parts);
	if (collected.blobs + collected.snapshots + collected.parts > 0)
		found(checking, CHECK_GARBAGE, "garbage", why, checking->repair);
	return 0;
}

int image_check(struct store *store, bool quick, bool repair, check_listener *listener,
	void *context, struct check_result *ret_result)
{
	autofini(checking_fini) struct checking checking = {.store = store,
		.quick = quick,
		.repair = repair,
		.listener = listener,
		.context = context};
	autoclose int lock = -1;
	int r = store_lock(store, repair, &lock);
	if (r == 0)
		r = check_blobs(&checking);
	if (r == 0)
		r = check_index(&checking);
	if (r == 0)
		r = check_snapshots(&checking);
	if (r == 0)
		r = check_images(&checking);
	if (r == 0)
		r = check_garbage(&checking);
	if (r < 0)
		return r;
	*ret_result = checking.result;
	return 0;
}
