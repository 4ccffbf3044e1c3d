// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Starting a container with our own streams attached to it: `run`, `start -a`. */

#include "cli/verb.h"
#include "engine/instance/attach.h"
#include "engine/instance/instance.h"

struct attached_wishes {
	struct attach_options streams;
	const struct run_request *request; /* see struct instance_start */
	bool die_with_us;                  /* the container ends when we are killed */
};

/**
 * Starts it and stays with it. Returns the status of the program, 0 where the person detached, or
 * negative errno with a story.
 */
[[nodiscard]] int attached_start(const struct invocation *invocation, struct instance *instance,
	const struct attached_wishes *wishes);

/** How our terminal looks, for a start with nobody attached too. */
void attached_fill_size(const struct instance *instance, struct instance_start *how);

/** True where its log driver says that the program has our own streams. */
bool attached_passes_through(const struct instance *instance);
