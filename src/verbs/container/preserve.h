// SPDX-License-Identifier: Apache-2.0
#pragma once

/* --preserve-fds and --preserve-fd: descriptors of the caller that the program gets. */

#include "plan/plan.h"

/**
 * Checks that the descriptors 3 to 2 + @count and those in @list (numbers; may be NULL) are open,
 * and returns how many from 3 on are to be passed. To be called before anything is opened: what is
 * ours is not taken for the caller's then. Holes in a list are filled by what a program never gets.
 * -EBADF, -EINVAL with a story.
 */
[[nodiscard]] int preserve_descriptors(
	uint64_t count, const struct strings *list, uint64_t *ret_count);
