// SPDX-License-Identifier: Apache-2.0

/* `rung image prune`: removes images without a name, or with --all those that no container uses. */

#include "verbs/image/prune.h"

#include "verbs/image/filter.h"

#include <stdio.h>

struct image_prune_options {
	struct option_list filters;
	bool all, force, external;
};

static const struct option image_prune_options[] = {
	{"-a, --all", "all images that no container uses, not only those without a name",
		flag_in(image_prune_options, all)},
	{"--external", "", flag_in(image_prune_options, external), .hidden = true},
	{"--filter=KEY=VALUE", "only these: label, until, and those of rung images",
		list_in(image_prune_options, filters)},
	{"-f, --force", "do not ask", flag_in(image_prune_options, force)},
	{},
};

static bool is_used(const struct image_users *users, const struct image *image)
{
	for (size_t i = 0; i < users->count; i++) {
		if (text_equal(users->users[i].image_id, image->id))
			return true;
	}
	return false;
}

static int remove_unused(struct invocation *invocation, struct store *store,
	const struct image_users *users, bool all, const struct image *images, size_t count,
	struct text *names)
{
	bool docker = manner_of(invocation) == MANNER_DOCKER;
	for (size_t i = 0; i < count; i++) {
		const struct image *image = &images[i];
		if (is_used(users, image) || (!all && image->names.count > 0))
			continue;
		int r = image_remove(store, image);
		if (r < 0)
			return r;
		for (size_t n = 0; docker && n < image->names.count; n++)
			text_format(names, "untagged: %s\n",
				image_shown_name(
					invocation, image->names.items[n], invocation->arena));
		if (docker)
			text_format(names, "deleted: %s\n", image->id);
		else
			text_format(names, "%s\n", digest_hex(image->id));
		image_note("prune", image, NULL);
	}
	return 0;
}

int image_prune(struct invocation *invocation, struct store *store, bool all,
	const struct option_list *filters, struct text *names,
	struct store_collected *ret_collected)
{
	struct arena *arena = invocation->arena;
	struct image *images;
	struct image_users users;
	struct store_collected collected = {};
	size_t count;
	int r = image_list(store, arena, &images, &count);
	if (r == 0)
		r = image_find_users(store, NULL, arena, &users);
	if (r == 0)
		r = image_filter(store, filters, NULL, &users, arena, images, &count);
	if (r == 0)
		r = remove_unused(invocation, store, &users, all, images, count, names);
	if (r == 0)
		r = image_collect(store, true, true, &collected);
	if (r < 0)
		return r;
	*ret_collected = collected;
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct image_prune_options *options = options_of(invocation, image_prune_options);
	if (!confirm(options->force, options->all
					     ? "This will remove all images without a container."
					     : "This will remove all images without a name."))
		return 0;
	autofini(store_fini) struct store store = STORE_NONE;
	autofini(text_fini) struct text names = {};
	struct store_collected collected = {};
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = image_prune(
			invocation, &store, options->all, &options->filters, &names, &collected);
	if (r < 0)
		return r;
	if (manner_of(invocation) == MANNER_PODMAN) {
		fputs(text_get(&names), stdout);
		return 0;
	}
	char size[UNITS_TEXT_MAX];
	image_shown_size(invocation, collected.bytes, size);
	if (names.length > 0)
		printf("Deleted Images:\n%s\n", text_get(&names));
	printf("Total reclaimed space: %s\n", size);
	return 0;
}

const struct verb verb_image_prune = {
	.name = "prune",
	.summary = "remove images that nobody needs",
	.arguments = "",
	.failure_status = 125,
	verb_options(image_prune_options),
	.run = run,
	.description = "Also frees what broken-off pulls left.",
};
