// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What rung takes on the disk: real bytes, shared ones counted once. */

#include "engine/instance/instance.h"
#include "engine/volume/volume.h"
#include "verbs/image/common.h"

struct usage_image {
	const struct image *image;
	uint64_t shared, unique; /* bytes of its layers that others have too, or only it */
	unsigned containers;
};

struct usage_container {
	const struct instance *instance;
	uint64_t bytes;
};

struct usage_volume {
	const struct volume *volume;
	uint64_t bytes;
	unsigned links; /* containers that use it */
};

struct usage {
	struct usage_image *images;
	struct usage_container *containers;
	struct usage_volume *volumes;
	size_t image_count, container_count, volume_count;
	uint64_t image_bytes, image_reclaimable; /* blobs and unpacked layers together */
};

/** Measures everything. Tells a story. */
[[nodiscard]] int usage_measure(
	struct invocation *invocation, struct store *store, struct usage *ret_usage);
