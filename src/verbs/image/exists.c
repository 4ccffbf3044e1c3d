// SPDX-License-Identifier: Apache-2.0

/* `rung image exists`: for scripts; the status is the answer. */

#include "verbs/image/common.h"

static int run(struct invocation *invocation)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image image;
	int r = image_store_open(invocation, &store);
	if (r < 0)
		return r;
	r = image_find(&store, invocation->arguments[0], invocation->arena, &image);
	if (r == -ENOENT) {
		error_clear();
		return 1;
	}
	return r < 0 ? r : 0;
}

const struct verb verb_image_exists = {
	.name = "exists",
	.summary = "tell by the status whether an image is here",
	.arguments = "IMAGE",
	.failure_status = 125,
	.completers = image_completers,
	.run = run,
	.description = "The status is 0 if the image is in the store, 1 if not.",
};
