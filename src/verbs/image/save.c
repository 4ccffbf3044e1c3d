// SPDX-License-Identifier: Apache-2.0

/* `rung save`: images into a file, a pipe or a directory. */

#include "engine/image/archive.h"
#include "engine/registry/reference.h"
#include "verbs/image/common.h"
#include "verbs/whole_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct save_options {
	const char *output;
	enum archive_format format;
	bool quiet, many, compress, uncompressed;
};

static const struct option save_options[] = {
	{"--compress", "", flag_in(save_options, compress), .hidden = true},
	{"--format=docker-archive|oci-archive|oci-dir|docker-dir", "the form of it",
		choice_in(save_options, format), .fallback = "docker-archive"},
	{"-m, --multi-image-archive", "", flag_in(save_options, many), .hidden = true},
	{"-o, --output=FILE", "write FILE instead of standard output",
		text_in(save_options, output)},
	{"-q, --quiet", "", flag_in(save_options, quiet), .hidden = true},
	{"--uncompressed", "", flag_in(save_options, uncompressed), .hidden = true},
	{},
};

/* A word that is an id saves all names of the image, as Docker does; a name only itself. */
static int choose(struct invocation *invocation, struct store *store,
	struct archive_choice *choices, size_t *ret_count)
{
	struct arena *arena = invocation->arena;
	size_t count = 0;
	for (size_t i = 0; i < invocation->argument_count; i++) {
		struct image *image = arena_new(arena, struct image, 1);
		const char *name = NULL;
		int r = image_find_named(store, invocation->arguments[i], arena, image, &name);
		if (r < 0)
			return r;
		size_t at = 0;
		while (at < count &&
			!text_equal(choices[at].image->manifest_digest, image->manifest_digest))
			at++;
		if (at == count)
			choices[count++] = (struct archive_choice){.image = image};
		if (!name || strchr(name, '@'))
			continue;
		struct strings *names = &choices[at].names;
		const char **more = arena_new(arena, const char *, names->count + 2);
		for (size_t n = 0; n < names->count; n++)
			more[n] = names->items[n];
		more[names->count] = name;
		*names = (struct strings){more, names->count + 1};
	}
	*ret_count = count;
	return 0;
}

static int save_file(struct invocation *invocation, struct store *store,
	const struct archive_choice *choices, size_t count, const struct save_options *options)
{
	struct whole_file file = WHOLE_FILE_NONE;
	int r = whole_file_open(options->output, 0644, invocation->arena, &file);
	if (r == 0)
		r = archive_save(store, choices, count, options->format, file.fd);
	return whole_file_finish(&file, r);
}

static int run(struct invocation *invocation)
{
	const struct save_options *options = options_of(invocation, save_options);
	bool directory = options->format == ARCHIVE_OCI_DIRECTORY ||
			 options->format == ARCHIVE_DOCKER_DIRECTORY;
	bool to_stdout = !options->output || text_equal(options->output, "-");
	if (directory && to_stdout)
		return usage_error(invocation, "a directory needs --output");
	if (to_stdout && isatty(STDOUT_FILENO))
		return usage_error(
			invocation, "standard output is a terminal: redirect it, or --output");
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int lock = -1;
	struct archive_choice *choices =
		arena_new(invocation->arena, struct archive_choice, invocation->argument_count + 1);
	size_t count = 0;
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = store_lock(&store, false, &lock);
	if (r == 0)
		r = choose(invocation, &store, choices, &count);
	if (r < 0)
		return r;
	if (directory)
		r = archive_save_directory(
			&store, choices, count, options->format, options->output);
	else if (to_stdout)
		r = archive_save(&store, choices, count, options->format, STDOUT_FILENO);
	else
		r = save_file(invocation, &store, choices, count, options);
	for (size_t i = 0; r == 0 && i < count; i++)
		image_note("save", choices[i].image,
			choices[i].names.count ? choices[i].names.items[0] : NULL);
	return r < 0 ? wrap(r, "save") : 0;
}

const struct verb verb_save = {
	.name = "save",
	.summary = "write images into an archive",
	.arguments = "IMAGE...",
	.failure_status = 125,
	verb_options(save_options),
	.completers = image_completers,
	.run = run,
	.description = "What it writes is for rung load, and as well for Docker, Podman, buildah "
		       "and skopeo. The OCI forms and docker-dir keep every digest.",
	.examples = "For a machine without a network\n$ rung save -o web.tar web:1\n",
};
