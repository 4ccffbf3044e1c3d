// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/instance/instance.h"

/**
 * Paths in a container's changes that rung made and not the container: mount points, its names.
 * Each begins with "/". Also NULL-terminated. Tells a story.
 */
[[nodiscard]] int container_hidden_paths(
	const struct instance *instance, struct arena *arena, struct strings *ret_paths);
