// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The layers of an image on their way from a registry into the store. */

#include "engine/registry/session.h"
#include "engine/store/snapshot.h"

/**
 * Brings all layers of a manifest: their blobs, and the trees unpacked from them. diff_ids are the
 * configuration's, in the manifest's order. Hold the store's shared lock. Tells a story.
 */
[[nodiscard]] int registry_fetch_layers(struct registry_session *session,
	const struct registry_remote *remote, struct store *store,
	const struct image_manifest *manifest, const struct strings *diff_ids);

/** Whether the media type is one of a tar that can be unpacked: compressed or not, never encrypted.
 */
bool registry_is_layer(const char *media_type);
