// SPDX-License-Identifier: Apache-2.0

#include "engine/image/document.h"

#include "base/error.h"
#include "plan/shape.h"

/* ---- manifests ---------------------------------------------------------------- */

static const struct json_field platform_fields[] = {
	STRING("architecture", struct image_platform, architecture),
	STRING("os", struct image_platform, os),
	STRING("os.version", struct image_platform, os_version),
	STRING("variant", struct image_platform, variant),
};

static const struct json_shape platform_shape = SHAPE(struct image_platform, platform_fields);

static int check_descriptor(const struct json *at, struct arena *, void *target)
{
	const struct image_descriptor *descriptor = target;
	return digest_is_valid(descriptor->digest)
		       ? 0
		       : json_refuse_member(at, "digest", "%s is not a sha256 digest",
				 json_quote(descriptor->digest).text);
}

static const struct json_field descriptor_fields[] = {
	STRING("mediaType", struct image_descriptor, media_type),
	STRING("digest", struct image_descriptor, digest, .flags = REQUIRED),
	UNSIGNED("size", struct image_descriptor, size, .flags = REQUIRED, .highest = INT64_MAX),
	STRINGS("urls", struct image_descriptor, urls),
	PAIRS("annotations", struct image_descriptor, annotations, annotation_count),
	OBJECT("platform", struct image_descriptor, platform, &platform_shape),
};

static const struct json_shape descriptor_shape =
	SHAPE(struct image_descriptor, descriptor_fields, .check = check_descriptor);

static int read_schema(const struct json *at, struct arena *, void *)
{
	uint64_t version;
	int r = json_unsigned(at, 1, UINT32_MAX, &version);
	if (r == 0 && version == 1) {
		r = json_refuse(at, "this is Docker's image format of before 2016 (schema 1), "
				    "which is not supported");
		hint("its owner can push it anew with any tool of today");
		return r;
	}
	if (r == 0 && version != 2)
		return json_refuse(at, "version %ju is not supported, only 2", (uintmax_t)version);
	return r;
}

static int read_children(const struct json *at, struct arena *arena, void *target)
{
	static const struct json_field fields[] = {
		ARRAY("manifests", struct image_manifest, manifests, manifest_count,
			&descriptor_shape),
	};
	static const struct json_shape shape = SHAPE(struct image_manifest, fields);
	struct image_manifest *manifest = target;
	manifest->is_index = true;
	return json_shape_read(at->parent, &shape, arena, target);
}

static int check_manifest(const struct json *at, struct arena *, void *target)
{
	const struct image_manifest *manifest = target;
	if (!manifest->is_index && !manifest->config.digest)
		return json_refuse(at, "is neither a manifest with a config nor an index");
	if (manifest->is_index && manifest->config.digest)
		return json_refuse(at, "is a manifest and an index at once (CVE-2021-41190)");
	return 0;
}

static const struct json_field manifest_fields[] = {
	CUSTOM("schemaVersion", read_schema, NULL, .flags = REQUIRED),
	STRING("mediaType", struct image_manifest, media_type),
	STRING("artifactType", struct image_manifest, artifact_type),
	OBJECT("config", struct image_manifest, config, &descriptor_shape),
	ARRAY("layers", struct image_manifest, layers, layer_count, &descriptor_shape),
	CUSTOM("manifests", read_children, NULL),
	PAIRS("annotations", struct image_manifest, annotations, annotation_count),
};

static const struct json_shape manifest_shape =
	SHAPE(struct image_manifest, manifest_fields, .check = check_manifest);

int image_manifest_parse(const char *text, size_t length, const char *name, struct arena *arena,
	struct image_manifest *ret_manifest)
{
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text, length, name, arena, &document);
	if (r < 0)
		return r;
	struct image_manifest manifest = {};
	r = json_shape_read(&document.top, &manifest_shape, arena, &manifest);
	if (r < 0)
		return r;
	if (!manifest.media_type)
		manifest.media_type = manifest.is_index ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
	*ret_manifest = manifest;
	return 0;
}

static int read_document(const struct store *store, const char *digest, struct arena *arena,
	const char *what, char **ret_text, size_t *ret_length, const char **ret_name)
{
	int r = store_read_blob(store, digest, STORE_DOCUMENT_MAX, ret_text, ret_length);
	if (r < 0)
		return r;
	*ret_name = arena_format(arena, "%s %s", what, digest);
	return 0;
}

int image_manifest_read(const struct store *store, const char *digest, struct arena *arena,
	struct image_manifest *ret_manifest)
{
	autofree char *text = NULL;
	size_t length = 0;
	const char *name = NULL;
	int r = read_document(store, digest, arena, "manifest", &text, &length, &name);
	return r < 0 ? r : image_manifest_parse(text, length, name, arena, ret_manifest);
}

