// SPDX-License-Identifier: Apache-2.0

/*
 * `rung rmi`. Docker's rules: a name is taken away; with the last one the image goes too, unless a
 * container needs it. An id means all names at once, which has to be forced where they are of
 * several repositories. What a running container uses cannot be removed at all.
 */

#include "engine/registry/reference.h"
#include "verbs/image/common.h"

#include <stdio.h>

/* As Podman has it: 1 no such image, 2 in use, otherwise the failure status. */
enum { STATUS_MISSING = 1, STATUS_IN_USE = 2 };

struct rmi_options {
	bool all, force, ignore, no_prune;
};

static const struct option rmi_options[] = {
	{"-a, --all", "all images", flag_in(rmi_options, all)},
	{"-f, --force", "also with several names, or used by a stopped container",
		flag_in(rmi_options, force)},
	{"-i, --ignore", "an image that is not there is no failure", flag_in(rmi_options, ignore)},
	{"--no-prune", "", flag_in(rmi_options, no_prune), .hidden = true},
	{},
};

struct removal {
	struct invocation *invocation;
	const struct rmi_options *options;
	struct store *store;
	struct image image;
	struct image_users users;
	const char *word, *name; /* as given; the full name it was found by, or NULL */
};

static void tell_untagged(const struct removal *removal, const char *name)
{
	printf("Untagged: %s\n",
		image_shown_name(removal->invocation, name, removal->invocation->arena));
	image_note("untag", &removal->image, name);
}

static int refuse_use(const struct removal *removal, bool can_be_forced)
{
	const struct image_user *user = &removal->users.users[0];
	for (size_t i = 0; i < removal->users.count; i++) {
		if (removal->users.users[i].running)
			user = &removal->users.users[i];
	}
	int r = refuse(-EBUSY, "image %s is used by the %s container %.12s%s%s%s", removal->word,
		user->running ? "running" : "stopped", user->id, user->name[0] ? " (" : "",
		user->name, user->name[0] ? ")" : "");
	hint(can_be_forced ? "--force removes it all the same; the container keeps what it needs"
			   : "stop the container first");
	return r;
}

static bool is_running(const struct removal *removal)
{
	for (size_t i = 0; i < removal->users.count; i++) {
		if (removal->users.users[i].running)
			return true;
	}
	return false;
}

static int remove_whole(struct removal *removal)
{
	if (is_running(removal))
		return refuse_use(removal, false);
	if (removal->users.count > 0 && !removal->options->force)
		return refuse_use(removal, true);
	int r = image_remove(removal->store, &removal->image);
	if (r < 0)
		return r;
	for (size_t i = 0; i < removal->image.names.count; i++)
		tell_untagged(removal, removal->image.names.items[i]);
	for (size_t i = 0; i < removal->image.references.count; i++)
		tell_untagged(removal, removal->image.references.items[i]);
	bool podman = manner_of(removal->invocation) == MANNER_PODMAN;
	printf("Deleted: %s\n", podman ? digest_hex(removal->image.id) : removal->image.id);
	image_note("delete", &removal->image, removal->word);
	return 0;
}

static bool has_several_repositories(const struct removal *removal)
{
	struct arena *arena = removal->invocation->arena;
	const char *first = NULL, *repository, *tag;
	const struct strings *names = &removal->image.names;
	for (size_t i = 0; i < names->count; i++) {
		image_split_name(names->items[i], arena, &repository, &tag);
		if (first && !text_equal(first, repository))
			return true;
		first = repository;
	}
	return false;
}

/* By id. */
static int remove_all_names(struct removal *removal)
{
	if (!removal->options->force && !removal->options->all &&
		has_several_repositories(removal)) {
		int r = refuse(-EBUSY, "image %s has names in several repositories", removal->word);
		hint("--force removes all its names, or name one of them");
		return r;
	}
	return remove_whole(removal);
}

/* The digest reference that a pull left goes with the last tag of its repository. */
static int untag_references(struct removal *removal)
{
	struct arena *arena = removal->invocation->arena;
	const char *repository, *other, *tag;
	image_split_name(removal->name, arena, &repository, &tag);
	const struct image *image = &removal->image;
	for (size_t i = 0; i < image->names.count; i++) {
		image_split_name(image->names.items[i], arena, &other, &tag);
		if (text_equal(other, repository) &&
			!text_equal(image->names.items[i], removal->name))
			return 0;
	}
	for (size_t i = 0; i < image->references.count; i++) {
		image_split_name(image->references.items[i], arena, &other, &tag);
		if (!text_equal(other, repository) ||
			text_equal(image->references.items[i], removal->name))
			continue;
		int r = image_untag(removal->store, image->references.items[i]);
		if (r < 0)
			return r;
		tell_untagged(removal, image->references.items[i]);
	}
	return 0;
}

