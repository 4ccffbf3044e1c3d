// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan/oci.h"
#include "plan/words.h"

/** The option words of a mount, without its data; plan_mount_options() makes them out of it again.
 */
void plan_mount_words(
	const struct plan_mount *mount, struct arena *arena, struct strings *ret_words);
