// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan/oci.h"
#include "plan/words.h"

/** The option words of a mount, without its data; plan_mount_options() makes them out of it again.
 */
void plan_mount_words(
	const struct plan_mount *mount, struct arena *arena, struct strings *ret_words);

/** The data of a mount as options again. */
void plan_mount_data_words(
	const struct plan_mount *mount, struct arena *arena, struct strings *ret_words);

/**
 * "idmap=…" or "ridmap=…" into the mount's mappings; false, and nothing changed, if it is not
 * written as it must be.
 */
bool mount_idmap_parse(struct plan_mount *mount, const char *option, struct arena *arena);

struct json;

/** Translates mappings that are relative to the container's. @at is the mount's place. */
[[nodiscard]] int mount_idmap_resolve(
	const struct json *at, const struct plan *plan, struct plan_mount *mount);
