// SPDX-License-Identifier: Apache-2.0

/*
 * Archives of images. In: a stream, read once; rung-layer takes it apart into files of a scratch
 * directory and unpacks on the way what is a layer (store/layer.h, "split"). Out: the files that
 * the manifests name become blobs and snapshots by rename; the rest goes with the scratch.
 *
 * Nothing of a manifest is believed: every blob's digest is the one that rung-layer computed, and
 * must be the one that the manifest or the configuration wants.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/image/archive.h"
#include "engine/image/archive_internal.h"
#include "engine/store/layer.h"
#include "plan/shape.h"

#include <fcntl.h>
#include <stdio.h>

/* ---- the parts --------------------------------------------------------------------- */

const struct layer_member *load_find(const struct loading *loading, const char *name)
{
	/* A link of a link is followed too, a circle is not found. */
	for (int links = 0; links < 8; links++) {
		const struct layer_member *found = NULL;
		for (size_t i = 0; i < loading->count && !found; i++) {
			if (text_equal(loading->members[i].name, name))
				found = &loading->members[i];
		}
		if (!found || !found->link)
			return found;
		name = found->link;
	}
	return NULL;
}

int load_read(const struct loading *loading, const char *name, char **ret_text, size_t *ret_length)
{
	const struct layer_member *member = load_find(loading, name);
	if (!member)
		return refuse(-EINVAL, "the archive has no %s", name);
	int r = fs_read(
		loading->members_fd, member->file, STORE_DOCUMENT_MAX, ret_text, ret_length);
	return r < 0 ? fail(r, "read %s of the archive", name) : 0;
}