static void write_descriptor(
	struct json_writer *writer, const char *key, const struct image_descriptor *descriptor)
{
	json_open(writer, key, '{');
	json_shape_write(writer, &descriptor_shape, descriptor);
	json_close(writer);
}

/* By hand, for "layers" and "manifests" say what it is and stand there also when they are empty. */
void image_manifest_write(const struct image_manifest *manifest, struct text *out)
{
	static const struct json_field rest[] = {
		PAIRS("annotations", struct image_manifest, annotations, annotation_count),
	};
	static const struct json_shape rest_shape = SHAPE(struct image_manifest, rest);
	struct json_writer writer = {.out = out, .compact = true};
	bool index = manifest->is_index;
	json_open(&writer, NULL, '{');
	json_write_unsigned(&writer, "schemaVersion", 2);
	if (manifest->media_type)
		json_write_string(&writer, "mediaType", manifest->media_type);
	if (manifest->artifact_type)
		json_write_string(&writer, "artifactType", manifest->artifact_type);
	if (!index)
		write_descriptor(&writer, "config", &manifest->config);
	json_open(&writer, index ? "manifests" : "layers", '[');
	for (size_t i = 0; i < (index ? manifest->manifest_count : manifest->layer_count); i++)
		write_descriptor(
			&writer, NULL, index ? &manifest->manifests[i] : &manifest->layers[i]);
	json_close(&writer);
	json_shape_write(&writer, &rest_shape, manifest);
	json_close(&writer);
}

bool image_is_index_type(const char *media_type)
{
	return media_type && (text_equal(media_type, MEDIA_OCI_INDEX) ||
				     text_equal(media_type, MEDIA_DOCKER_LIST));
}

/* ---- configurations -------------------------------------------------------------- */

/* {"80/tcp": {}, …}: Go's sets; the values say nothing. */
static int read_set(const struct json *at, struct arena *arena, struct strings *ret)
{
	int r = json_expect(at, JSON_OBJECT);
	if (r < 0)
		return r;
	ret->items = arena_new(arena, const char *, at->value->length + 1);
	for (const struct json_value *member = at->value->first; member; member = member->next)
		ret->items[ret->count++] = member->key;
	return 0;
}

static void write_set(struct json_writer *writer, const char *name, const struct strings *set)
{
	if (set->count == 0)
		return;
	json_open(writer, name, '{');
	for (size_t i = 0; i < set->count; i++) {
		json_open(writer, set->items[i], '{');
		json_close(writer);
	}
	json_close(writer);
}

static int read_ports(const struct json *at, struct arena *arena, void *target)
{
	return read_set(at, arena, &((struct image_config *)target)->exposed_ports);
}

static void write_ports(struct json_writer *writer, const char *name, const void *source)
{
	write_set(writer, name, &((const struct image_config *)source)->exposed_ports);
}

static int read_volumes(const struct json *at, struct arena *arena, void *target)
{
	return read_set(at, arena, &((struct image_config *)target)->volumes);
}

static void write_volumes(struct json_writer *writer, const char *name, const void *source)
{
	write_set(writer, name, &((const struct image_config *)source)->volumes);
}

/* Docker has always read a bare string as a list of one word (its strslice). */
static int read_words(const struct json *at, struct arena *arena, struct strings *ret)
{
	if (at->value->type != JSON_STRING)
		return json_strings(at, arena, NULL, ret);
	ret->items = arena_new(arena, const char *, 2);
	ret->items[ret->count++] = at->value->text;
	return 0;
}

static void write_words(struct json_writer *writer, const char *name, const struct strings *words)
{
	if (words->count > 0)
		json_write_strings(writer, name, words);
}

static int read_entrypoint(const struct json *at, struct arena *arena, void *target)
{
	return read_words(at, arena, &((struct image_config *)target)->entrypoint);
}

static void write_entrypoint(struct json_writer *writer, const char *name, const void *source)
{
	write_words(writer, name, &((const struct image_config *)source)->entrypoint);
}

static int read_command(const struct json *at, struct arena *arena, void *target)
{
	return read_words(at, arena, &((struct image_config *)target)->command);
}

static void write_command(struct json_writer *writer, const char *name, const void *source)
{
	write_words(writer, name, &((const struct image_config *)source)->command);
}

static const struct json_field health_fields[] = {
	STRINGS("Test", struct image_health, test),
	SIGNED("Interval", struct image_health, interval_ns),
	SIGNED("Timeout", struct image_health, timeout_ns),
	SIGNED("StartPeriod", struct image_health, start_period_ns),
	SIGNED("StartInterval", struct image_health, start_interval_ns),
	SIGNED("Retries", struct image_health, retries),
};

