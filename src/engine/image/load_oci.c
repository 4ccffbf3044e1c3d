// SPDX-License-Identifier: Apache-2.0

/*
 * An OCI image layout, as members of an archive or as a directory. The manifests are kept as they
 * are, byte for byte, so that an image has the same digest here as where it was saved. Of an index
 * for several platforms those manifests are taken whose blobs came along.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/image/archive_internal.h"
#include "engine/store/layer.h"

#include <fcntl.h>
#include <stdio.h>

static const char *blob_name(struct loading *loading, const char *digest)
{
	return arena_format(loading->arena, "blobs/sha256/%s", digest_hex(digest));
}

static bool has_blob(struct loading *loading, const char *digest)
{
	const char *name = blob_name(loading, digest);
	return loading->members ? load_find(loading, name) != NULL
				: faccessat(loading->directory_fd, name, F_OK, 0) == 0;
}

static int read_file(struct loading *loading, const char *name, char **ret_text, size_t *ret_length)
{
	if (loading->members)
		return load_read(loading, name, ret_text, ret_length);
	int r = fs_read(loading->directory_fd, name, STORE_DOCUMENT_MAX, ret_text, ret_length);
	return r < 0 ? fail(r, "read %s", name) : 0;
}

/* A small blob: verified and put into the store as it is. */
static int take_document(
	struct loading *loading, const char *digest, char **ret_text, size_t *ret_length)
{
	char found[DIGEST_SIZE];
	int r = read_file(loading, blob_name(loading, digest), ret_text, ret_length);
	if (r < 0)
		return r;
	digest_of(*ret_text, *ret_length, found);
	if (!text_equal(found, digest))
		return refuse(-EBADMSG, "blob %s of the archive has the digest %s", digest, found);
	return store_put_blob(loading->store, *ret_text, *ret_length, found);
}

/* ---- layers ------------------------------------------------------------------------- */

static int take_member(struct loading *loading, const char *digest, const char *diff_id)
{
	const struct layer_member *member = load_find(loading, blob_name(loading, digest));
	if (!member)
		return refuse(-EINVAL, "the archive has no blob %s", digest);
	if (!text_equal(member->report.digest, digest))
		return refuse(-EBADMSG, "blob %s of the archive has the digest %s", digest,
			member->report.digest);
	if (!text_equal(member->report.diff_id, diff_id))
		return refuse(-EBADMSG, "layer %s has the diff id %s, the configuration says %s",
			digest, member->report.diff_id, diff_id);
	int r = 0;
	if (!snapshot_exists(loading->store, diff_id) && member->tree) {
		const char *directory =
			arena_strndup(loading->arena, member->tree, strcspn(member->tree, "/"));
		r = snapshot_adopt(loading->store, loading->trees_fd, directory, diff_id,
			member->report.content_size);
	}
	if (r == 0 && !store_has_blob(loading->store, digest))
		r = store_adopt_blob(loading->store, loading->members_fd, member->file, digest);
	return r;
}

struct copying {
	struct snapshot snapshot;
	struct layer_job job;
	int part_fd, file_fd;
	bool proving; /* all is here; whether blob and tree belong together is not known */
	const char *digest, *diff_id;
};

static int start_proof(struct loading *loading, struct copying *copying)
{
	copying->proving = true;
	copying->part_fd = store_open_blob(loading->store, copying->digest);
	if (copying->part_fd < 0)
		return copying->part_fd;
	const struct layer_unpack work = {.input_fd = -1,
		.blob_fd = copying->part_fd,
		.tree_fd = -1,
		.digest = copying->digest,
		.diff_id = copying->diff_id};
	return layer_unpack_start(&work, &copying->job);
}

