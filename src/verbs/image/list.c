// SPDX-License-Identifier: Apache-2.0

/*
 * `rung images`: one row for each name of each image, out of index.json alone unless a filter asks
 * for what only the configurations know.
 */

#include "verbs/image/filter.h"

#include <stdio.h>
#include <stdlib.h>

struct images_options {
	struct option_list filters;
	bool all, digests, quiet, no_trunc, no_heading, history;
	const char *format;
	enum { SORT_CREATED, SORT_ID, SORT_REPOSITORY, SORT_SIZE, SORT_TAG } sort;
};

static const struct option images_options[] = {
	{"-a, --all", "also those that are parts of others (there are none)",
		flag_in(images_options, all)},
	{"--digests", "show the manifests' digests", flag_in(images_options, digests)},
	{"-f, --filter=KEY=VALUE",
		"only these: dangling, reference, label, before, since, until, id, digest, "
		"containers",
		list_in(images_options, filters)},
	{"--format=FORMAT", "table, json, or a template", text_in(images_options, format)},
	{"--history", "", flag_in(images_options, history), .hidden = true},
	{"-n, --noheading", "no heading", flag_in(images_options, no_heading)},
	{"--no-trunc", "whole ids", flag_in(images_options, no_trunc)},
	{"-q, --quiet", "only the ids", flag_in(images_options, quiet)},
	{"--sort=created|id|repository|size|tag", "in which order",
		choice_in(images_options, sort)},
	{},
};

struct row {
	const struct image *image;
	const char *name; /* as shown; NULL: dangling */
	const char *repository, *tag, *digest;
};

struct listing {
	struct invocation *invocation;
	const struct images_options *options;
	const struct image_users *users;
	bool podman;
	struct row *rows;
	size_t count;
};

static void add_row(struct listing *listing, const struct image *image, const char *full_name)
{
	struct arena *arena = listing->invocation->arena;
	struct row *row = &listing->rows[listing->count++];
	*row = (struct row){.image = image, .digest = image->manifest_digest};
	if (full_name)
		row->name = image_shown_name(listing->invocation, full_name, arena);
	image_split_name(row->name, arena, &row->repository, &row->tag);
	const char *at = full_name ? strchr(full_name, '@') : NULL;
	if (at)
		row->digest = at + 1;
}

/* A digest reference has a row of its own only where no tag of its repository has one. */
static void add_rows(struct listing *listing, const struct image *image)
{
	size_t before = listing->count;
	for (size_t i = 0; i < image->names.count; i++)
		add_row(listing, image, image->names.items[i]);
	for (size_t i = 0; i < image->references.count; i++) {
		add_row(listing, image, image->references.items[i]);
		struct row *added = &listing->rows[listing->count - 1];
		for (size_t j = before; j + 1 < listing->count; j++) {
			if (text_equal(listing->rows[j].repository, added->repository)) {
				listing->count--;
				break;
			}
		}
	}
	if (listing->count == before)
		add_row(listing, image, NULL);
}

/* qsort() has no room for a context: one choice for the whole program's life. */
static int sort_key;

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = 0;
	switch (sort_key) {
	case SORT_ID:
		order = strcmp(left->image->id, right->image->id);
		break;
	case SORT_REPOSITORY:
		order = strcmp(left->repository, right->repository);
		break;
	case SORT_SIZE:
		order = (left->image->size > right->image->size) -
			(left->image->size < right->image->size);
		break;
	case SORT_TAG:
		order = strcmp(left->tag, right->tag);
		break;
	default:
		break;
	}
	if (order == 0) /* as image_list() has them */
		order = (left->image > right->image) - (left->image < right->image);
	return order ? order : strcmp(left->name ? left->name : "", right->name ? right->name : "");
}

static void write_list(struct json_writer *writer, const char *key, const struct strings *names,
	const struct listing *listing)
{
	json_open(writer, key, '[');
	for (size_t i = 0; i < names->count; i++)
		json_write_string(writer, NULL,
			image_shown_name(
				listing->invocation, names->items[i], listing->invocation->arena));
	json_close(writer);
}

static unsigned count_users(const struct listing *listing, const struct image *image)
{
	unsigned count = 0;
	for (size_t i = 0; i < listing->users->count; i++)
		count += text_equal(listing->users->users[i].image_id, image->id);
	return count;
}

static void write_row(
	struct json_writer *writer, const struct listing *listing, const struct row *row)
{
	struct arena *arena = listing->invocation->arena;
	const struct image *image = row->image;
	bool whole = listing->options->no_trunc;
	char size[UNITS_TEXT_MAX], age[40], moment[FILTER_TIME_MAX];
	image_shown_size(listing->invocation, image->size, size);
	image_shown_age(image->created, age);
	image_shown_time(image->created, moment);
	struct strings digests;
	image_digest_names(image, arena, &digests);
	json_open(writer, NULL, '{');
	json_write_string(writer, "Repository", row->repository);
	json_write_string(writer, "Tag", row->tag);
	json_write_string(writer, "ID", image_shown_id(image->id, whole, whole, arena));
	json_write_string(writer, "Digest", row->digest);
	json_write_string(writer, "Created", age);
	json_write_string(writer, "CreatedSince", age);
	json_write_string(writer, "CreatedAt", moment);
	json_write_string(writer, "CreatedTime", moment);
	json_write_string(writer, "Size", size);
	json_write_string(writer, "VirtualSize", size);
	json_write_string(writer, "SharedSize", "N/A");
	json_write_string(writer, "UniqueSize", "N/A");
	json_write_string(
		writer, "Containers", arena_format(arena, "%u", count_users(listing, image)));
	json_write_string(writer, "Id", digest_hex(image->id));
	write_list(writer, "Names", &image->names, listing);
	write_list(writer, "RepoTags", &image->names, listing);
	write_list(writer, "RepoDigests", &digests, listing);
	write_list(writer, "History", &image->names, listing);
	json_write_bool(writer, "Dangling", image->names.count == 0);
	json_write_bool(writer, "ReadOnly", false);
	json_close(writer);
}

