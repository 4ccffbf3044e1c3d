// SPDX-License-Identifier: Apache-2.0

/*
 * An image as `inspect` shows it. Docker's and Podman's objects differ in a few members; where both
 * have a member of one name, it is written as the caller's manner wants it, and those that only
 * one knows are always there.
 */

#include "engine/image/internal.h"
#include "engine/registry/reference.h"
#include "plan/json_write.h"

#include <stdio.h>

void image_digest_names(const struct image *image, struct arena *arena, struct strings *ret)
{
	struct strings found = {};
	for (size_t i = 0; i < image->references.count; i++)
		strings_add(&found, image->references.items[i], arena);
	for (size_t i = 0; i < image->names.count; i++) {
		const char *name = arena_format(arena, "%s@%s",
			image_repository(image->names.items[i], arena), image->manifest_digest);
		if (!strings_have(&found, name))
			strings_add(&found, name, arena);
	}
	*ret = found;
}

static void write_names(struct json_writer *writer, const char *key, const struct strings *names,
	bool docker, struct arena *arena)
{
	json_open(writer, key, '[');
	for (size_t i = 0; i < names->count; i++)
		json_write_string(writer, NULL,
			docker ? reference_familiar_name(names->items[i], arena) : names->items[i]);
	json_close(writer);
}

static void write_layers(struct store *store, const struct image *image, struct arena *arena,
	struct json_writer *writer)
{
	const struct strings *layers = &image->diff_ids;
	json_open(writer, "GraphDriver", '{');
	json_write_string(writer, "Name", "overlay");
	json_open(writer, "Data", '{');
	if (layers->count > 1) {
		autofini(text_fini) struct text lower = {};
		for (size_t i = layers->count - 1; i-- > 0;)
			text_format(&lower, "%s%s", lower.length ? ":" : "",
				snapshot_path(store, layers->items[i], arena));
		json_write_string(writer, "LowerDir", text_get(&lower));
	}
	if (layers->count > 0)
		json_write_string(writer, "UpperDir",
			snapshot_path(store, layers->items[layers->count - 1], arena));
	json_close(writer);
	json_close(writer);
	json_open(writer, "RootFS", '{');
	json_write_string(writer, "Type", "layers");
	json_write_strings(writer, "Layers", layers);
	json_close(writer);
}

static void write_history(const struct image *image, struct json_writer *writer)
{
	json_open(writer, "History", '[');
	for (size_t i = 0; i < image->history_count; i++) {
		const struct image_history *step = &image->history[i];
		json_open(writer, NULL, '{');
		if (step->created)
			json_write_string(writer, "created", step->created);
		if (step->created_by)
			json_write_string(writer, "created_by", step->created_by);
		if (step->author)
			json_write_string(writer, "author", step->author);
		if (step->comment)
			json_write_string(writer, "comment", step->comment);
		if (step->empty_layer)
			json_write_bool(writer, "empty_layer", true);
		json_close(writer);
	}
	json_close(writer);
}

static void write_labels(const struct image *image, struct json_writer *writer)
{
	json_open(writer, "Labels", '{');
	for (size_t i = 0; i < image->config.label_count; i++)
		json_write_string(
			writer, image->config.labels[i].key, image->config.labels[i].value);
	json_close(writer);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

void image_inspect_write(struct store *store, const struct image *image, bool docker,
	struct arena *arena, struct json_writer *writer)
{
	struct strings digests;
	image_digest_names(image, arena, &digests);
	json_open(writer, NULL, '{');
	json_write_string(writer, "Id", docker ? image->id : digest_hex(image->id));
	json_write_string(writer, "Digest", image->manifest_digest);
	write_names(writer, "RepoTags", &image->names, docker, arena);
	write_names(writer, "RepoDigests", &digests, docker, arena);
	json_write_string(writer, "Parent", or_empty(image->parent));
	json_write_string(writer, "Comment", or_empty(image->comment));
	json_write_string(writer, "Created", or_empty(image->created));
	json_write_string(writer, "DockerVersion", or_empty(image->docker_version));
	image_config_write_section(writer, "Config", &image->config);
	json_write_string(writer, "Version", or_empty(image->docker_version));
	json_write_string(writer, "Author", or_empty(image->author));
	json_write_string(writer, "Architecture", or_empty(image->architecture));
	if (image->variant)
		json_write_string(writer, "Variant", image->variant);
	json_write_string(writer, "Os", or_empty(image->os));
	json_write_unsigned(writer, "Size", image->size);
	json_write_unsigned(writer, "VirtualSize", image->size);
	write_layers(store, image, arena, writer);
	write_labels(image, writer);
	json_open(writer, "Annotations", '{');
	json_close(writer);
	json_write_string(writer, "ManifestType", image->manifest_media_type);
	json_write_string(writer, "User", or_empty(image->config.user));
	write_history(image, writer);
	write_names(writer, "NamesHistory", &image->names, docker, arena);
	json_close(writer);
}
