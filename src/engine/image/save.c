// SPDX-License-Identifier: Apache-2.0

/*
 * Writing images for others to read. OCI forms carry blobs and manifests as they are; a manifest in
 * Docker's form becomes an OCI one there, for readers of layouts expect it. docker-archive has
 * layers as plain tars under the name of their diff id, and no manifest, only a list.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/image/archive_internal.h"
#include "engine/store/gc.h"
#include "engine/store/layer.h"
#include "plan/json_write.h"

#include <fcntl.h>
#include <stdio.h>

/* Where files go: into a tar, or below a directory. */
struct output {
	struct store *store;
	bool directory;
	int directory_fd;
	struct tar_writer tar;
	struct digest_set written; /* each blob once */
	struct arena arena;
};

static void output_fini(struct output *output)
{
	digest_set_fini(&output->written);
	arena_fini(&output->arena);
}

static int add_bytes(struct output *output, const char *name, const void *bytes, size_t length)
{
	if (!output->directory)
		return tar_add_bytes(&output->tar, name, bytes, length);
	autoclose int fd = openat(output->directory_fd, name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	int r = fd < 0 ? -errno : fs_write_all(fd, bytes, length);
	return r < 0 ? fail(r, "write %s", name) : 0;
}

static int add_blob(struct output *output, const char *name, const char *digest)
{
	if (!digest_set_add(&output->written, digest))
		return 0;
	uint64_t size;
	autoclose int blob = store_open_blob(output->store, digest);
	if (blob < 0)
		return blob;
	int r = store_blob_size(output->store, digest, &size);
	if (r < 0)
		return fail(r, "blob %s", digest);
	if (!output->directory)
		return tar_add_file(&output->tar, name, blob, size);
	autoclose int fd = openat(output->directory_fd, name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	r = fd < 0 ? -errno : copy_bytes(blob, fd, size);
	return r < 0 ? fail(r, "write %s", name) : 0;
}

/* ---- the manifest ---------------------------------------------------------------------- */

/* The document as it is, or its OCI form where it is Docker's and the archive is OCI's. */
static int manifest_text(struct output *output, const struct image *image, bool oci,
	struct image_manifest *ret, struct text *text)
{
	autofree char *stored = NULL;
	size_t length = 0;
	int r = store_read_blob(
		output->store, image->manifest_digest, STORE_DOCUMENT_MAX, &stored, &length);
	if (r == 0)
		r = image_manifest_parse(
			stored, length, image->manifest_digest, &output->arena, ret);
	if (r == 0 && ret->is_index)
		return refuse(-ENOTSUP, "image %s is a list for several platforms", image->id);
	if (r < 0)
		return r;
	if (!oci || text_equal(ret->media_type, MEDIA_OCI_MANIFEST)) {
		text_add_bytes(text, stored, length);
		return 0;
	}
	ret->media_type = MEDIA_OCI_MANIFEST;
	ret->config.media_type = MEDIA_OCI_CONFIG;
	for (size_t i = 0; i < ret->layer_count; i++)
		ret->layers[i].media_type = image_layer_type(ret->layers[i].media_type, false);
	image_manifest_write(ret, text);
	return 0;
}

/* ---- OCI ----------------------------------------------------------------------------------- */

static void write_descriptor(struct json_writer *writer, const char *digest, size_t size,
	const struct image *image, const char *name)
{
	json_open(writer, NULL, '{');
	json_write_string(writer, "mediaType", MEDIA_OCI_MANIFEST);
	json_write_string(writer, "digest", digest);
	json_write_unsigned(writer, "size", size);
	if (name) {
		json_open(writer, "annotations", '{');
		json_write_string(writer, "io.containerd.image.name", name);
		json_write_string(writer, INDEX_NAME, name);
		json_close(writer);
	}
	if (!text_empty(image->architecture) && !text_empty(image->os)) {
		json_open(writer, "platform", '{');
		json_write_string(writer, "architecture", image->architecture);
		json_write_string(writer, "os", image->os);
		if (image->variant)
			json_write_string(writer, "variant", image->variant);
		json_close(writer);
	}
	json_close(writer);
}

static const char *oci_name(struct output *output, const char *digest)
{
	return arena_format(&output->arena, "blobs/sha256/%s", digest_hex(digest));
}

static int save_oci_image(
	struct output *output, const struct archive_choice *choice, struct json_writer *index)
{
	autofini(text_fini) struct text text = {};
	struct image_manifest manifest = {.media_type = ""};
	char digest[DIGEST_SIZE];
	int r = manifest_text(output, choice->image, true, &manifest, &text);
	for (size_t i = 0; r == 0 && i < manifest.layer_count; i++)
		r = add_blob(output, oci_name(output, manifest.layers[i].digest),
			manifest.layers[i].digest);
	if (r == 0)
		r = add_blob(
			output, oci_name(output, manifest.config.digest), manifest.config.digest);
	if (r < 0)
		return r;
	digest_of(text_get(&text), text.length, digest);
	if (digest_set_add(&output->written, digest))
		r = add_bytes(output, oci_name(output, digest), text_get(&text), text.length);
	if (choice->names.count == 0)
		write_descriptor(index, digest, text.length, choice->image, NULL);
	for (size_t i = 0; i < choice->names.count; i++)
		write_descriptor(index, digest, text.length, choice->image, choice->names.items[i]);
	return r;
}

static int save_oci(struct output *output, const struct archive_choice *choices, size_t count)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	autofini(text_fini) struct text text = {};
	struct json_writer index = {.out = &text, .compact = true};
	int r = 0;
	if (output->directory) {
		if (mkdirat(output->directory_fd, "blobs", 0755) < 0 ||
			mkdirat(output->directory_fd, "blobs/sha256", 0755) < 0)
			r = fail(-errno, "create blobs/sha256");
	} else {
		r = tar_add_directory(&output->tar, "blobs/");
		if (r == 0)
			r = tar_add_directory(&output->tar, "blobs/sha256/");
	}
	json_open(&index, NULL, '{');
	json_write_unsigned(&index, "schemaVersion", 2);
	json_write_string(&index, "mediaType", MEDIA_OCI_INDEX);
	json_open(&index, "manifests", '[');
	for (size_t i = 0; r == 0 && i < count; i++)
		r = save_oci_image(output, &choices[i], &index);
	json_close(&index);
	json_close(&index);
	if (r == 0)
		r = add_bytes(output, "index.json", text_get(&text), text.length);
	return r == 0 ? add_bytes(output, "oci-layout", layout, strlen(layout)) : r;
}

/* ---- Docker ---------------------------------------------------------------------------------- */

static int decode(int output_fd, void *context)
{
	return layer_decode(*(const int *)context, output_fd, NULL);
}

/* A pipe's header must know the size first: the tar is made beside the store's parts. */
static int decode_to_pipe(struct output *output, const char *name, int blob)
{
	autoclose int plain =
		openat(output->store->images_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (plain < 0)
		plain = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (plain < 0)
		return fail(-errno, "a place for the plain layer");
	int r = decode(plain, &blob);
	off_t size = lseek(plain, 0, SEEK_END);
	if (r < 0)
		return r;
	if (size < 0 || lseek(plain, 0, SEEK_SET) < 0)
		return fail(-errno, "read the plain layer");
	return tar_add_file(&output->tar, name, plain, (uint64_t)size);
}

static int add_plain_layer(struct output *output, const char *digest, const char *diff_id)
{
	const char *name = arena_format(&output->arena, "%s.tar", digest_hex(diff_id));
	if (text_equal(digest, diff_id))
		return add_blob(output, name, digest);
	if (!digest_set_add(&output->written, diff_id))
		return 0;
	autoclose int blob = store_open_blob(output->store, digest);
	if (blob < 0)
		return blob;
	return output->tar.seekable ? tar_add_written(&output->tar, name, decode, &blob)
				    : decode_to_pipe(output, name, blob);
}

static int save_docker_image(
	struct output *output, const struct archive_choice *choice, struct json_writer *list)
{
	const struct image *image = choice->image;
	struct arena *arena = &output->arena;
	const char *config = arena_format(arena, "%s.json", digest_hex(image->id));
	int r = 0;
	for (size_t i = 0; r == 0 && i < image->layers.count; i++)
		r = add_plain_layer(output, image->layers.items[i], image->diff_ids.items[i]);
	if (r == 0)
		r = add_blob(output, config, image->id);
	json_open(list, NULL, '{');
	json_write_string(list, "Config", config);
	json_open(list, "RepoTags", '[');
	for (size_t i = 0; i < choice->names.count; i++)
		json_write_string(
			list, NULL, reference_familiar_name(choice->names.items[i], arena));
	json_close(list);
	json_open(list, "Layers", '[');
	for (size_t i = 0; i < image->diff_ids.count; i++)
		json_write_string(list, NULL,
			arena_format(arena, "%s.tar", digest_hex(image->diff_ids.items[i])));
	json_close(list);
	json_close(list);
	return r;
}

static int save_docker(struct output *output, const struct archive_choice *choices, size_t count)
{
	autofini(text_fini) struct text text = {};
	struct json_writer list = {.out = &text, .compact = true};
	int r = 0;
	json_open(&list, NULL, '[');
	for (size_t i = 0; r == 0 && i < count; i++)
		r = save_docker_image(output, &choices[i], &list);
	json_close(&list);
	return r == 0 ? add_bytes(output, "manifest.json", text_get(&text), text.length) : r;
}

/* skopeo's "dir": one image, its manifest untouched. */
static int save_docker_directory(struct output *output, const struct archive_choice *choice)
{
	static const char version[] = "Directory Transport Version: 1.1\n";
	autofini(text_fini) struct text text = {};
	struct image_manifest manifest = {};
	int r = manifest_text(output, choice->image, false, &manifest, &text);
	for (size_t i = 0; r == 0 && i < manifest.layer_count; i++)
		r = add_blob(
			output, digest_hex(manifest.layers[i].digest), manifest.layers[i].digest);
	if (r == 0)
		r = add_blob(output, digest_hex(manifest.config.digest), manifest.config.digest);
	if (r == 0)
		r = add_bytes(output, "version", version, strlen(version));
	return r == 0 ? add_bytes(output, "manifest.json", text_get(&text), text.length) : r;
}

/* ---- the doors ----------------------------------------------------------------------------------
 */

int archive_save(struct store *store, const struct archive_choice *choices, size_t count,
	enum archive_format format, int output_fd)
{
	autofini(output_fini) struct output output = {.store = store};
	tar_writer_init(&output.tar, output_fd);
	output.tar.time = count > 0 ? image_time(choices[0].image->created) : 0;
	int r = format == ARCHIVE_OCI ? save_oci(&output, choices, count)
				      : save_docker(&output, choices, count);
	return r == 0 ? tar_end(&output.tar) : r;
}

int archive_save_directory(struct store *store, const struct archive_choice *choices, size_t count,
	enum archive_format format, const char *path)
{
	if (format == ARCHIVE_DOCKER_DIRECTORY && count != 1)
		return refuse(-EINVAL, "docker-dir has room for one image");
	int r = fs_make_dirs(path, 0755);
	if (r < 0)
		return r;
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "%s", path);
	autofini(output_fini) struct output output = {
		.store = store, .directory = true, .directory_fd = fd};
	r = format == ARCHIVE_OCI_DIRECTORY ? save_oci(&output, choices, count)
					    : save_docker_directory(&output, &choices[0]);
	if (r == -EEXIST)
		hint("%s holds something already: name a new directory", path);
	return r;
}
