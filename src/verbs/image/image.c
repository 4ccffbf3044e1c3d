// SPDX-License-Identifier: Apache-2.0

/* `rung image`: the verbs of images under one noun, as Docker and Podman have them too. */

#include "verbs/image/common.h"

#define IMAGE_DECLARE_(name) extern const struct verb verb_##name;
#define IMAGE_DECLARE_AS_(word, name) IMAGE_DECLARE_(name)
IMAGE_INNER_VERBS(IMAGE_DECLARE_, IMAGE_DECLARE_AS_)

/* NOLINTBEGIN(bugprone-macro-parentheses): names, not expressions */
#define IMAGE_ENTRY_(name) {.verb = &verb_##name},
#define IMAGE_ENTRY_AS_(word, name) {.verb = &verb_##name, .as = word},
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct verb_entry entries[] = {
	IMAGE_INNER_VERBS(IMAGE_ENTRY_, IMAGE_ENTRY_AS_){},
};

const struct verb verb_image = {
	.name = "image",
	.summary = "images: look at them, name them, remove them, carry them about",
	.failure_status = 125,
	.verbs = entries,
	.completers = image_completers,
};
