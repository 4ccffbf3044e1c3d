// SPDX-License-Identifier: Apache-2.0

/*
 * Changes of the list of images. Each is one reading and one replacement of index.json under its
 * lock; a kill in between changes nothing. A name belongs to one entry: giving it to another image
 * takes it from the one before, which stays as a dangling image (Docker does so at `pull` and
 * `build` of a moved tag).
 */

#include "base/error.h"
#include "engine/image/collect.h"
#include "engine/image/internal.h"

#include <stdio.h>

static void note_facts(struct index_entry *entry, const struct image *image, struct arena *arena)
{
	index_annotate(entry, INDEX_ID, image->id, arena);
	index_annotate(entry, INDEX_CREATED, image->created, arena);
	index_annotate(
		entry, INDEX_SIZE, arena_format(arena, "%ju", (uintmax_t)image->size), arena);
}

static bool is_same_image(const struct index_entry *a, const struct index_entry *b)
{
	const char *left = index_annotation(a, INDEX_ID), *right = index_annotation(b, INDEX_ID);
	return text_equal(a->digest, b->digest) || (left && right && text_equal(left, right));
}

/* Whether another entry stands for the same image, be it through another manifest. */
static bool has_twin(const struct index_edit *edit, size_t number, bool named)
{
	const struct index_entry *entries = edit->index.entries;
	for (size_t i = 0; i < edit->index.count; i++) {
		if (i != number && is_same_image(&entries[i], &entries[number]) &&
			!index_annotation(&entries[i], INDEX_REMOVED) &&
			(!named || index_name(&entries[i])))
			return true;
	}
	return false;
}

/* Whether an entry before this one stands for the same manifest without a name, too. */
static bool has_older(const struct index_edit *edit, size_t number)
{
	const struct index_entry *entries = edit->index.entries;
	for (size_t i = 0; i < number; i++) {
		if (!index_name(&entries[i]) && !index_annotation(&entries[i], INDEX_REMOVED) &&
			is_same_image(&entries[i], &entries[number]))
			return true;
	}
	return false;
}

/* Takes the name from whoever has it. True if it was that of this manifest already. */
static bool free_name(struct index_edit *edit, const char *name, const char *manifest_digest)
{
	for (size_t i = 0; i < edit->index.count; i++) {
		struct index_entry *entry = &edit->index.entries[i];
		const char *own = index_name(entry);
		if (!own || !text_equal(own, name))
			continue;
		if (text_equal(entry->digest, manifest_digest))
			return true;
		if (has_twin(edit, i, false))
			index_drop(edit, i);
		else
			index_annotate(entry, INDEX_NAME, NULL, &edit->arena);
		return false;
	}
	return false;
}

/* Entries without a name say nothing where another one of the same image has a name. */
static void drop_redundant(struct index_edit *edit)
{
	for (size_t i = edit->index.count; i-- > 0;) {
		const struct index_entry *entry = &edit->index.entries[i];
		if (!index_name(entry) && !index_annotation(entry, INDEX_REMOVED) &&
			(has_twin(edit, i, true) || has_older(edit, i)))
			index_drop(edit, i);
	}
}

/* A forced removal that a container outlived is undone when the image comes back. */
static void revive(struct index_edit *edit, const char *manifest_digest)
{
	for (size_t i = edit->index.count; i-- > 0;) {
		if (text_equal(edit->index.entries[i].digest, manifest_digest) &&
			index_annotation(&edit->index.entries[i], INDEX_REMOVED))
			index_drop(edit, i);
	}
}

static int check_blobs(const struct store *store, const struct image_manifest *manifest)
{
	if (!store_has_blob(store, manifest->config.digest))
		return refuse(-ENOENT, "its configuration %s is missing", manifest->config.digest);
	for (size_t i = 0; i < manifest->layer_count; i++) {
		if (!store_has_blob(store, manifest->layers[i].digest))
			return refuse(
				-ENOENT, "its layer %s is missing", manifest->layers[i].digest);
	}
	return 0;
}

