// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the verbs of images share: the store, names as people see them, several failures at once. */

#include "base/error.h"
#include "base/places.h"
#include "cli/output.h"
#include "cli/units.h"
#include "engine/event/event.h"
#include "engine/image/collect.h"
#include "engine/image/image.h"
#include "plan/json_write.h"
#include "verbs/dialogue.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

/** Opens the store of this invocation: store_open() at places_data(). */
[[nodiscard]] int image_store_open(struct invocation *invocation, struct store *ret_store);

/** A name as this manner prints it: "debian:12" for Docker, in full for Podman. */
const char *image_shown_name(
	const struct invocation *invocation, const char *full_name, struct arena *arena);

/** Repository and tag of a shown name; "<none>" for what is missing. */
void image_split_name(const char *shown_name, struct arena *arena, const char **ret_repository,
	const char **ret_tag);

/** An id as it is shown: 12 digits, or whole; with "sha256:" where prefix. */
const char *image_shown_id(const char *id, bool whole, bool prefix, struct arena *arena);

/**
 * The full name that a new name means: Docker's hub for short ones, as Podman localhost/. A digest
 * is refused. Tells a story.
 */
[[nodiscard]] int image_new_name(
	struct invocation *invocation, const char *word, const char **ret_full_name);

/** "2.13MB" with three digits, as both print; Podman sets a blank before the unit. */
void image_shown_size(
	const struct invocation *invocation, uint64_t bytes, char out[static UNITS_TEXT_MAX]);

/** "2 years ago" of an RFC 3339 time; "N/A" if it is none. */
void image_shown_age(const char *created, char out[static 40]);

/** tell_failure(); returns status, for the verb's result. */
int image_tell(const struct invocation *invocation, int status);

/** Notes what happened to an image. */
void image_note(const char *action, const struct image *image, const char *name);

extern const struct completer image_completers[];
