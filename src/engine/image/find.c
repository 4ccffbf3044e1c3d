// SPDX-License-Identifier: Apache-2.0

/*
 * From what a person calls an image to the image. In: the index (one file, where `images` finds all
 * that it prints), and manifest and configuration of the one that is meant.
 *
 * A word is looked up as a name before it is taken for the beginning of an id, as Docker does; last
 * of all a short name may be the end of one full name alone ("tiny" for "127.0.0.1:5000/tiny"),
 * as Podman does.
 */

#include "base/error.h"
#include "engine/image/internal.h"
#include "engine/registry/reference.h"

#include <stdio.h>
#include <stdlib.h>

/* A new array each time, for the old one may be another's: these lists are short. */
void strings_add(struct strings *strings, const char *item, struct arena *arena)
{
	const char **items = arena_new(arena, const char *, strings->count + 2);
	for (size_t i = 0; i < strings->count; i++)
		items[i] = strings->items[i];
	items[strings->count++] = item;
	strings->items = items;
}

bool strings_have(const struct strings *strings, const char *item)
{
	for (size_t i = 0; i < strings->count; i++) {
		if (text_equal(strings->items[i], item))
			return true;
	}
	return false;
}

bool image_name_is_digest(const char *name)
{
	return strchr(name, '@') != NULL;
}

const char *image_repository(const char *name, struct arena *arena)
{
	const char *at = strchr(name, '@'), *slash = strrchr(name, '/');
	size_t length = at ? (size_t)(at - name) : strlen(name);
	const char *colon = strchr(slash ? slash : name, ':');
	if (colon && (size_t)(colon - name) < length)
		length = (size_t)(colon - name);
	return arena_strndup(arena, name, length);
}

/* ---- one entry of the index --------------------------------------------------------- */

int image_resolve_entry(const struct store *store, const struct index_entry *entry,
	struct arena *arena, struct image_manifest *ret_manifest, const char **ret_digest,
	const char **ret_media_type)
{
	struct image_manifest manifest;
	const char *digest = entry->digest;
	int r = image_manifest_read(store, digest, arena, &manifest);
	/* An index in an index is allowed; one that holds itself cannot be made. */
	for (int depth = 0; r == 0 && manifest.is_index && depth < 4; depth++) {
		const struct image_descriptor *best = NULL;
		int best_rank = 0;
		for (size_t i = 0; i < manifest.manifest_count; i++) {
			const struct image_descriptor *child = &manifest.manifests[i];
			int rank = image_is_index_type(child->media_type)
					   ? 1
					   : image_platform_rank(&child->platform);
			if (rank > best_rank && store_has_blob(store, child->digest)) {
				best = child;
				best_rank = rank;
			}
		}
		if (!best)
			break;
		digest = best->digest;
		r = image_manifest_read(store, digest, arena, &manifest);
	}
	if (r < 0)
		return r;
	*ret_manifest = manifest;
	*ret_digest = digest;
	*ret_media_type = manifest.media_type;
	return 0;
}

uint64_t image_measure(
	const struct store *store, const struct image *image, const struct image_manifest *manifest)
{
	uint64_t bytes = 0;
	bool paired = image->diff_ids.count == manifest->layer_count;
	/* Of a layer that is not unpacked, the blob is all that can be measured. */
	for (size_t i = 0; i < manifest->layer_count; i++) {
		const char *diff_id = paired ? image->diff_ids.items[i] : NULL;
		bool known = diff_id && snapshot_exists(store, diff_id);
		bytes += known ? snapshot_size(store, diff_id) : manifest->layers[i].size;
	}
	return bytes;
}

static int load_from(struct store *store, const struct image_manifest *manifest,
	struct image *image, struct arena *arena)
{
	if (manifest->is_index) {
		image->loaded = true;
		image->architecture = image->os = "";
		return 0;
	}
	int r = image_config_read(store, manifest->config.digest, arena, image);
	if (r < 0)
		return r;
	image->layers = (struct strings){};
	for (size_t i = 0; i < manifest->layer_count; i++)
		strings_add(&image->layers, manifest->layers[i].digest, arena);
	if (image->diff_ids.count != image->layers.count)
		return refuse(-EINVAL,
			"image %s: its manifest has %zu layers, its configuration %zu", image->id,
			image->layers.count, image->diff_ids.count);
	image->loaded = true;
	return 0;
}

int image_load(struct store *store, struct image *image, struct arena *arena)
{
	if (image->loaded)
		return 0;
	struct image_manifest manifest;
	int r = image_manifest_read(store, image->manifest_digest, arena, &manifest);
	if (r == 0)
		r = load_from(store, &manifest, image, arena);
	return r < 0 ? wrap(r, "image %s", image->id) : 0;
}