/* Reads what the entry is about; an index is taken as it is, its children need not be here. */
static int examine(struct store *store, const struct index_entry *entry, struct arena *arena,
	struct image *ret, bool *ret_is_index)
{
	struct image_manifest manifest;
	int r = image_manifest_read(store, entry->digest, arena, &manifest);
	*ret_is_index = r == 0 && manifest.is_index;
	if (r < 0 || manifest.is_index)
		return r;
	r = check_blobs(store, &manifest);
	if (r < 0)
		return r;
	struct image image = {.id = manifest.config.digest, .created = ""};
	/* An artifact's configuration is no image's: kept and pushed, but not run. */
	r = image_config_read(store, manifest.config.digest, arena, &image);
	if (r < 0 || image.diff_ids.count != manifest.layer_count)
		return r < 0 ? r
			     : refuse(-EINVAL, "its manifest has %zu layers, its configuration %zu",
				       manifest.layer_count, image.diff_ids.count);
	image.size = image_measure(store, &image, &manifest);
	*ret = image;
	return 0;
}

/* Fewer entries: what they named may be nobody's now. */
static int commit(struct store *store, struct index_edit *edit, size_t before)
{
	int r = index_edit_commit(store, edit);
	if (r == 0 && edit->index.count < before)
		store_mark_garbage(store);
	return r;
}

int image_add(struct store *store, const char *manifest_digest, const char *media_type, size_t size,
	const char *name)
{
	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
	int r = index_edit(store, &edit);
	if (r < 0)
		return r;
	struct index_entry entry = {
		.media_type = arena_strdup(&edit.arena, media_type),
		.digest = arena_strdup(&edit.arena, manifest_digest),
		.size = size,
	};
	struct image image = {};
	bool is_index = false;
	r = examine(store, &entry, &edit.arena, &image, &is_index);
	if (r < 0)
		return wrap(r, "add image %s", name ? name : manifest_digest);
	if (!is_index)
		note_facts(&entry, &image, &edit.arena);
	size_t before = edit.index.count;
	revive(&edit, manifest_digest);
	bool there = name && free_name(&edit, name, manifest_digest);
	if (name)
		index_annotate(&entry, INDEX_NAME, name, &edit.arena);
	if (!there)
		*index_add(&edit) = entry;
	drop_redundant(&edit);
	return commit(store, &edit, before + !there);
}

int image_tag(struct store *store, const struct image *image, const char *name)
{
	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
	int r = index_edit(store, &edit);
	if (r < 0)
		return r;
	struct index_entry entry = {};
	for (size_t i = 0; i < edit.index.count && !entry.digest; i++) {
		if (text_equal(edit.index.entries[i].digest, image->manifest_digest))
			entry = edit.index.entries[i];
	}
	if (!entry.digest)
		return refuse(-ENOENT, "no such image: %s", image->id);
	if (free_name(&edit, name, entry.digest))
		return 0;
	index_annotate(&entry, INDEX_NAME, name, &edit.arena);
	index_annotate(&entry, INDEX_REMOVED, NULL, &edit.arena);
	*index_add(&edit) = entry;
	drop_redundant(&edit);
	return index_edit_commit(store, &edit);
}

int image_untag(struct store *store, const char *name)
{
	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
	int r = index_edit(store, &edit);
	if (r < 0)
		return r;
	for (size_t i = 0; i < edit.index.count; i++) {
		const char *own = index_name(&edit.index.entries[i]);
		if (!own || !text_equal(own, name))
			continue;
		size_t before = edit.index.count;
		index_annotate(&edit.index.entries[i], INDEX_NAME, NULL, &edit.arena);
		drop_redundant(&edit);
		return commit(store, &edit, before);
	}
	return refuse(-ENOENT, "no image is called %s", name);
}

/* An entry is this image's if its id says so, or if its manifest is the image's. */
static bool is_of(const struct index_entry *entry, const struct image *image)
{
	const char *id = index_annotation(entry, INDEX_ID);
	return id ? text_equal(id, image->id) : text_equal(entry->digest, image->manifest_digest);
}

int image_remove(struct store *store, const struct image *image)
{
	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
	int r = index_edit(store, &edit);
	if (r < 0)
		return r;
	struct image_users users = {};
	r = image_find_users(store, image->id, &edit.arena, &users);
	if (r < 0)
		return r;
	bool keep = users.count > 0;
	for (size_t i = edit.index.count; i-- > 0;) {
		struct index_entry *entry = &edit.index.entries[i];
		if (!is_of(entry, image))
			continue;
		if (!keep) {
			index_drop(&edit, i);
			continue;
		}
		/* One entry stays, nameless, as long as a container needs its layers. */
		index_annotate(entry, INDEX_NAME, NULL, &edit.arena);
		index_annotate(entry, INDEX_REMOVED, "1", &edit.arena);
		keep = false;
	}
	r = index_edit_commit(store, &edit);
	if (r < 0)
		return r;
	store_mark_garbage(store);
	return 0;
}
