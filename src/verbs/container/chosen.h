// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Verbs that work on exactly one container: the first argument, or --latest. */

#include "cli/verb.h"
#include "engine/instance/instance.h"

/**
 * Finds it. With @latest the one made last, and no argument is its name. @ret_rest: the arguments
 * behind its name; may be NULL where there are none. Tells a story.
 */
[[nodiscard]] int chosen_find(const struct invocation *invocation, bool latest,
	struct instance *ret_instance, struct strings *ret_rest);
