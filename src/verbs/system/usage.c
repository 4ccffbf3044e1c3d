// SPDX-License-Identifier: Apache-2.0

/*
 * Counting. Images take what their blobs and unpacked layers take, each once however many images
 * share it; what could be had back is what no image with a container needs. Of containers and
 * volumes the files are looked at one by one.
 */

#include "engine/store/snapshot.h"
#include "verbs/system/df.h"

#include <ftw.h>

/* nftw() hands no context on. */
static uint64_t counted;

static int count_one(const char *, const struct stat *about, int kind, struct FTW *)
{
	if (kind == FTW_F || kind == FTW_SL)
		counted += (uint64_t)about->st_size;
	return 0;
}

static uint64_t bytes_below(const char *path)
{
	counted = 0;
	(void)nftw(path, count_one, 32, FTW_PHYS | FTW_MOUNT);
	return counted;
}

static bool is_shared(const struct image *images, size_t count, size_t own, const char *diff_id)
{
	for (size_t i = 0; i < count; i++) {
		const struct strings *others = &images[i].diff_ids;
		for (size_t l = 0; i != own && l < others->count; l++) {
			if (text_equal(others->items[l], diff_id))
				return true;
		}
	}
	return false;
}

/* The blobs of an image: what its manifest and configuration name. */
static uint64_t blob_bytes(
	const struct store *store, const struct image *image, struct digest_set *seen)
{
	uint64_t total = 0, size;
	const char *documents[] = {image->manifest_digest, image->id};
	for (size_t i = 0; i < array_length(documents); i++) {
		if (digest_set_add(seen, documents[i]) &&
			store_blob_size(store, documents[i], &size) == 0)
			total += size;
	}
	for (size_t i = 0; i < image->layers.count; i++) {
		if (digest_set_add(seen, image->layers.items[i]) &&
			store_blob_size(store, image->layers.items[i], &size) == 0)
			total += size;
	}
	return total;
}

static uint64_t snapshot_bytes(
	const struct store *store, const struct image *image, struct digest_set *seen)
{
	uint64_t total = 0;
	for (size_t i = 0; i < image->diff_ids.count; i++) {
		if (digest_set_add(seen, image->diff_ids.items[i]))
			total += snapshot_size(store, image->diff_ids.items[i]);
	}
	return total;
}

static uint64_t all_bytes(const struct store *store, struct arena *arena)
{
	struct strings digests, diff_ids;
	uint64_t *sizes, total = 0;
	if (store_list_blobs(store, arena, &digests, &sizes) == 0) {
		for (size_t i = 0; i < digests.count; i++)
			total += sizes[i];
	}
	if (snapshot_list(store, arena, &diff_ids) == 0) {
		for (size_t i = 0; i < diff_ids.count; i++)
			total += snapshot_size(store, diff_ids.items[i]);
	}
	return total;
}

static int measure_images(struct invocation *invocation, struct store *store, struct usage *usage)
{
	struct arena *arena = invocation->arena;
	struct image *images;
	size_t count;
	int r = image_list(store, arena, &images, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (image_load(store, &images[i], arena) < 0)
			error_clear(); /* a damaged one takes its place on the disk all the same */
	}
	if (r < 0)
		return r;
	autofini(digest_set_fini) struct digest_set blobs = {}, layers = {};
	uint64_t active = 0;
	usage->images = arena_new(arena, struct usage_image, count + 1);
	for (size_t i = 0; i < count; i++) {
		struct usage_image *row = &usage->images[usage->image_count++];
		row->image = &images[i];
		for (size_t c = 0; c < usage->container_count; c++)
			row->containers +=
				text_equal(usage->containers[c].instance->image_id, images[i].id);
		for (size_t l = 0; l < images[i].diff_ids.count; l++) {
			uint64_t size = snapshot_size(store, images[i].diff_ids.items[l]);
			*(is_shared(images, count, i, images[i].diff_ids.items[l])
					? &row->shared
					: &row->unique) += size;
		}
		if (row->containers > 0)
			active += blob_bytes(store, &images[i], &blobs) +
				  snapshot_bytes(store, &images[i], &layers);
	}
	usage->image_bytes = all_bytes(store, arena);
	usage->image_reclaimable = usage->image_bytes > active ? usage->image_bytes - active : 0;
	return 0;
}

static int measure_containers(struct arena *arena, struct usage *usage)
{
	struct instance *instances;
	size_t count;
	int r = instance_list(arena, &instances, &count);
	if (r < 0)
		return r;
	usage->containers = arena_new(arena, struct usage_container, count + 1);
	for (size_t i = 0; i < count; i++) {
		struct usage_container *row = &usage->containers[usage->container_count++];
		row->instance = &instances[i];
		row->bytes = bytes_below(arena_format(arena, "%s/layer", instances[i].directory));
	}
	return 0;
}

static int measure_volumes(struct arena *arena, struct usage *usage)
{
	struct volume *volumes;
	size_t count;
	int r = volume_list(places_data(arena), arena, &volumes, &count);
	if (r < 0)
		return r;
	usage->volumes = arena_new(arena, struct usage_volume, count + 1);
	for (size_t i = 0; i < count; i++) {
		struct usage_volume *row = &usage->volumes[usage->volume_count++];
		row->volume = &volumes[i];
		row->bytes = bytes_below(volumes[i].mountpoint);
		for (size_t c = 0; c < usage->container_count; c++) {
			const struct strings *used = &usage->containers[c].instance->volumes;
			for (size_t v = 0; v < used->count; v++)
				row->links += text_equal(used->items[v], volumes[i].name);
		}
	}
	return 0;
}

int usage_measure(struct invocation *invocation, struct store *store, struct usage *ret_usage)
{
	struct usage usage = {};
	int r = measure_containers(invocation->arena, &usage);
	if (r == 0)
		r = measure_volumes(invocation->arena, &usage);
	if (r == 0)
		r = measure_images(invocation, store, &usage);
	if (r == 0)
		*ret_usage = usage;
	return r;
}