static int start_copy(struct loading *loading, struct copying *copying)
{
	struct store *store = loading->store;
	if (store_has_blob(store, copying->digest) && snapshot_exists(store, copying->diff_id) &&
		image_pair_is_proven(
			store, &loading->pairs, copying->digest, copying->diff_id, loading->arena))
		return 0;
	int r = store_ingest(store, copying->digest, &copying->part_fd);
	if (r == 1 && snapshot_exists(store, copying->diff_id))
		return start_proof(loading, copying);
	if (r != 0) /* 1: another command brought it; image_lowers() unpacks what is missing */
		return r < 0 ? r : 0;
	if (ftruncate(copying->part_fd, 0) < 0)
		return fail(-errno, "begin blob %s", copying->digest);
	const char *name = blob_name(loading, copying->digest);
	copying->file_fd = openat(loading->directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (copying->file_fd < 0)
		return fail(-errno, "%s", name);
	bool unpack = !snapshot_exists(store, copying->diff_id);
	r = unpack ? snapshot_begin(store, copying->diff_id, &copying->snapshot) : 0;
	if (r < 0)
		return r;
	const struct layer_unpack work = {.input_fd = copying->file_fd,
		.blob_fd = copying->part_fd,
		.tree_fd = copying->snapshot.tree_fd,
		.digest = copying->digest,
		.diff_id = copying->diff_id};
	return layer_unpack_start(&work, &copying->job);
}

static int finish_copy(struct loading *loading, struct copying *copying)
{
	struct layer_report report = {};
	if (copying->job.pid == 0)
		return 0;
	int r = layer_unpack_wait(&copying->job, &report);
	if (copying->proving)
		return r;
	if (r < 0) {
		/* What a wrong source gave is no beginning for the right one. */
		store_ingest_discard(loading->store, copying->part_fd);
		return r;
	}
	if (copying->snapshot.name[0]) {
		copying->snapshot.unpacked_size = report.content_size;
		r = snapshot_commit(loading->store, &copying->snapshot, copying->diff_id);
	}
	return r < 0 ? r : store_ingest_commit(loading->store, copying->digest, copying->part_fd);
}

static void end_copy(struct loading *loading, struct copying *copying)
{
	layer_job_fini(&copying->job);
	snapshot_fini(loading->store, &copying->snapshot);
	close_now(copying->part_fd);
	close_now(copying->file_fd);
}

/* Two at once: the work is done by other processes, and one of them mostly waits for the disk. */
static int take_files(
	struct loading *loading, const struct image_manifest *manifest, const struct image *image)
{
	enum { AT_ONCE = 2 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < manifest->layer_count; i += AT_ONCE) {
		struct copying copies[AT_ONCE];
		size_t n = 0;
		for (; r == 0 && n < AT_ONCE && i + n < manifest->layer_count; n++) {
			copies[n] = (struct copying){.snapshot = SNAPSHOT_NONE,
				.part_fd = -1,
				.file_fd = -1,
				.digest = manifest->layers[i + n].digest,
				.diff_id = image->diff_ids.items[i + n]};
			/* The same layer twice in a row: the second would wait for our own lock. */
			bool same = n > 0 && text_equal(copies[n].digest, copies[0].digest);
			if (same && !text_equal(copies[n].diff_id, copies[0].diff_id))
				r = refuse(-EBADMSG, "layer %s is said to have two contents",
					copies[n].digest);
			else if (!same)
				r = start_copy(loading, &copies[n]);
		}
		for (size_t k = 0; k < n; k++) {
			int finished = r < 0 ? 0 : finish_copy(loading, &copies[k]);
			r = r < 0 ? r : finished;
			end_copy(loading, &copies[k]);
		}
	}
	return r;
}

static int take_layers(
	struct loading *loading, const struct image_manifest *manifest, const struct image *image)
{
	if (image->diff_ids.count != manifest->layer_count)
		return refuse(-EINVAL, "the manifest has %zu layers, the configuration %zu",
			manifest->layer_count, image->diff_ids.count);
	if (!loading->members)
		return take_files(loading, manifest, image);
	int r = 0;
	for (size_t i = 0; r == 0 && i < manifest->layer_count; i++)
		r = take_member(loading, manifest->layers[i].digest, image->diff_ids.items[i]);
	return r;
}

/* ---- manifests ------------------------------------------------------------------------- */

static int take_manifest(
	struct loading *loading, const char *digest, int depth, struct image_manifest *ret)
{
	autofree char *text = NULL, *config = NULL;
	size_t length = 0, config_length = 0;
	int r = take_document(loading, digest, &text, &length);
	if (r >= 0)
		r = image_manifest_parse(text, length, digest, loading->arena, ret);
	if (r < 0)
		return r;
	for (size_t i = 0; ret->is_index && i < ret->manifest_count; i++) {
		struct image_manifest child = {};
		if (depth == 4 || !has_blob(loading, ret->manifests[i].digest))
			continue;
		r = take_manifest(loading, ret->manifests[i].digest, depth + 1, &child);
		if (r < 0)
			return r;
	}
	if (ret->is_index)
		return 0;
	struct image image = {};
	r = take_document(loading, ret->config.digest, &config, &config_length);
	if (r == 0)
		r = image_config_parse(
			config, config_length, ret->config.digest, loading->arena, &image);
	return r < 0 ? r : take_layers(loading, ret, &image);
}

/* containerd and Docker write the full name beside a bare tag; Podman the full name itself. */
static int name_of(struct loading *loading, const struct index_entry *entry, const char **ret)
{
	const char *word = index_annotation(entry, "io.containerd.image.name");
	struct reference reference;
	struct strings candidates = {};
	if (text_empty(word))
		word = index_name(entry);
	*ret = NULL;
	if (text_empty(word))
		return 0;
	if (reference_parse(word, loading->arena, &reference) < 0) {
		error_clear(); /* the annotation may be anything: then it is no name */
		return 0;
	}
	*ret = reference_name(&reference, loading->arena);
	if (!loading->local || reference_is_qualified(word))
		return 0;
	int r = reference_candidates(word, true, loading->arena, &candidates);
	if (r == 0 && candidates.count > 0)
		*ret = candidates.items[0];
	return r < 0 ? r : 0;
}

int load_oci(struct loading *loading)
{
	autofree char *text = NULL;
	size_t length = 0;
	struct store_index index = {};
	int r = read_file(loading, "index.json", &text, &length);
	if (r == 0)
		r = index_parse(text, length, "index.json", loading->arena, &index);
	for (size_t i = 0; r == 0 && i < index.count; i++) {
		const struct index_entry *entry = &index.entries[i];
		struct image_manifest manifest = {};
		const char *name;
		r = take_manifest(loading, entry->digest, 0, &manifest);
		if (r == 0)
			r = name_of(loading, entry, &name);
		if (r == 0)
			r = image_add(loading->store, entry->digest,
				entry->media_type ? entry->media_type : manifest.media_type,
				(size_t)entry->size, name);
		if (r == 0)
			load_note(loading,
				manifest.is_index ? entry->digest : manifest.config.digest, name);
	}
	if (r == 0 && index.count == 0)
		r = refuse(-EINVAL, "the archive has no image in its index.json");
	return r;
}

/* ---- a directory ------------------------------------------------------------------------- */

int archive_load_directory(struct store *store, const char *path, bool local, struct arena *arena,
	struct archive_images *ret_images)
{
	struct archive_images loaded = {};
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "%s", path);
	if (faccessat(fd, "oci-layout", F_OK, 0) < 0)
		return refuse(-EINVAL, "%s is no OCI image layout: it has no oci-layout", path);
	struct loading loading = {.store = store,
		.arena = arena,
		.local = local,
		.loaded = &loaded,
		.scratch_fd = -1,
		.members_fd = -1,
		.trees_fd = -1,
		.directory_fd = fd};
	int r = store_require_writable(store);
	if (r == 0)
		r = load_oci(&loading);
	if (r < 0)
		return r;
	*ret_images = loaded;
	return 0;
}