/* Docker's `images --format json` has just these. */
static void write_docker_json(
	struct json_writer *writer, const struct listing *listing, const struct row *row)
{
	struct arena *arena = listing->invocation->arena;
	bool whole = listing->options->no_trunc;
	char size[UNITS_TEXT_MAX], age[40], moment[FILTER_TIME_MAX];
	image_shown_size(listing->invocation, row->image->size, size);
	image_shown_age(row->image->created, age);
	image_shown_time(row->image->created, moment);
	json_open(writer, NULL, '{');
	json_write_string(
		writer, "Containers", arena_format(arena, "%u", count_users(listing, row->image)));
	json_write_string(writer, "CreatedAt", moment);
	json_write_string(writer, "CreatedSince", age);
	json_write_string(writer, "Digest", row->digest);
	json_write_string(writer, "ID", image_shown_id(row->image->id, whole, whole, arena));
	json_write_string(writer, "Repository", row->repository);
	json_write_string(writer, "SharedSize", "N/A");
	json_write_string(writer, "Size", size);
	json_write_string(writer, "Tag", row->tag);
	json_write_string(writer, "UniqueSize", "N/A");
	json_write_string(writer, "VirtualSize", size);
	json_close(writer);
}

/* Podman's is one array of images, each once. */
static int print_podman_json(const struct listing *listing)
{
	autofini(text_fini) struct text text = {};
	struct json_writer writer = {.out = &text};
	const struct image *last = NULL;
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < listing->count; i++) {
		const struct image *image = listing->rows[i].image;
		if (image == last)
			continue;
		last = image;
		json_open(&writer, NULL, '{');
		image_podman_members(
			&writer, image, count_users(listing, image), listing->invocation->arena);
		json_close(&writer);
	}
	json_close(&writer);
	return output_thing(NULL, &text);
}

static int print_rows(const struct listing *listing)
{
	const struct output_column columns[] = {
		{"Repository"},
		{"Tag"},
		{"Digest", .hidden = !listing->options->digests},
		{"ID", "IMAGE ID"},
		{"Created"},
		{"CreatedSince", "CREATED", .hidden = true},
		{"CreatedAt", "CREATED AT", .hidden = true},
		{"Size"},
		{"VirtualSize", "VIRTUAL SIZE", .hidden = true},
		{"SharedSize", "SHARED SIZE", .hidden = true},
		{"UniqueSize", "UNIQUE SIZE", .hidden = true},
		{"Containers", .hidden = true},
		{},
	};
	const char *format = listing->options->format;
	bool json = format && text_equal(format, "json");
	if (json && listing->podman)
		return print_podman_json(listing);
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < listing->count; i++) {
		if (json)
			write_docker_json(&writer, listing, &listing->rows[i]);
		else
			write_row(&writer, listing, &listing->rows[i]);
	}
	json_close(&writer);
	const struct output output = {
		.columns = columns,
		.format = format,
		.no_heading = listing->options->no_heading,
		.no_trunc = listing->options->no_trunc,
	};
	return output_rows(&output, &rows);
}

static int print_ids(const struct listing *listing)
{
	const struct image *last = NULL;
	bool whole = listing->options->no_trunc;
	for (size_t i = 0; i < listing->count; i++) {
		const struct image *image = listing->rows[i].image;
		/* Docker lists an image once per name; Podman once. */
		if (!listing->podman || image != last)
			puts(image_shown_id(image->id, whole, whole, listing->invocation->arena));
		last = image;
	}
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct images_options *options = options_of(invocation, images_options);
	struct arena *arena = invocation->arena;
	autofini(store_fini) struct store store = STORE_NONE;
	struct image *images = NULL;
	struct image_users users;
	size_t count = 0;
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = image_list(&store, arena, &images, &count);
	if (r == 0)
		r = image_find_users(&store, NULL, arena, &users);
	if (r == 0)
		r = image_filter(&store, &options->filters, invocation->arguments[0], &users, arena,
			images, &count);
	if (r < 0)
		return r;
	size_t rows = 0;
	for (size_t i = 0; i < count; i++)
		rows += 1 + images[i].names.count + images[i].references.count;
	struct listing listing = {.invocation = invocation,
		.options = options,
		.users = &users,
		.podman = manner_of(invocation) == MANNER_PODMAN,
		.rows = arena_new(arena, struct row, rows + 1)};
	for (size_t i = 0; i < count; i++)
		add_rows(&listing, &images[i]);
	sort_key = (int)options->sort;
	qsort(listing.rows, listing.count, sizeof(*listing.rows), compare_rows);
	return options->quiet && !options->format ? print_ids(&listing) : print_rows(&listing);
}

const struct verb verb_images = {
	.name = "images",
	.summary = "list images",
	.arguments = "[IMAGE]",
	verb_options(images_options),
	.completers = image_completers,
	.run = run,
	.examples = "The images without a name\n$ rung images --filter dangling=true\n",
};

const struct verb verb_image_ls = {
	.name = "ls",
	.aliases = "list",
	.summary = "list images",
	.arguments = "[IMAGE]",
	verb_options(images_options),
	.completers = image_completers,
	.run = run,
};
