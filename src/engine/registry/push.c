// SPDX-License-Identifier: Apache-2.0

/*
 * An image goes up blobs first, manifest last: a registry takes a manifest only when it has all
 * that the manifest names, and whoever pulls meanwhile sees the old image or the new one.
 */

#include "engine/registry/push.h"

#include "base/error.h"
#include "engine/registry/list.h"
#include "engine/registry/upload.h"
#include "engine/store/layer.h"

#include <sys/mman.h>

int registry_parse_format(const char *word, enum registry_format *ret_format)
{
	if (text_equal(word, "oci"))
		*ret_format = REGISTRY_FORMAT_OCI;
	else if (text_equal(word, "v2s2") || text_equal(word, "docker"))
		*ret_format = REGISTRY_FORMAT_DOCKER;
	else
		return refuse(-EINVAL, "unknown format \"%s\": oci or v2s2", word);
	return 0;
}

struct pushing {
	struct registry_session *session;
	struct store *store;
	const struct registry_push *push;
	struct registry_remote remote;
};

/* ---- media types ------------------------------------------------------------------- */

static bool is_plain(const char *media_type)
{
	return media_type && text_ends(media_type, ".tar");
}

static bool is_zstd(const char *media_type)
{
	return media_type && text_ends(media_type, "zstd");
}

/* The same kind of layer in the other family's words. */
static int translate_layer(enum registry_format format, const char **media_type)
{
	const char *type = *media_type;
	bool docker = format == REGISTRY_FORMAT_DOCKER;
	if (type && (strstr(type, ".foreign.") || strstr(type, ".nondistributable.")))
		return 0; /* each family has read the other's word for these */
	if (is_zstd(type) && docker)
		return refuse(-ENOTSUP, "format v2s2 cannot hold layers compressed with zstd");
	if (is_zstd(type))
		*media_type = MEDIA_OCI_LAYER "+zstd";
	else if (is_plain(type))
		*media_type = docker ? MEDIA_DOCKER_LAYER ".tar" : MEDIA_OCI_LAYER;
	else
		*media_type = docker ? MEDIA_DOCKER_LAYER ".tar.gzip" : MEDIA_OCI_LAYER "+gzip";
	return 0;
}