/* What the entry says about its image, from its annotations if they are all there. */
static int describe(
	struct store *store, struct index_entry *entry, struct arena *arena, struct image *ret)
{
	const char *id = index_annotation(entry, INDEX_ID);
	const char *size = index_annotation(entry, INDEX_SIZE);
	const char *created = index_annotation(entry, INDEX_CREATED);
	struct image image = {.manifest_digest = entry->digest,
		.manifest_media_type = entry->media_type ? entry->media_type : MEDIA_OCI_MANIFEST};
	if (id && size && created && digest_is_valid(id) &&
		parse_uint64(size, UINT64_MAX, &image.size) == 0) {
		image.id = id;
		image.created = created;
		*ret = image;
		return 0;
	}
	struct image_manifest manifest;
	int r = image_resolve_entry(
		store, entry, arena, &manifest, &image.manifest_digest, &image.manifest_media_type);
	if (r < 0)
		return r;
	image.id = manifest.is_index ? image.manifest_digest : manifest.config.digest;
	image.created = "";
	r = load_from(store, &manifest, &image, arena);
	if (r < 0)
		return r;
	image.size = image_measure(store, &image, &manifest);
	*ret = image;
	return 0;
}

/* ---- all of them ------------------------------------------------------------------------ */

static void add_name(struct image *image, const char *name, struct arena *arena)
{
	if (!name)
		return;
	struct strings *to = image_name_is_digest(name) ? &image->references : &image->names;
	if (!strings_have(to, name))
		strings_add(to, name, arena);
}

static int by_age(const void *a, const void *b)
{
	const struct image *left = a, *right = b;
	int64_t difference = image_time(right->created) - image_time(left->created);
	if (difference != 0)
		return difference > 0 ? 1 : -1;
	return strcmp(left->id, right->id);
}

/* Images by id, in a table that finds one without looking at all others. */
struct by_id {
	size_t *slots; /* number + 1 */
	size_t mask;
};

static struct by_id by_id_new(size_t count, struct arena *arena)
{
	size_t room = 16;
	while (room < 2 * count)
		room *= 2;
	return (struct by_id){arena_new(arena, size_t, room), room - 1};
}

static size_t *by_id_slot(struct by_id *table, const struct image *images, const char *id)
{
	char digits[16] = {};
	memcpy(digits, digest_hex(id), sizeof(digits) - 1);
	size_t at = strtoull(digits, NULL, 16) & table->mask;
	while (table->slots[at] && !text_equal(images[table->slots[at] - 1].id, id))
		at = (at + 1) & table->mask;
	return &table->slots[at];
}

static int list(
	struct store *store, struct arena *arena, struct image **ret_images, size_t *ret_count)
{
	struct store_index index;
	int r = index_read(store, arena, &index);
	if (r < 0)
		return r;
	struct image *images = arena_new(arena, struct image, index.count + 1);
	struct by_id table = by_id_new(index.count, arena);
	size_t count = 0;
	for (size_t i = 0; i < index.count; i++) {
		struct image image;
		if (index_annotation(&index.entries[i], INDEX_REMOVED))
			continue;
		r = describe(store, &index.entries[i], arena, &image);
		if (r < 0) {
			error_clear(); /* one damaged image must not hide the others */
			continue;
		}
		size_t *slot = by_id_slot(&table, images, image.id);
		if (*slot == 0) {
			images[count++] = image;
			*slot = count;
		}
		add_name(&images[*slot - 1], index_name(&index.entries[i]), arena);
	}
	*ret_images = images;
	*ret_count = count;
	return 0;
}

int image_list(
	struct store *store, struct arena *arena, struct image **ret_images, size_t *ret_count)
{
	int r = list(store, arena, ret_images, ret_count);
	if (r == 0)
		qsort(*ret_images, *ret_count, sizeof(**ret_images), by_age);
	return r;
}

/* ---- the one that is meant ------------------------------------------------------------ */

struct search {
	struct store *store;
	struct arena *arena;
	struct store_index index;
	const char *word;
};

/* The image behind an entry, with all its names. The entry's own manifest is the image's. */
static int image_of_entry(struct search *search, size_t number, struct image *ret)
{
	struct index_entry *entry = &search->index.entries[number];
	struct image image;
	int r = describe(search->store, entry, search->arena, &image);
	if (r < 0)
		return r;
	for (size_t i = 0; i < search->index.count; i++) {
		struct index_entry *other = &search->index.entries[i];
		const char *id = index_annotation(other, INDEX_ID);
		if (text_equal(other->digest, entry->digest) || (id && text_equal(id, image.id)))
			add_name(&image, index_name(other), search->arena);
	}
	r = image_load(search->store, &image, search->arena);
	if (r == 0)
		*ret = image;
	return r;
}