/* Docker's archives say nothing about what a layer is compressed with. */
static int layer_type(
	const struct loading *loading, const struct layer_member *member, const char **ret_type)
{
	/* It may have become a blob a moment ago, when two images share the layer. */
	autoclose int fd = openat(loading->members_fd, member->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fd = store_open_blob(loading->store, member->report.digest);
	if (fd < 0)
		return fail(-errno, "read layer %s", member->name);
	return image_sniff_layer(fd, true, ret_type);
}

/* The layer's file and tree go into the store; other images may have brought them already. */
static int take_layer(struct loading *loading, const struct layer_member *member,
	const char *diff_id, struct image_layer *ret)
{
	struct store *store = loading->store;
	const struct layer_report *report = &member->report;
	if (!text_equal(report->diff_id, diff_id))
		return refuse(-EBADMSG, "layer %s has the diff id %s, the configuration says %s",
			member->name, report->diff_id[0] ? report->diff_id : "of no archive",
			diff_id);
	int r = 0;
	if (!snapshot_exists(store, diff_id) && member->tree) {
		const char *directory =
			arena_strndup(loading->arena, member->tree, strcspn(member->tree, "/"));
		r = snapshot_adopt(
			store, loading->trees_fd, directory, diff_id, report->content_size);
	}
	if (r == 0)
		r = layer_type(loading, member, &ret->media_type);
	if (r == 0 && !store_has_blob(store, report->digest))
		r = store_adopt_blob(store, loading->members_fd, member->file, report->digest);
	if (r < 0)
		return r;
	ret->digest = report->digest;
	ret->diff_id = report->diff_id;
	ret->size = report->size;
	return 0;
}

void load_note(struct loading *loading, const char *id, const char *name)
{
	struct archive_images *loaded = loading->loaded;
	struct arena *arena = loading->arena;
	struct archive_image *last = loaded->count ? &loaded->images[loaded->count - 1] : NULL;
	if (!last || !text_equal(last->id, id)) {
		struct archive_image *images =
			arena_new(arena, struct archive_image, loaded->count + 1);
		for (size_t i = 0; loaded->images && i < loaded->count; i++)
			images[i] = loaded->images[i];
		loaded->images = images;
		last = &images[loaded->count++];
		last->id = arena_strdup(arena, id);
	}
	if (name)
		strings_add(&last->names, arena_strdup(arena, name), arena);
}

/* ---- docker-archive ------------------------------------------------------------------ */

struct docker_entry {
	const char *config;
	struct strings names, layers;
};

static const struct json_field entry_fields[] = {
	STRING("Config", struct docker_entry, config, .flags = REQUIRED),
	STRINGS("RepoTags", struct docker_entry, names),
	STRINGS("Layers", struct docker_entry, layers),
};

static const struct json_shape entry_shape = SHAPE(struct docker_entry, entry_fields);

static int write_manifest(struct loading *loading, const struct image_manifest *manifest,
	char ret_digest[static DIGEST_SIZE], size_t *ret_size)
{
	autofini(text_fini) struct text text = {};
	image_manifest_write(manifest, &text);
	*ret_size = text.length;
	return store_put_blob(loading->store, text_get(&text), text.length, ret_digest);
}

static int add_named(struct loading *loading, const char *id, const char *manifest_digest,
	const char *media_type, size_t size, const struct strings *names)
{
	int r = 0;
	if (names->count == 0) {
		r = image_add(loading->store, manifest_digest, media_type, size, NULL);
		load_note(loading, id, NULL);
	}
	for (size_t i = 0; r == 0 && i < names->count; i++) {
		r = image_add(loading->store, manifest_digest, media_type, size, names->items[i]);
		load_note(loading, id, names->items[i]);
	}
	return r;
}

/* Docker's names are short where they are Docker Hub's. */
static int full_names(struct loading *loading, const struct strings *words, struct strings *ret)
{
	for (size_t i = 0; i < words->count; i++) {
		struct reference reference;
		int r = reference_parse(words->items[i], loading->arena, &reference);
		if (r < 0)
			return wrap(r, "the archive's name for an image");
		strings_add(ret, reference_name(&reference, loading->arena), loading->arena);
	}
	return 0;
}

static int take_layers(struct loading *loading, const struct docker_entry *entry,
	const struct image *image, struct image_manifest *manifest)
{
	if (image->diff_ids.count != entry->layers.count)
		return refuse(-EINVAL, "%s names %zu layers, the archive %zu", entry->config,
			image->diff_ids.count, entry->layers.count);
	manifest->layers = arena_new(loading->arena, struct image_descriptor, entry->layers.count);
	for (size_t i = 0; i < entry->layers.count; i++) {
		struct image_layer layer = {};
		const struct layer_member *member = load_find(loading, entry->layers.items[i]);
		if (!member)
			return refuse(
				-EINVAL, "the archive has no layer %s", entry->layers.items[i]);
		int r = take_layer(loading, member, image->diff_ids.items[i], &layer);
		if (r < 0)
			return r;
		manifest->layers[manifest->layer_count++] = (struct image_descriptor){
			.media_type = layer.media_type, .digest = layer.digest, .size = layer.size};
	}
	return 0;
}

static int load_docker_entry(struct loading *loading, const struct docker_entry *entry)
{
	autofree char *config = NULL;
	size_t length = 0, size = 0;
	struct image image = {};
	struct strings names = {};
	char config_digest[DIGEST_SIZE], manifest_digest[DIGEST_SIZE];
	struct image_manifest manifest = {.media_type = MEDIA_DOCKER_MANIFEST,
		.config = {.media_type = MEDIA_DOCKER_CONFIG, .digest = config_digest}};
	int r = load_read(loading, entry->config, &config, &length);
	if (r == 0)
		r = image_config_parse(config, length, entry->config, loading->arena, &image);
	if (r == 0)
		r = full_names(loading, &entry->names, &names);
	if (r == 0)
		r = take_layers(loading, entry, &image, &manifest);
	if (r == 0)
		r = store_put_blob(loading->store, config, length, config_digest);
	if (r < 0)
		return r;
	manifest.config.size = length;
	r = write_manifest(loading, &manifest, manifest_digest, &size);
	if (r < 0)
		return r;
	return add_named(
		loading, config_digest, manifest_digest, manifest.media_type, size, &names);
}

static int load_docker(struct loading *loading)
{
	autofree char *text = NULL;
	size_t length = 0;
	autofini(json_document_fini) struct json_document document = {};
	int r = load_read(loading, "manifest.json", &text, &length);
	if (r == 0)
		r = json_parse(text, length, "manifest.json", loading->arena, &document);
	if (r == 0)
		r = json_expect(&document.top, JSON_ARRAY);
	if (r < 0)
		return r;
	size_t index = 0;
	for (const struct json_value *child = document.top.value->first; r == 0 && child;
		child = child->next) {
		struct json at = json_child(&document.top, child, index++);
		struct docker_entry entry = {};
		r = json_shape_read(&at, &entry_shape, loading->arena, &entry);
		if (r == 0)
			r = load_docker_entry(loading, &entry);
	}
	return r;
}

/* ---- both ---------------------------------------------------------------------------------- */

static int open_scratch(struct loading *loading, char *name, size_t size)
{
	loading->scratch_fd = snapshot_make_scratch(loading->store, name, size);
	if (loading->scratch_fd < 0)
		return loading->scratch_fd;
	if (mkdirat(loading->scratch_fd, "members", 0700) < 0 ||
		mkdirat(loading->scratch_fd, "trees", 0700) < 0)
		return fail(-errno, "create the scratch directory of the load");
	loading->members_fd =
		openat(loading->scratch_fd, "members", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	loading->trees_fd =
		openat(loading->scratch_fd, "trees", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (loading->members_fd < 0 || loading->trees_fd < 0)
		return fail(-errno, "open the scratch directory of the load");
	return 0;
}

static int load_members(struct loading *loading, int input_fd)
{
	const struct layer_split split = {.input_fd = input_fd,
		.members_fd = loading->members_fd,
		.trees_fd = loading->trees_fd};
	int r = layer_split(&split, loading->arena, &loading->members, &loading->count);
	if (r < 0)
		return r;
	if (load_find(loading, "oci-layout") && load_find(loading, "index.json"))
		return load_oci(loading);
	if (load_find(loading, "manifest.json"))
		return load_docker(loading);
	r = refuse(-EINVAL, "this is no archive of images: it has neither manifest.json nor "
			    "oci-layout");
	hint("rung import makes an image of a plain tree of files");
	return r;
}

int archive_load(struct store *store, int input_fd, bool local, struct arena *arena,
	struct archive_images *ret_images)
{
	char name[112] = "";
	struct archive_images loaded = {};
	struct loading loading = {.store = store,
		.arena = arena,
		.local = local,
		.loaded = &loaded,
		.scratch_fd = -1,
		.members_fd = -1,
		.trees_fd = -1};
	int r = store_require_writable(store);
	if (r == 0)
		r = open_scratch(&loading, name, sizeof(name));
	if (r == 0)
		r = load_members(&loading, input_fd);
	close_now(loading.members_fd);
	close_now(loading.trees_fd);
	if (name[0])
		snapshot_remove_scratch(store, name);
	close_now(loading.scratch_fd);
	if (r < 0)
		return r;
	*ret_images = loaded;
	return 0;
}
