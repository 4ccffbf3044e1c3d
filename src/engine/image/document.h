// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The documents behind an image, read and written by the same tables: manifests and indexes
 * (manifest.md, image-index.md; Docker's "schema 2" has the same members under other media types)
 * and configurations (config.md and what Docker keeps there besides).
 */

#include "engine/image/image.h"

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff" /* .tar, .tar.gzip */

struct image_platform {
	const char *os, *architecture, *variant, *os_version;
};

struct image_descriptor {
	const char *media_type, *digest;
	uint64_t size;
	struct image_platform platform; /* in an index */
	struct strings urls; /* where else its bytes are; of layers that may not be copied */
	struct plan_key_value *annotations;
	size_t annotation_count;
};

/** A manifest, or an index (is_index) with its children in manifests. */
struct image_manifest {
	const char *media_type, *artifact_type;
	struct image_descriptor config;
	struct image_descriptor *layers, *manifests;
	size_t layer_count, manifest_count;
	struct plan_key_value *annotations;
	size_t annotation_count;
	bool is_index;
};

/**
 * Reads a manifest or an index. -EINVAL with a story on what is neither, on digests that are none,
 * and on Docker's old schema 1, which names no configuration.
 */
[[nodiscard]] int image_manifest_parse(const char *text, size_t length, const char *name,
	struct arena *arena, struct image_manifest *ret_manifest);
[[nodiscard]] int image_manifest_read(const struct store *store, const char *digest,
	struct arena *arena, struct image_manifest *ret_manifest);
void image_manifest_write(const struct image_manifest *manifest, struct text *out);

/** Reads a configuration into the loaded part of *image. -EINVAL with a story. */
[[nodiscard]] int image_config_parse(const char *text, size_t length, const char *name,
	struct arena *arena, struct image *image);
[[nodiscard]] int image_config_read(
	const struct store *store, const char *digest, struct arena *arena, struct image *image);
void image_config_write(const struct image *image, struct text *out);

/** "config" alone, as `inspect` shows it: an object for the writer's key. */
void image_config_write_section(
	struct json_writer *writer, const char *key, const struct image_config *config);

/** Whether a media type names an index or a manifest list. */
bool image_is_index_type(const char *media_type);

/** This machine's platform by Go's names: "linux", "amd64". */
struct image_platform image_own_platform(void);

/** How well a child of an index fits this machine: 0 not at all, more is better. */
int image_platform_rank(const struct image_platform *platform);

/** Seconds of the epoch of an RFC 3339 time; 0 where it is none. */
int64_t image_time(const char *text);
