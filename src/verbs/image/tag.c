// SPDX-License-Identifier: Apache-2.0

/* `rung tag`, `rung untag`: names of images, given and taken away. */

#include "engine/registry/reference.h"
#include "verbs/image/common.h"

static int run_tag(struct invocation *invocation)
{
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	struct image image;
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = store_lock(&store, false, &lock);
	if (r == 0)
		r = image_find(&store, invocation->arguments[0], invocation->arena, &image);
	for (size_t i = 1; r == 0 && i < invocation->argument_count; i++) {
		const char *name;
		r = image_new_name(invocation, invocation->arguments[i], &name);
		if (r == 0)
			r = image_tag(&store, &image, name);
		if (r == 0)
			image_note("tag", &image, name);
	}
	return r;
}

const struct verb verb_tag = {
	.name = "tag",
	.summary = "give an image another name",
	.arguments = "IMAGE NAME...",
	.failure_status = 125,
	.completers = image_completers,
	.run = run_tag,
	.examples = "Before it is pushed there\n$ rung tag web 127.0.0.1:5000/web:1\n",
};

/* The image's name that the word means, as it stands in the list. */
static int find_own_name(
	struct store *store, const char *word, struct arena *arena, const char **ret_name)
{
	struct image image;
	int r = image_find_named(store, word, arena, &image, ret_name);
	if (r == 0 && !*ret_name)
		return refuse(-EINVAL, "%s is an id, not a name", word);
	return r;
}

static int run_untag(struct invocation *invocation)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image image;
	struct strings names = {};
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = image_find(&store, invocation->arguments[0], invocation->arena, &image);
	if (r < 0)
		return r;
	if (invocation->argument_count == 1)
		names = image.names;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		r = image_untag(&store, names.items[i]);
		if (r == 0)
			image_note("untag", &image, names.items[i]);
	}
	for (size_t i = 1; r == 0 && i < invocation->argument_count; i++) {
		const char *name;
		r = find_own_name(&store, invocation->arguments[i], invocation->arena, &name);
		if (r == 0)
			r = image_untag(&store, name);
		if (r == 0)
			image_note("untag", &image, name);
	}
	return r;
}

const struct verb verb_untag = {
	.name = "untag",
	.summary = "take names of an image away",
	.arguments = "IMAGE [NAME...]",
	.failure_status = 125,
	.completers = image_completers,
	.run = run_untag,
	.description = "Takes the names away, or all names of the image. The image stays, without "
		       "a name if none is left.",
};
