// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of this folder share; image.h is the door. */

#include "engine/image/document.h"
#include "engine/image/image.h"
#include "engine/store/index.h"
#include "engine/store/snapshot.h"

/** Adds an item; the array is made anew in the arena and stays NULL-terminated. */
void strings_add(struct strings *strings, const char *item, struct arena *arena);

bool strings_have(const struct strings *strings, const char *item);

/** True for "repository@sha256:…". */
bool image_name_is_digest(const char *name);

/** "docker.io/library/debian" of "docker.io/library/debian:12" or "…@sha256:…". */
const char *image_repository(const char *name, struct arena *arena);

/**
 * The manifest that an entry stands for: its own, or out of an index the one for this machine that
 * the store has. *ret_digest is the entry's own where no child will do.
 */
[[nodiscard]] int image_resolve_entry(const struct store *store, const struct index_entry *entry,
	struct arena *arena, struct image_manifest *ret_manifest, const char **ret_digest,
	const char **ret_media_type);

/** Bytes of all files of all layers, or of the blobs where a snapshot's size is not known. */
uint64_t image_measure(const struct store *store, const struct image *image,
	const struct image_manifest *manifest);

/** A layer's media type in the family of OCI or Docker; types of neither come back. */
const char *image_layer_type(const char *type, bool docker);

/** The media type of a layer by its first bytes: gzip, zstd or a plain tar. */
[[nodiscard]] int image_sniff_layer(int fd, bool docker, const char **ret_type);
