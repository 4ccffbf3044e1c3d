// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Volumes: directories that outlive containers.
 *
 *	<data>/volumes/<name>/config.json   what is known of it; complete before it has its name
 *	<data>/volumes/<name>/data/         what is in it
 *
 * The directory is made under a temporary name (".new-…") and renamed, so a volume is there wholly
 * or not at all. Nothing is mounted for a volume: options such as type=tmpfs or o=bind are carried
 * out in each container's own mount namespace.
 */

#include "plan/plan.h"

struct volume {
	const char *name, *driver;
	const char *directory, *mountpoint; /* absolute; mountpoint is its data */
	const char *created;                /* RFC 3339 */
	struct plan_key_value *labels;
	size_t label_count;
	struct plan_key_value *options; /* "type", "device", "o", … */
	size_t option_count;
	bool anonymous; /* made for one container, without a name */
	bool has_owner; /* --uid, --gid: contents start with this owner */
	uint32_t uid, gid;
};

/**
 * Makes it; of @wanted the name (NULL: a random one), labels, options, anonymous and owner count.
 * -EEXIST with a story; with @or_existing then finds that one.
 */
[[nodiscard]] int volume_create(const char *data_root, const struct volume *wanted,
	bool or_existing, struct arena *arena, struct volume *ret_volume);

/** By name, or by the beginning of a name that no other has. -ENOENT with a story. */
[[nodiscard]] int volume_find(
	const char *data_root, const char *name, struct arena *arena, struct volume *ret_volume);

/** All of them, by name. What is no volume or cannot be read is left out with a warning. */
[[nodiscard]] int volume_list(
	const char *data_root, struct arena *arena, struct volume **ret_volumes, size_t *ret_count);

/**
 * Writes the description of a volume again whose own cannot be read: its files, and who owns them,
 * stay as they are; labels and options are lost.
 */
[[nodiscard]] int volume_describe(const char *data_root, const char *name);

/** Removes it with all that is in it. Whether somebody uses it is the caller's question. */
[[nodiscard]] int volume_remove(const char *data_root, const struct volume *volume);

/** NULL if it has none. */
const char *volume_option(const struct volume *volume, const char *name);

/** True where its contents lie in its mountpoint, not in another file system. */
bool volume_is_plain(const struct volume *volume);
