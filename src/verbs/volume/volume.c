// SPDX-License-Identifier: Apache-2.0

/* `rung volume` and `rung secret`: the two nouns of this folder. */

#include "verbs/volume/common.h"

#define VOLUME_DECLARE_(name) extern const struct verb verb_##name;
VOLUME_INNER_VERBS(VOLUME_DECLARE_)
SECRET_INNER_VERBS(VOLUME_DECLARE_)

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name, not an expression */
#define VOLUME_ENTRY_(name) {.verb = &verb_##name},

static const struct verb_entry volumes[] = {VOLUME_INNER_VERBS(VOLUME_ENTRY_){}};
static const struct verb_entry secrets[] = {SECRET_INNER_VERBS(VOLUME_ENTRY_){}};

const struct verb verb_volume = {
	.name = "volume",
	.summary = "volumes: directories that outlive containers",
	.failure_status = 125,
	.verbs = volumes,
	.completers = volume_completers,
};

const struct verb verb_secret = {
	.name = "secret",
	.summary = "secrets: words that no image and no inspect shows",
	.failure_status = 125,
	.verbs = secrets,
	.completers = secret_completers,
};
