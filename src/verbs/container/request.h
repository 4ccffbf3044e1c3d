// SPDX-License-Identifier: Apache-2.0
#pragma once

/* From the options of `run` and `create` to a complete request. */

#include "cli/verb.h"
#include "engine/container/run.h"

/**
 * Reads the words, finds or pulls the image, and works out what all of it comes to. The request is
 * then ready for instance_create(); everything lives in the invocation's arena.
 */
[[nodiscard]] int container_request(
	const struct invocation *invocation, struct run_request *request);

/** True where the root is a directory or the host itself, and no image. */
bool container_has_no_image(const struct run_request *request);
