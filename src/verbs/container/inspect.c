// SPDX-License-Identifier: Apache-2.0

/*
 * `rung inspect`: everything that is known of a thing, whatever it is. A word that nobody says the
 * type of is looked for among containers, images, volumes, networks, pods and secrets, in Podman's
 * order.
 */

#include "verbs/container/inspect.h"

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "cli/output.h"
#include "engine/image/image.h"
#include "engine/secret/secret.h"
#include "engine/volume/volume.h"
#include "verbs/container/container.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"

#include <errno.h>

struct inspect_options {
	const char *format, *type;
	bool size, latest;
};

static const struct option inspect_options[] = {
	{"-f, --format=FORMAT", "json, or a template", text_in(inspect_options, format)},
	{"-t, --type=TYPE", "container, image, volume, network, pod or secret; all",
		text_in(inspect_options, type)},
	{"-s, --size", "show how many bytes a container takes", flag_in(inspect_options, size)},
	{"-l, --latest", "the container that was created last", flag_in(inspect_options, latest)},
	{},
};

struct search {
	struct invocation *invocation;
	const struct inspect_options *options;
	enum manner manner;
	bool image_store_open;
	struct store store;
};

/* ---- one kind each: 0, -ENOENT (also without a story) or an error with one ---------------- */

static int write_container(struct search *search, const char *word, struct json_writer *writer)
{
	struct arena *arena = search->invocation->arena;
	struct instance instance;
	int r = instance_find(word, arena, &instance);
	return r < 0 ? r
		     : container_inspect_write(
			       &instance, search->manner, search->options->size, arena, writer);
}

static int write_image(struct search *search, const char *word, struct json_writer *writer)
{
	struct arena *arena = search->invocation->arena;
	struct image image;
	int r = search->image_store_open ? 0 : store_open(places_data(arena), &search->store);
	search->image_store_open = true;
	if (r == 0)
		r = image_find(&search->store, word, arena, &image);
	if (r < 0)
		return r;
	image_inspect_write(&search->store, &image, search->manner == MANNER_DOCKER, arena, writer);
	return 0;
}

static int write_volume(struct search *search, const char *word, struct json_writer *writer)
{
	struct arena *arena = search->invocation->arena;
	struct volume volume;
	int r = volume_find(places_data(arena), word, arena, &volume);
	if (r < 0)
		return r;
	json_open(writer, NULL, '{');
	json_write_string(writer, "Name", volume.name);
	json_write_string(writer, "Driver", volume.driver);
	json_write_string(writer, "Mountpoint", volume.mountpoint);
	json_write_string(writer, "CreatedAt", volume.created);
	inspect_pairs(writer, "Labels", volume.labels, volume.label_count);
	json_write_string(writer, "Scope", "local");
	inspect_pairs(writer, "Options", volume.options, volume.option_count);
	json_write_bool(writer, "Anonymous", volume.anonymous);
	json_close(writer);
	return 0;
}

/* The networks that always are, for Docker; others come with the verbs that make them. */
static int write_network(struct search *search, const char *word, struct json_writer *writer)
{
	if (search->manner == MANNER_PODMAN ||
		(!text_equal(word, "none") && !text_equal(word, "host")))
		return -ENOENT;
	json_open(writer, NULL, '{');
	json_write_string(writer, "Name", word);
	json_write_string(writer, "Id", word);
	json_write_string(writer, "Scope", "local");
	json_write_string(writer, "Driver", text_equal(word, "none") ? "null" : "host");
	json_write_bool(writer, "EnableIPv6", false);
	json_write_bool(writer, "Internal", false);
	inspect_pairs(writer, "Labels", NULL, 0);
	inspect_pairs(writer, "Options", NULL, 0);
	json_close(writer);
	return 0;
}

static int write_secret(struct search *search, const char *word, struct json_writer *writer)
{
	struct arena *arena = search->invocation->arena;
	struct secret secret;
	int r = secret_find(places_data(arena), word, arena, &secret);
	if (r < 0)
		return r;
	json_open(writer, NULL, '{');
	json_write_string(writer, "ID", secret.id);
	json_write_string(writer, "CreatedAt", secret.created);
	json_write_string(writer, "UpdatedAt", secret.updated);
	json_open(writer, "Spec", '{');
	json_write_string(writer, "Name", secret.name);
	json_open(writer, "Driver", '{');
	json_write_string(writer, "Name", secret.driver);
	inspect_pairs(writer, "Options", secret.options, secret.option_count);
	json_close(writer);
	inspect_pairs(writer, "Labels", secret.labels, secret.label_count);
	json_close(writer);
	json_close(writer);
	return 0;
}