static bool is_last_name(const struct removal *removal)
{
	struct arena *arena = removal->invocation->arena;
	const struct image *image = &removal->image;
	const char *repository, *other, *tag;
	image_split_name(removal->name, arena, &repository, &tag);
	bool by_tag = !strchr(removal->name, '@');
	size_t others = image->names.count - by_tag;
	for (size_t i = 0; i < image->references.count; i++) {
		image_split_name(image->references.items[i], arena, &other, &tag);
		others += !text_equal(other, repository);
	}
	return others == 0;
}

static int remove_name(struct removal *removal)
{
	bool last = is_last_name(removal);
	if (last && (removal->users.count == 0 || !removal->options->force))
		return remove_whole(removal);
	int r = image_untag(removal->store, removal->name);
	if (r < 0)
		return r;
	tell_untagged(removal, removal->name);
	return untag_references(removal);
}

static int remove_one(struct invocation *invocation, struct store *store, const char *word)
{
	struct removal removal = {.invocation = invocation,
		.options = options_of(invocation, rmi_options),
		.store = store,
		.word = word};
	int r = image_find_named(store, word, invocation->arena, &removal.image, &removal.name);
	if (r == 0)
		r = image_find_users(store, removal.image.id, invocation->arena, &removal.users);
	if (r < 0)
		return r;
	return removal.name ? remove_name(&removal) : remove_all_names(&removal);
}

static int status_of(const struct invocation *invocation, int r)
{
	if (invocation->failure_status == 1) /* Docker's is always that */
		return 1;
	if (r == -ENOENT)
		return STATUS_MISSING;
	return r == -EBUSY ? STATUS_IN_USE : invocation->failure_status;
}

static int remove_words(struct invocation *invocation, struct store *store)
{
	const struct rmi_options *options = options_of(invocation, rmi_options);
	int status = 0;
	for (size_t i = 0; i < invocation->argument_count; i++) {
		int r = remove_one(invocation, store, invocation->arguments[i]);
		if (r == -ENOENT && options->ignore) {
			error_clear();
			continue;
		}
		if (r == -ENOENT && options->force) { /* told, and no failure: both think so */
			(void)image_tell(invocation, 0);
			continue;
		}
		if (r < 0) {
			int own = status_of(invocation, r);
			status = image_tell(invocation, own > status ? own : status);
		}
	}
	return status;
}

static int remove_all(struct invocation *invocation, struct store *store)
{
	struct image *images;
	size_t count;
	int status = 0, r = image_list(store, invocation->arena, &images, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		r = remove_one(invocation, store, images[i].id);
		if (r < 0)
			status = image_tell(invocation, status_of(invocation, r));
	}
	return status;
}

static int run(struct invocation *invocation)
{
	const struct rmi_options *options = options_of(invocation, rmi_options);
	if (options->all ? invocation->argument_count > 0 : invocation->argument_count == 0)
		return usage_error(invocation, options->all ? "--all is all: no IMAGE with it"
							    : "which image? name one, or --all");
	autofini(store_fini) struct store store = STORE_NONE;
	int r = image_store_open(invocation, &store);
	if (r < 0)
		return r;
	int status =
		options->all ? remove_all(invocation, &store) : remove_words(invocation, &store);
	if (status < 0)
		return status;
	/* Where somebody uses images just now, whoever comes next does it. */
	if (store_has_garbage(&store)) {
		r = image_collect(&store, false, false, NULL);
		if (r < 0)
			return r;
	}
	return status;
}

const struct verb verb_rmi = {
	.name = "rmi",
	.summary = "remove images",
	.arguments = "[IMAGE...]",
	verb_options(rmi_options),
	.completers = image_completers,
	.run = run,
	.description = "Takes the name IMAGE away; the image itself goes with its last name. An "
		       "id stands for all names of the image.",
};

const struct verb verb_image_rm = {
	.name = "rm",
	.aliases = "remove",
	.summary = "remove images",
	.arguments = "[IMAGE...]",
	verb_options(rmi_options),
	.completers = image_completers,
	.run = run,
};
