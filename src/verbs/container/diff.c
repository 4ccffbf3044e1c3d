// SPDX-License-Identifier: Apache-2.0

/*
 * `rung diff`: what a container changed of its image, or an image of its parent. Mount points and
 * files that rung itself put there are not the container's doing, and left out.
 */

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "cli/output.h"
#include "engine/image/image.h"
#include "engine/instance/changes.h"
#include "engine/instance/tree.h"
#include "plan/json_write.h"
#include "verbs/container/container.h"
#include "verbs/container/hidden.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct diff_options {
	const char *format;
	bool latest;
};

static const struct option diff_options[] = {
	{"--format=FORMAT", "json", text_in(diff_options, format)},
	{"-l, --latest", "of the container that was created last", flag_in(diff_options, latest)},
	{},
};

struct changes {
	struct change *items;
	size_t count;
};

static int diff_container(
	const struct instance *instance, struct arena *arena, struct changes *ret_changes)
{
	struct strings lowers, hidden;
	int r = instance_lowers(instance, arena, &lowers);
	if (r == 0)
		r = container_hidden_paths(instance, arena, &hidden);
	if (r == 0)
		r = instance_enter_owner(arena);
	if (r < 0)
		return r;
	autoclose int upper = instance_open_upper(instance, arena);
	return upper < 0 ? upper
			 : changes_list(upper, &lowers, &hidden, arena, &ret_changes->items,
				   &ret_changes->count);
}

/* The topmost layer is what changed, the others are what it was. */
static int diff_image(const char *name, struct arena *arena, struct changes *ret_changes)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image image = {};
	struct strings lowers = {};
	int r = store_open(places_data(arena), &store);
	if (r == 0)
		r = image_find(&store, name, arena, &image);
	if (r == 0)
		r = image_lowers(&store, &image, arena, &lowers);
	if (r < 0 || lowers.count == 0)
		return r;
	r = instance_enter_owner(arena);
	if (r < 0)
		return r;
	autoclose int upper = open(lowers.items[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (upper < 0)
		return fail(-errno, "open layer %s", lowers.items[0]);
	const struct strings rest = {lowers.items + 1, lowers.count - 1}, hidden = {};
	return changes_list(upper, &rest, &hidden, arena, &ret_changes->items, &ret_changes->count);
}

static int find_changes(struct invocation *invocation, struct changes *ret_changes)
{
	const struct diff_options *options = options_of(invocation, diff_options);
	struct arena *arena = invocation->arena;
	if (options->latest) {
		struct instance *instances;
		size_t count;
		int r = instance_list(arena, &instances, &count);
		if (r < 0)
			return r;
		return count ? diff_container(&instances[count - 1], arena, ret_changes)
			     : refuse(-ENOENT, "there are no containers");
	}
	struct instance instance;
	const char *name = invocation->arguments[0];
	int r = instance_find(name, arena, &instance);
	if (r == 0)
		return diff_container(&instance, arena, ret_changes);
	if (r != -ENOENT)
		return r;
	error_clear();
	r = diff_image(name, arena, ret_changes);
	if (r != -ENOENT)
		return r;
	error_clear();
	return refuse(r, "no such container or image: %s", name);
}

/* {"changed":[…],"added":[…],"deleted":[…]} */
static int print_json(const struct changes *changes)
{
	static const struct {
		char kind, key[8];
	} kinds[] = {{'C', "changed"}, {'A', "added"}, {'D', "deleted"}};
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	json_open(&writer, NULL, '{');
	for (size_t k = 0; k < array_length(kinds); k++) {
		json_open_lazily(&writer, kinds[k].key, '[');
		for (size_t i = 0; i < changes->count; i++)
			if (changes->items[i].kind == kinds[k].kind)
				json_write_string(&writer, NULL, changes->items[i].path);
		json_close(&writer);
	}
	json_close(&writer);
	return output_thing("", &out);
}

/* A name from inside must not steer the terminal. */
static void print_line(const struct change *change)
{
	printf("%c ", change->kind);
	for (const char *c = change->path; *c; c++)
		putchar((unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c);
	putchar('\n');
}

static int run(struct invocation *invocation)
{
	const struct diff_options *options = options_of(invocation, diff_options);
	if (options->latest == (invocation->argument_count > 0))
		return usage_error(invocation, "name a container or image, or say --latest");
	if (options->format && !text_equal(options->format, "json"))
		return usage_error(invocation, "--format %s: only json is known", options->format);
	struct changes changes = {};
	int r = find_changes(invocation, &changes);
	if (r < 0)
		return r;
	if (options->format)
		return print_json(&changes);
	for (size_t i = 0; i < changes.count; i++)
		print_line(&changes.items[i]);
	return 0;
}

const struct verb verb_diff = {
	.name = "diff",
	.summary = "show what a container changed of its image",
	.arguments = "[CONTAINER|IMAGE]",
	verb_options(diff_options),
	.completers = container_completers,
	.description =
		"Shows which files a container added (A), changed (C) and deleted (D) since it was "
		"created; of an image, what its topmost layer did.",
	.examples = "What an installation left behind\n$ rung diff web\n",
	.run = run,
};