static const struct json_shape health_shape = SHAPE(struct image_health, health_fields);

static const struct json_field config_fields[] = {
	STRING("User", struct image_config, user),
	CUSTOM("ExposedPorts", read_ports, write_ports),
	STRINGS("Env", struct image_config, environment),
	CUSTOM("Entrypoint", read_entrypoint, write_entrypoint),
	CUSTOM("Cmd", read_command, write_command),
	CUSTOM("Volumes", read_volumes, write_volumes),
	STRING("WorkingDir", struct image_config, working_directory),
	PAIRS("Labels", struct image_config, labels, label_count),
	STRING("StopSignal", struct image_config, stop_signal),
	SIGNED("StopTimeout", struct image_config, stop_timeout_s),
	STRINGS("Shell", struct image_config, shell),
	STRINGS("OnBuild", struct image_config, onbuild),
	OBJECT("Healthcheck", struct image_config, health, &health_shape),
};

static const struct json_shape config_shape = SHAPE(struct image_config, config_fields);

static const struct json_field history_fields[] = {
	STRING("created", struct image_history, created),
	STRING("created_by", struct image_history, created_by),
	STRING("author", struct image_history, author),
	STRING("comment", struct image_history, comment),
	BOOL("empty_layer", struct image_history, empty_layer),
};

static const struct json_shape history_shape = SHAPE(struct image_history, history_fields);

static int read_rootfs(const struct json *at, struct arena *arena, void *target)
{
	static const struct json_field fields[] = {
		STRINGS("diff_ids", struct image, diff_ids),
	};
	static const struct json_shape shape = SHAPE(struct image, fields);
	struct image *image = target;
	int r = json_shape_read(at, &shape, arena, image);
	for (size_t i = 0; r == 0 && i < image->diff_ids.count; i++) {
		if (!digest_is_valid(image->diff_ids.items[i]))
			r = json_refuse(at, "diff_ids[%zu] is not a sha256 digest", i);
	}
	return r;
}

static void write_rootfs(struct json_writer *writer, const char *name, const void *source)
{
	const struct image *image = source;
	json_open(writer, name, '{');
	json_write_string(writer, "type", "layers");
	json_write_strings(writer, "diff_ids", &image->diff_ids);
	json_close(writer);
}

static const struct json_field image_fields[] = {
	STRING("created", struct image, created),
	STRING("author", struct image, author),
	STRING("architecture", struct image, architecture, .flags = ALWAYS),
	STRING("variant", struct image, variant),
	STRING("os", struct image, os, .flags = ALWAYS),
	STRING("docker_version", struct image, docker_version),
	STRING("comment", struct image, comment),
	STRING("parent", struct image, parent),
	OBJECT("config", struct image, config, &config_shape),
	CUSTOM("rootfs", read_rootfs, write_rootfs),
	ARRAY("history", struct image, history, history_count, &history_shape),
};

static const struct json_shape image_shape = SHAPE(struct image, image_fields);

int image_config_parse(
	const char *text, size_t length, const char *name, struct arena *arena, struct image *image)
{
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text, length, name, arena, &document);
	if (r < 0)
		return r;
	struct image found = {};
	r = json_shape_read(&document.top, &image_shape, arena, &found);
	if (r < 0)
		return r;
	/* What the index and the manifest said stays. */
	found.id = image->id;
	found.manifest_digest = image->manifest_digest;
	found.manifest_media_type = image->manifest_media_type;
	found.names = image->names;
	found.references = image->references;
	found.size = image->size;
	found.layers = image->layers;
	found.loaded = image->loaded;
	if (!found.created)
		found.created = "";
	*image = found;
	return 0;
}

int image_config_read(
	const struct store *store, const char *digest, struct arena *arena, struct image *image)
{
	autofree char *text = NULL;
	size_t length = 0;
	const char *name = NULL;
	int r = read_document(store, digest, arena, "configuration", &text, &length, &name);
	return r < 0 ? r : image_config_parse(text, length, name, arena, image);
}

void image_config_write(const struct image *image, struct text *out)
{
	struct json_writer writer = {.out = out, .compact = true};
	json_open(&writer, NULL, '{');
	json_shape_write(&writer, &image_shape, image);
	json_close(&writer);
}

void image_config_write_section(
	struct json_writer *writer, const char *key, const struct image_config *config)
{
	json_open(writer, key, '{');
	json_shape_write(writer, &config_shape, config);
	json_close(writer);
}
