// SPDX-License-Identifier: Apache-2.0

#include "verbs/image/common.h"

#include "cli/complete.h"
#include "cli/moment.h"
#include "engine/registry/reference.h"

#include <stdio.h>

int image_store_open(struct invocation *invocation, struct store *ret_store)
{
	return store_open(places_data(invocation->arena), ret_store);
}

const char *image_shown_name(
	const struct invocation *invocation, const char *full_name, struct arena *arena)
{
	if (manner_of(invocation) == MANNER_PODMAN)
		return full_name;
	return reference_familiar_name(full_name, arena);
}

void image_split_name(const char *shown_name, struct arena *arena, const char **ret_repository,
	const char **ret_tag)
{
	*ret_repository = *ret_tag = "<none>";
	if (!shown_name)
		return;
	const char *at = strchr(shown_name, '@'), *slash = strrchr(shown_name, '/');
	const char *colon = strchr(slash ? slash : shown_name, ':');
	const char *end = at ? at : shown_name + strlen(shown_name);
	if (colon && colon < end) {
		*ret_tag = arena_strndup(arena, colon + 1, (size_t)(end - colon) - 1);
		end = colon;
	}
	*ret_repository = arena_strndup(arena, shown_name, (size_t)(end - shown_name));
}

const char *image_shown_id(const char *id, bool whole, bool prefix, struct arena *arena)
{
	const char *digits = text_starts(id, "sha256:") ? digest_hex(id) : id;
	return arena_format(
		arena, "%s%.*s", prefix ? "sha256:" : "", whole ? DIGEST_HEX_LENGTH : 12, digits);
}

int image_new_name(struct invocation *invocation, const char *word, const char **ret_full_name)
{
	struct reference reference;
	int r = reference_parse(word, invocation->arena, &reference);
	if (r < 0)
		return r;
	if (reference.digest)
		return refuse(-EINVAL, "%s: a name to give cannot have a digest", word);
	struct strings candidates = {};
	if (manner_of(invocation) == MANNER_PODMAN && !reference_is_qualified(word)) {
		r = reference_candidates(word, true, invocation->arena, &candidates);
		if (r < 0)
			return r;
	}
	*ret_full_name = candidates.count > 0 ? candidates.items[0]
					      : reference_name(&reference, invocation->arena);
	return 0;
}

void image_shown_size(
	const struct invocation *invocation, uint64_t bytes, char out[static UNITS_TEXT_MAX])
{
	static const char units[][3] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double value = (double)bytes;
	size_t unit = 0;
	while (value >= 1000 && unit + 1 < array_length(units)) {
		value /= 1000;
		unit++;
	}
	const char *blank = manner_of(invocation) == MANNER_PODMAN ? " " : "";
	(void)snprintf(out, UNITS_TEXT_MAX, "%.3g%s%s", value, blank, units[unit]);
}

void image_shown_age(const char *created, char out[static 40])
{
	int64_t then;
	char ago[UNITS_TEXT_MAX];
	if (text_empty(created) || moment_of_text(created, &then) < 0) {
		(void)snprintf(out, 40, "N/A");
		return;
	}
	moment_ago(then, moment_now(), ago);
	(void)snprintf(out, 40, "%s", ago[0] ? ago : "N/A");
}

int image_tell(const struct invocation *invocation, int status)
{
	tell_failure(invocation);
	return status;
}

void image_note(const char *action, const struct image *image, const char *name)
{
	event_write("image", action, image->id, name, NULL, 0);
}

/* ---- the Tab key ------------------------------------------------------------------ */

static void list_images(const struct invocation *invocation, struct completions *completions)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image *images;
	size_t count;
	if (store_open(places_data(invocation->arena), &store) < 0 ||
		image_list(&store, invocation->arena, &images, &count) < 0) {
		error_clear();
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *id = image_shown_id(images[i].id, false, false, invocation->arena);
		if (images[i].names.count == 0)
			completion_add(completions, id, "no name");
		for (size_t n = 0; n < images[i].names.count; n++)
			completion_add(completions,
				image_shown_name(
					invocation, images[i].names.items[n], invocation->arena),
				id);
	}
}

const struct completer image_completers[] = {{"IMAGE", list_images}, {}};