static int translate(enum registry_format format, struct image_manifest *manifest)
{
	bool docker = format == REGISTRY_FORMAT_DOCKER;
	if (format == REGISTRY_FORMAT_SAME)
		return 0;
	manifest->media_type = docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
	manifest->config.media_type = docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG;
	if (docker)
		manifest->annotation_count = 0; /* schema 2 has none */
	for (size_t i = 0; i < manifest->layer_count; i++) {
		int r = translate_layer(format, &manifest->layers[i].media_type);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A layer that may not be handed on: the manifest says where it lies. */
static bool is_foreign(const struct image_descriptor *layer)
{
	const char *type = layer->media_type;
	return type && layer->urls.count > 0 &&
	       (strstr(type, ".foreign.") || strstr(type, ".nondistributable."));
}

/* ---- compression ------------------------------------------------------------------- */

static bool has_same_family(const char *media_type, const char *prefix)
{
	return media_type && text_starts(media_type, prefix);
}

/* A plain layer becomes a compressed one, in a file without a name. */
static int compress(struct pushing *pushing, enum layer_compression compression,
	struct image_descriptor *layer, int *fd)
{
	struct layer_report report = {};
	autoclose int packed = -1;
	int r = store_ingest_anonymous(pushing->store, &packed);
	if (r >= 0) {
		store_ingest_discard(pushing->store, packed); /* the name; the file is ours */
		r = layer_encode(
			*fd, packed, compression, pushing->push->compression_level, &report);
	}
	if (r < 0)
		return wrap(r, "compress layer %s", layer->digest);
	bool docker =
		has_same_family(layer->media_type, MEDIA_DOCKER_LAYER) && compression == LAYER_GZIP;
	layer->media_type = docker ? MEDIA_DOCKER_LAYER ".tar.gzip" : layer_media_type(compression);
	layer->digest = arena_strdup(pushing->session->arena, report.digest);
	layer->size = report.size;
	close_now(*fd);
	*fd = take_fd(packed);
	return 0;
}

/* ---- blobs ------------------------------------------------------------------------- */

struct blobs {
	struct upload *items;
	size_t count;
};

static void blobs_fini(struct blobs *blobs)
{
	for (size_t i = 0; i < blobs->count; i++)
		close_now(blobs->items[i].fd);
}

static void add_blob(struct blobs *blobs, const struct image_descriptor *blob, int fd)
{
	for (size_t i = 0; i < blobs->count; i++) {
		if (text_equal(blobs->items[i].digest, blob->digest)) {
			close_now(fd);
			return;
		}
	}
	blobs->items[blobs->count++] =
		(struct upload){.digest = blob->digest, .size = blob->size, .fd = fd};
}

static int collect_layers(
	struct pushing *pushing, struct image_manifest *manifest, struct blobs *blobs)
{
	const char *word = pushing->push->compression;
	enum layer_compression compression = LAYER_GZIP;
	if (word && layer_compression_from(word, &compression) < 0)
		return refuse(-EINVAL, "unknown compression \"%s\": gzip, zstd or none", word);
	for (size_t i = 0; i < manifest->layer_count; i++) {
		struct image_descriptor *layer = &manifest->layers[i];
		if (is_foreign(layer))
			continue; /* who pulls finds it where it lies */
		int fd = store_open_blob(pushing->store, layer->digest);
		if (fd < 0)
			return wrap(fd, "layer %s", layer->digest);
		int r = 0;
		if (is_plain(layer->media_type) && compression != LAYER_PLAIN)
			r = compress(pushing, compression, layer, &fd);
		if (r < 0) {
			close_now(fd);
			return r;
		}
		add_blob(blobs, layer, fd);
	}
	return 0;
}

/* Another repository of the registry that was given, or gave us, this blob. */
static void find_sources(struct pushing *pushing, struct blobs *blobs)
{
	struct arena *arena = pushing->session->arena;
	struct image *images;
	size_t count;
	if (image_list(pushing->store, arena, &images, &count) < 0) {
		error_clear();
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *from = NULL;
		for (size_t k = 0; k < images[i].names.count; k++) {
			struct reference name;
			if (reference_parse(images[i].names.items[k], arena, &name) >= 0 &&
				text_equal(name.registry, pushing->remote.registry) &&
				!text_equal(name.repository, pushing->remote.repository))
				from = name.repository;
		}
		if (!from || image_load(pushing->store, &images[i], arena) < 0)
			continue;
		for (size_t k = 0; k < images[i].layers.count; k++)
			for (size_t b = 0; b < blobs->count; b++)
				if (text_equal(blobs->items[b].digest, images[i].layers.items[k]))
					blobs->items[b].from = from;
	}
	error_clear();
}

/* ---- manifests --------------------------------------------------------------------- */

static int put_manifest(struct pushing *pushing, const char *media_type, const char *target,
	const void *bytes, size_t length)
{
	struct arena *arena = pushing->session->arena;
	struct fetch_answer answer;
	autoclose int body = memfd_create("manifest", MFD_CLOEXEC);
	if (body < 0 || write(body, bytes, length) != (ssize_t)length)
		return fail(-errno, "memfd_create");
	const struct fetch_request request = {
		.endpoint = pushing->remote.endpoint,
		.method = "PUT",
		.path = arena_format(
			arena, "/v2/%s/manifests/%s", pushing->remote.repository, target),
		.scope = pushing->remote.scope,
		.headers = {arena_format(arena, "Content-Type: %s", media_type)},
		.input_fd = body,
		.input_length = length,
	};
	if (pushing->push->ret_size)
		*pushing->push->ret_size = length; /* the last one is that of the name */
	int r = fetch_do(&pushing->session->fetch, &request, arena, &answer, NULL, NULL);
	if (r >= 0 && (answer.status < 200 || answer.status > 299))
		r = fetch_refuse(&answer, arena);
	return r < 0 ? wrap(r, "write manifest %s", target) : 0;
}

/* @target NULL: by its digest. */
static int push_manifest(struct pushing *pushing, const char *digest, const char *target,
	char ret_digest[static DIGEST_SIZE]);

static int push_image(struct pushing *pushing, struct image_manifest *manifest, const char *stored,
	size_t stored_length, const char *target, char ret_digest[static DIGEST_SIZE])
{
	struct registry_session *session = pushing->session;
	struct arena *arena = session->arena;
	autofini(blobs_fini) struct blobs blobs = {
		.items = arena_new(arena, struct upload, manifest->layer_count + 1)};
	autofini(text_fini) struct text before = {}, after = {};
	image_manifest_write(manifest, &before);
	int r = collect_layers(pushing, manifest, &blobs);
	if (r >= 0)
		r = translate(pushing->push->format, manifest);
	if (r < 0)
		return r;
	int config = store_open_blob(pushing->store, manifest->config.digest);
	if (config < 0)
		return config;
	find_sources(pushing, &blobs);
	add_blob(&blobs, &manifest->config, config);
	blobs.items[blobs.count - 1].configuration = true;
	r = registry_upload(session, &pushing->remote, blobs.items, blobs.count);
	if (r < 0)
		return r;
	/* Unchanged, it goes byte by byte as it lies in the store, and keeps its digest. */
	image_manifest_write(manifest, &after);
	bool same = text_equal(text_get(&before), text_get(&after));
	const char *bytes = same ? stored : text_get(&after);
	size_t length = same ? stored_length : after.length;
	digest_of(bytes, length, ret_digest);
	registry_tell(
		session, &(struct registry_news){.step = REGISTRY_WRITING, .subject = ret_digest});
	return put_manifest(
		pushing, manifest->media_type, target ? target : ret_digest, bytes, length);
}

static int push_children(struct pushing *pushing, const struct image_manifest *index)
{
	for (size_t i = 0; i < index->manifest_count; i++) {
		const char *child = index->manifests[i].digest;
		char digest[DIGEST_SIZE];
		if (!store_has_blob(pushing->store, child))
			continue; /* its registry may have it; if not, it will say so */
		int r = push_manifest(pushing, child, NULL, digest);
		if (r < 0)
			return r;
		if (!text_equal(child, digest))
			return refuse(-ENOTSUP,
				"image %s in the list would become another on the way: push it "
				"alone, and add that to the list",
				child);
	}
	return 0;
}

static int push_index(struct pushing *pushing, struct image_manifest *index, const char *stored,
	size_t stored_length, const char *target, char ret_digest[static DIGEST_SIZE])
{
	autofini(text_fini) struct text text = {};
	int r = pushing->push->children ? push_children(pushing, index) : 0;
	if (r < 0)
		return r;
	const char *media_type = index->media_type;
	if (pushing->push->format != REGISTRY_FORMAT_SAME)
		media_type = pushing->push->format == REGISTRY_FORMAT_DOCKER ? MEDIA_DOCKER_LIST
									     : MEDIA_OCI_INDEX;
	if (!text_equal(media_type, index->media_type)) {
		index->media_type = media_type;
		registry_list_text(index, &text);
		stored = text_get(&text);
		stored_length = text.length;
	}
	digest_of(stored, stored_length, ret_digest);
	registry_tell(pushing->session,
		&(struct registry_news){.step = REGISTRY_WRITING, .subject = ret_digest});
	return put_manifest(
		pushing, media_type, target ? target : ret_digest, stored, stored_length);
}

static int push_manifest(struct pushing *pushing, const char *digest, const char *target,
	char ret_digest[static DIGEST_SIZE])
{
	autofree char *text = NULL;
	size_t length;
	struct image_manifest manifest;
	struct arena *arena = pushing->session->arena;
	int r = store_read_blob(pushing->store, digest, STORE_DOCUMENT_MAX, &text, &length);
	if (r >= 0)
		r = image_manifest_parse(text, length, digest, arena, &manifest);
	if (r < 0)
		return r;
	return (manifest.is_index ? push_index : push_image)(
		pushing, &manifest, text, length, target, ret_digest);
}

int registry_push(struct store *store, const struct registry_push *push,
	const struct registry_options *options, struct arena *arena,
	char ret_digest[static PUSH_DIGEST_SIZE])
{
	autofini(registry_session_fini) struct registry_session session = REGISTRY_SESSION_NONE;
	struct pushing pushing = {.session = &session, .store = store, .push = push};
	struct reference reference;
	struct registries_source *sources;
	size_t count;
	autoclose int lock = -1;
	int r = reference_parse(push->destination, arena, &reference);
	if (r >= 0)
		r = registry_session_init(&session, options, arena);
	if (r >= 0)
		r = registries_sources(
			&session.registries, &reference, true, arena, &sources, &count);
	if (r >= 0)
		r = registry_connect(&session, &sources[count - 1], "pull,push", &pushing.remote);
	if (r >= 0)
		r = store_lock(store, false, &lock);
	if (r >= 0)
		r = push_manifest(
			&pushing, push->manifest_digest, reference_target(&reference), ret_digest);
	if (r == -EACCES)
		hint("rung login %s", reference.registry);
	return r < 0 ? wrap(r, "push %s", push->destination) : 0;
}
