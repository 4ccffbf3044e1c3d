// SPDX-License-Identifier: Apache-2.0

/* `rung image tree`: the layers of an image, and which other images end at one of them. */

#include "engine/store/snapshot.h"
#include "verbs/image/common.h"

#include <stdio.h>

struct tree_options {
	bool whatrequires;
};

static const struct option tree_options[] = {
	{"--whatrequires", "", flag_in(tree_options, whatrequires), .hidden = true},
	{},
};

static void print_names(struct invocation *invocation, const struct strings *names)
{
	putchar('[');
	for (size_t i = 0; i < names->count; i++)
		printf("%s%s", i ? " " : "",
			image_shown_name(invocation, names->items[i], invocation->arena));
	putchar(']');
}

/* Images whose topmost layer is the one at this height of ours, with the same layers below. */
static void print_tops(struct invocation *invocation, const struct image *image, size_t height,
	const struct image *images, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct strings *other = &images[i].diff_ids;
		bool same = other->count == height + 1;
		for (size_t l = 0; same && l <= height; l++)
			same = text_equal(other->items[l], image->diff_ids.items[l]);
		if (!same)
			continue;
		printf(" Top Layer of: ");
		print_names(invocation, &images[i].names);
	}
}

static int print_tree(struct invocation *invocation, struct store *store, const struct image *image)
{
	struct arena *arena = invocation->arena;
	struct image *images = NULL;
	size_t count = 0;
	char size[UNITS_TEXT_MAX];
	int r = image_list(store, arena, &images, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (image_load(store, &images[i], arena) < 0)
			error_clear();
	}
	if (r < 0)
		return r;
	image_shown_size(invocation, image->size, size);
	printf("Image ID: %s\nTags:     ", image_shown_id(image->id, false, false, arena));
	print_names(invocation, &image->names);
	printf("\nSize:     %s\n", size);
	if (image->diff_ids.count == 0) {
		puts("No Image Layers");
		return 0;
	}
	puts("Image Layers");
	for (size_t i = 0; i < image->diff_ids.count; i++) {
		const char *diff_id = image->diff_ids.items[i];
		bool last = i + 1 == image->diff_ids.count;
		image_shown_size(invocation, snapshot_size(store, diff_id), size);
		printf("%s ID: %s Size: %6s", last ? "└──" : "├──",
			image_shown_id(diff_id, false, false, arena), size);
		print_tops(invocation, image, i, images, count);
		putchar('\n');
	}
	return 0;
}

static int run(struct invocation *invocation)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image image = {};
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = image_find(&store, invocation->arguments[0], invocation->arena, &image);
	return r < 0 ? r : print_tree(invocation, &store, &image);
}

const struct verb verb_image_tree = {
	.name = "tree",
	.summary = "show the layers of an image",
	.arguments = "IMAGE",
	.failure_status = 125,
	verb_options(tree_options),
	.completers = image_completers,
	.run = run,
};
