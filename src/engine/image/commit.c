// SPDX-License-Identifier: Apache-2.0

/*
 * New images from old ones: the base's layers and history, one more layer or none, a configuration.
 * In: blobs that are in the store. Out: two small documents and an entry of the list.
 */

#include "base/clock.h"
#include "base/error.h"
#include "engine/image/internal.h"

#include <stdio.h>

static void add_history(const struct image_change *change, struct image *image, struct arena *arena)
{
	const struct image *base = change->base;
	size_t old = base ? base->history_count : 0;
	image->history = arena_new(arena, struct image_history, old + 1);
	for (size_t i = 0; i < old; i++)
		image->history[i] = base->history[i];
	image->history[old] = (struct image_history){
		.created = image->created,
		.created_by = change->layer ? change->layer->created_by : NULL,
		.author = change->author,
		.comment = change->comment,
		.empty_layer = change->layer == NULL,
	};
	image->history_count = old + 1;
}

static const char *first_of(const char *wish, const char *inherited, const char *own)
{
	return wish ? wish : inherited ? inherited : own;
}

static void make_config(const struct image_change *change, struct image *image, struct arena *arena)
{
	const struct image *base = change->base;
	struct image_platform own = image_own_platform();
	*image = (struct image){
		.created =
			change->created ? change->created : arena_strdup(arena, clock_now().text),
		.author = first_of(change->author, base ? base->author : NULL, NULL),
		.comment = change->comment,
		.architecture = first_of(
			change->architecture, base ? base->architecture : NULL, own.architecture),
		.os = first_of(change->os, base ? base->os : NULL, own.os),
		.variant = first_of(change->variant, base ? base->variant : NULL,
			change->architecture ? NULL : own.variant),
		.config = change->config,
	};
	for (size_t i = 0; base && i < base->diff_ids.count; i++)
		strings_add(&image->diff_ids, base->diff_ids.items[i], arena);
	if (change->layer)
		strings_add(&image->diff_ids, change->layer->diff_id, arena);
	add_history(change, image, arena);
}

static int make_manifest(struct store *store, const struct image_change *change,
	struct image_manifest *ret, struct arena *arena)
{
	struct image_manifest manifest = {};
	int r = change->base ? image_manifest_read(
				       store, change->base->manifest_digest, arena, &manifest)
			     : 0;
	if (r < 0)
		return r;
	bool docker = change->docker_format;
	struct image_descriptor *layers =
		arena_new(arena, struct image_descriptor, manifest.layer_count + 1);
	for (size_t i = 0; i < manifest.layer_count; i++) {
		layers[i] = manifest.layers[i];
		layers[i].media_type = image_layer_type(
			layers[i].media_type ? layers[i].media_type : MEDIA_OCI_LAYER "+gzip",
			docker);
	}
	if (change->layer)
		layers[manifest.layer_count++] = (struct image_descriptor){
			.media_type = image_layer_type(change->layer->media_type, docker),
			.digest = change->layer->digest,
			.size = change->layer->size};
	*ret = (struct image_manifest){
		.media_type = docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST,
		.config = {.media_type = docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG},
		.layers = layers,
		.layer_count = manifest.layer_count,
	};
	return 0;
}

int image_commit(struct store *store, const struct image_change *change, struct arena *arena,
	const char **ret_id)
{
	struct image image;
	struct image_manifest manifest;
	autofini(text_fini) struct text config_text = {}, manifest_text = {};
	char config_digest[DIGEST_SIZE], manifest_digest[DIGEST_SIZE];
	make_config(change, &image, arena);
	int r = make_manifest(store, change, &manifest, arena);
	if (r < 0)
		return r;
	image_config_write(&image, &config_text);
	r = store_put_blob(store, text_get(&config_text), config_text.length, config_digest);
	if (r < 0)
		return wrap(r, "write the configuration of the image");
	manifest.config.digest = config_digest;
	manifest.config.size = config_text.length;
	image_manifest_write(&manifest, &manifest_text);
	r = store_put_blob(store, text_get(&manifest_text), manifest_text.length, manifest_digest);
	if (r < 0)
		return wrap(r, "write the manifest of the image");
	r = image_add(
		store, manifest_digest, manifest.media_type, manifest_text.length, change->name);
	if (r < 0)
		return r;
	*ret_id = arena_strdup(arena, config_digest);
	return 0;
}