static bool find_name(const struct search *search, const char *name, size_t *ret_number)
{
	for (size_t i = 0; i < search->index.count; i++) {
		const char *own = index_name(&search->index.entries[i]);
		if (own && text_equal(own, name)) {
			*ret_number = i;
			return true;
		}
	}
	return false;
}

/* "debian@sha256:…": any name of that repository whose manifest is the one. */
static bool find_digest(const struct search *search, const char *name, size_t *ret_number)
{
	const char *at = strchr(name, '@');
	if (!at)
		return false;
	const char *repository = image_repository(name, search->arena);
	if (find_name(search, arena_format(search->arena, "%s%s", repository, at), ret_number))
		return true;
	for (size_t i = 0; i < search->index.count; i++) {
		const char *own = index_name(&search->index.entries[i]);
		if (own && text_equal(search->index.entries[i].digest, at + 1) &&
			text_equal(image_repository(own, search->arena), repository)) {
			*ret_number = i;
			return true;
		}
	}
	return false;
}

/* The end of full names: good if all that end so are one image. */
static bool find_ending(const struct search *search, size_t *ret_number)
{
	struct reference reference;
	const char *word = search->word, *id = NULL;
	if (reference_is_qualified(word) || reference_parse(word, search->arena, &reference) < 0 ||
		reference.digest || !reference.tag) {
		error_clear();
		return false;
	}
	bool tagged = strchr(word, ':') != NULL;
	const char *ending = arena_format(
		search->arena, "/%s%s%s", word, tagged ? "" : ":", tagged ? "" : "latest");
	for (size_t i = 0; i < search->index.count; i++) {
		const struct index_entry *entry = &search->index.entries[i];
		const char *own = index_name(entry), *its = index_annotation(entry, INDEX_ID);
		if (!own || !text_ends(own, ending))
			continue;
		its = its ? its : entry->digest;
		if (id && !text_equal(id, its))
			return false;
		id = its;
		*ret_number = i;
	}
	return id != NULL;
}

/* 1 found, 0 not found, -EINVAL where several fit. */
static int find_id(struct search *search, size_t *ret_number)
{
	if (!digest_is_prefix(search->word))
		return 0;
	bool prefixed = text_starts(search->word, "sha256:");
	const char *digits = prefixed ? digest_hex(search->word) : search->word;
	const char *found = NULL;
	for (size_t i = 0; i < search->index.count; i++) {
		struct index_entry *entry = &search->index.entries[i];
		struct image image;
		if (index_annotation(entry, INDEX_REMOVED))
			continue;
		if (describe(search->store, entry, search->arena, &image) < 0) {
			error_clear();
			continue;
		}
		if (!text_starts(digest_hex(image.id), digits) &&
			!(strlen(digits) == DIGEST_HEX_LENGTH &&
				text_equal(digest_hex(entry->digest), digits)))
			continue;
		if (found && !text_equal(found, image.id))
			return refuse(-EINVAL, "image id %s is ambiguous: it begins several",
				search->word);
		if (!found)
			*ret_number = i;
		found = image.id;
	}
	return found != NULL;
}

/* 1 found, 0 not found. *ret_name is the full name where it was one. */
static int look_up(struct search *search, size_t *ret_number, const char **ret_name)
{
	struct strings candidates = {};
	*ret_name = NULL;
	int r = reference_candidates(search->word, true, search->arena, &candidates);
	if (r < 0)
		error_clear(); /* no reference: an id, or nothing */
	for (size_t i = 0; i < candidates.count; i++) {
		if (find_name(search, candidates.items[i], ret_number) ||
			find_digest(search, candidates.items[i], ret_number)) {
			*ret_name = index_name(&search->index.entries[*ret_number]);
			return 1;
		}
	}
	r = find_id(search, ret_number);
	if (r == 0 && find_ending(search, ret_number)) {
		*ret_name = index_name(&search->index.entries[*ret_number]);
		r = 1;
	}
	return r;
}

int image_find_named(struct store *store, const char *name_or_id, struct arena *arena,
	struct image *ret_image, const char **ret_name)
{
	struct search search = {.store = store, .arena = arena, .word = name_or_id};
	int r = index_read(store, arena, &search.index);
	if (r < 0)
		return r;
	size_t number = 0;
	const char *name;
	r = look_up(&search, &number, &name);
	if (r < 0)
		return r;
	if (r == 0) {
		r = refuse(-ENOENT, "no such image: %s", name_or_id);
		hint("rung images lists those that are here, rung pull fetches others");
		return r;
	}
	r = image_of_entry(&search, number, ret_image);
	if (r < 0)
		return wrap(r, "image %s", name_or_id);
	if (ret_name)
		*ret_name = name;
	return 0;
}

int image_find(
	struct store *store, const char *name_or_id, struct arena *arena, struct image *ret_image)
{
	return image_find_named(store, name_or_id, arena, ret_image, NULL);
}
