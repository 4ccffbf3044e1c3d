// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Lists of manifests under one name (image-index.md), made here and pushed later: an entry of the
 * store's index that names an index instead of a manifest.
 */

#include "engine/registry/session.h"

/** Finds a list by name. -ENOENT with a story; -EINVAL where the name is of a plain image. */
[[nodiscard]] int registry_list_find(struct store *store, const char *word, struct arena *arena,
	const char **ret_name, struct image_manifest *ret_list, const char **ret_digest);

/** A new name for a list: short ones are of localhost. Tells a story. */
[[nodiscard]] int registry_list_name(const char *word, struct arena *arena, const char **ret_name);

/** The list as a document. */
void registry_list_text(const struct image_manifest *list, struct text *out);

/** Writes a list under a name (in full); the one that had it goes. Tells a story. */
[[nodiscard]] int registry_list_write(
	struct store *store, const char *name, struct image_manifest *list, struct arena *arena);

/** Removes a list by name (in full); the images in it stay. Tells a story. */
[[nodiscard]] int registry_list_remove(struct store *store, const char *name);

/**
 * What an image looks like in a list. From the store, or, where the word begins with "docker://" or
 * the store has none, from its registry, whence it is brought; an index stands for all it holds
 * (@all), or for the one of this platform. Appends to the list. Tells a story.
 */
[[nodiscard]] int registry_list_add(struct store *store, struct image_manifest *list,
	const char *word, bool all, const struct registry_options *options, struct arena *arena);

/** Asks a registry for a manifest or a list, by reference. Tells a story. */
[[nodiscard]] int registry_look(const char *word, const struct registry_options *options,
	struct arena *arena, struct remote_manifest *ret);
