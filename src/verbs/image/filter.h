// SPDX-License-Identifier: Apache-2.0
#pragma once

/* --filter of images and of image prune, and the words that lists and filters share. */

#include "verbs/image/common.h"

/**
 * Keeps of the images those that all filters of a kind and one of each kind of alternatives let
 * pass: dangling=BOOL, reference=PATTERN, label=KEY[=VALUE], label!=…, before=IMAGE, since=IMAGE
 * (after=), until=TIME, id=, digest=, containers=BOOL, readonly=, intermediate=. @word, if not
 * NULL, is one more reference. -EINVAL with a story.
 */
[[nodiscard]] int image_filter(struct store *store, const struct option_list *filters,
	const char *word, const struct image_users *users, struct arena *arena,
	struct image *images, size_t *count);

/** Whether a pattern with "*" fits one of an image's names, in full or as Docker shows them. */
bool image_name_fits(const struct image *image, const char *pattern, struct arena *arena);

#define FILTER_TIME_MAX 64

/** "2024-01-01 00:00:00 +0000 UTC", as Go prints a time of a configuration. */
void image_shown_time(const char *created, char out[static FILTER_TIME_MAX]);

/** The members of an image in `podman images --format json`. */
void image_podman_members(struct json_writer *writer, const struct image *image,
	unsigned containers, struct arena *arena);
