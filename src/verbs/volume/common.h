// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the verbs of volumes and secrets share. */

#include "base/error.h"
#include "base/places.h"
#include "cli/output.h"
#include "engine/event/event.h"
#include "engine/instance/instance.h"
#include "engine/secret/secret.h"
#include "engine/volume/volume.h"
#include "plan/json_write.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

/** The containers that have a volume, as words of their ids in @arena. */
[[nodiscard]] int volume_users(
	const struct volume *volume, struct arena *arena, struct strings *ret_ids);

/** "KEY=VALUE" and "KEY" words as pairs. -EINVAL with a story where there is no key. */
[[nodiscard]] int volume_pairs(const char *option, const struct option_list *words,
	struct arena *arena, struct plan_key_value **ret_pairs, size_t *ret_count);

void volume_write_pairs(struct json_writer *writer, const char *key,
	const struct plan_key_value *pairs, size_t count);

/** "a=b,c=d", as Docker's columns show labels. */
const char *volume_join_pairs(
	const struct plan_key_value *pairs, size_t count, struct arena *arena);

/** Whether "NAME" or "NAME=VALUE" fits one of the labels. */
bool volume_has_label(const struct plan_key_value *labels, size_t count, const char *word);

/**
 * --filter of volumes: name, label, label!, driver, dangling, scope, opt, until, since, after.
 * Values of one key are alternatives, labels must all fit; keys must all fit.
 */
struct volume_filters {
	struct plan_key_value *items;
	size_t count;
};
[[nodiscard]] int volume_filters_read(
	const struct option_list *words, struct arena *arena, struct volume_filters *ret_filters);
/** 1: it fits; 0: not; or negative errno with a story. */
[[nodiscard]] int volume_fits(
	const struct volume *volume, const struct volume_filters *filters, struct arena *arena);

extern const struct completer volume_completers[], secret_completers[];