static const struct {
	char type[12];
	int (*write)(struct search *search, const char *word, struct json_writer *writer);
} kinds[] = {
	{"container", write_container},
	{"image", write_image},
	{"volume", write_volume},
	{"network", write_network},
	{"secret", write_secret},
};

/* ---- all ----------------------------------------------------------------------------------------
 */

static int inspect(
	struct search *search, const char *type, const char *word, struct json_writer *writer)
{
	bool any = text_empty(type) || text_equal(type, "all");
	int r = -ENOENT;
	for (size_t i = 0; i < array_length(kinds) && r == -ENOENT; i++) {
		if (!any && !text_equal(kinds[i].type, type))
			continue;
		error_clear();
		r = kinds[i].write(search, word, writer);
	}
	if (r != -ENOENT)
		return r;
	error_clear();
	return any ? refuse(r, "no such object: %s", word)
		   : refuse(r, "no such %s: %s", type, word);
}

static int check_type(struct invocation *invocation, const char *type)
{
	if (text_empty(type) || text_equal(type, "all") || text_equal(type, "pod"))
		return 0;
	for (size_t i = 0; i < array_length(kinds); i++)
		if (text_equal(kinds[i].type, type))
			return 0;
	return usage_error(invocation, "--type %s: there is no such type", type);
}

/* Things come one after the other in a format of the person's, and as one array without. */
static int inspect_all(struct search *search, const char *type, const char *format)
{
	struct invocation *invocation = search->invocation;
	bool alone = !text_empty(format) && !text_equal(format, "json");
	autofini(text_fini) struct text things = {};
	struct json_writer all = {.out = &things, .compact = true};
	int status = 0;
	json_open(&all, NULL, '[');
	for (size_t i = 0; i < invocation->argument_count; i++) {
		autofini(text_fini) struct text one = {};
		struct json_writer writer = {.out = &one, .compact = true};
		int r = inspect(search, type, invocation->arguments[i], alone ? &writer : &all);
		if (r == 0 && alone)
			r = output_thing(format, &one);
		if (r < 0) {
			status = invocation->failure_status;
			tell_failure(invocation);
		}
	}
	json_close(&all);
	int r = alone ? 0 : output_thing(format, &things);
	return r < 0 ? r : status;
}

static int take_latest(struct invocation *invocation)
{
	struct instance *instances;
	size_t count;
	int r = instance_list(invocation->arena, &instances, &count);
	if (r < 0)
		return r;
	if (count == 0)
		return refuse(-ENOENT, "there are no containers");
	invocation->arguments = arena_new(invocation->arena, const char *, 2);
	invocation->arguments[0] = instances[count - 1].id;
	invocation->argument_count = 1;
	return 0;
}

static int run_type(struct invocation *invocation, const char *type)
{
	const struct inspect_options *options = options_of(invocation, inspect_options);
	int r = check_type(invocation, type);
	if (r < 0)
		return r;
	if (options->latest == (invocation->argument_count > 0))
		return usage_error(invocation, "name what to inspect, or say --latest");
	if (options->latest)
		r = take_latest(invocation);
	if (r < 0)
		return r;
	struct search search = {.invocation = invocation,
		.options = options,
		.manner = manner_of(invocation),
		.store = STORE_NONE};
	r = inspect_all(&search, type, options->format);
	if (search.image_store_open)
		store_fini(&search.store);
	return r;
}

static int run(struct invocation *invocation)
{
	return run_type(invocation, options_of(invocation, inspect_options)->type);
}

static int run_container(struct invocation *invocation)
{
	return run_type(invocation, "container");
}

const struct verb verb_inspect = {
	.name = "inspect",
	.summary = "show all that is known of a container, image, volume or secret",
	.arguments = "[CONTAINER|IMAGE|VOLUME...]",
	verb_options(inspect_options),
	.description =
		"Shows things as JSON, in the shape of Docker's and Podman's inspect; or what a "
		"template makes of each. A name that several things have is a container first, "
		"then an image, a volume, a network, a secret; --type decides.",
	.examples = "Is it healthy?\n"
		    "$ rung inspect -f '{{.State.Health.Status}}' web\n"
		    "Which ports are published\n"
		    "$ rung inspect -f '{{json .NetworkSettings.Ports}}' web\n",
	.completers = container_completers,
	.run = run,
};

const struct verb verb_container_inspect = {
	.name = "inspect",
	.summary = "show all that is known of containers",
	.arguments = "[CONTAINER...]",
	verb_options(inspect_options),
	.completers = container_completers,
	.run = run_container,
};
