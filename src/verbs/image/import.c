// SPDX-License-Identifier: Apache-2.0

/* `rung import`: a tree of files in a tar becomes an image of one layer. */

#include "engine/image/archive.h"
#include "verbs/image/common.h"

#include <fcntl.h>
#include <stdio.h>

struct import_options {
	struct option_list changes;
	const char *message, *architecture, *os, *variant, *platform;
	bool quiet;
};

static const struct option import_options[] = {
	{"--arch=ARCH", "the processor it is for", text_in(import_options, architecture)},
	{"-c, --change=INSTRUCTION",
		"set CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR …",
		list_in(import_options, changes)},
	{"-m, --message=TEXT", "what the history says", text_in(import_options, message)},
	{"--os=OS", "the system it is for", text_in(import_options, os)},
	{"--platform=OS/ARCH[/VARIANT]", "all three at once", text_in(import_options, platform)},
	{"-q, --quiet", "no progress", flag_in(import_options, quiet)},
	{"--variant=VARIANT", "of the processor", text_in(import_options, variant)},
	{},
};

static int read_platform(const struct invocation *invocation, struct import_options *options)
{
	char *copy = arena_strdup(invocation->arena, options->platform);
	if (!copy)
		return 0;
	options->os = strsep(&copy, "/");
	options->architecture = copy ? strsep(&copy, "/") : NULL;
	options->variant = copy;
	if (text_empty(options->os) || text_empty(options->architecture))
		return usage_error(invocation, "--platform wants OS/ARCH[/VARIANT]");
	return 0;
}

static int open_input(const char *word)
{
	if (text_starts(word, "http://") || text_starts(word, "https://")) {
		int r = refuse(-ENOTSUP, "%s: import reads files and standard input", word);
		hint("curl -fsSL %s | rung import -", word);
		return r;
	}
	int fd = text_equal(word, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				       : open(word, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? fail(-errno, "%s", word) : fd;
}

static int import(struct invocation *invocation, struct store *store, int input,
	struct image_change *change, const char **ret_id)
{
	struct import_options *options = options_of(invocation, import_options);
	struct arena *arena = invocation->arena;
	struct image_layer layer = {};
	int r = 0;
	for (size_t i = 0; r == 0 && i < options->changes.count; i++)
		r = image_apply_change(&change->config, options->changes.words[i], arena);
	if (r == 0)
		r = archive_take_layer(store, input, arena, &layer);
	if (r < 0)
		return r;
	layer.created_by = arena_format(arena, "rung import %s",
		invocation->argument_count ? invocation->arguments[0] : "-");
	change->layer = &layer;
	r = image_commit(store, change, arena, ret_id);
	change->layer = NULL;
	return r;
}

static int run(struct invocation *invocation)
{
	struct import_options *options = options_of(invocation, import_options);
	const char *id = "", *word = invocation->arguments[0] ? invocation->arguments[0] : "-";
	int r = read_platform(invocation, options);
	if (r < 0)
		return r;
	struct image_change change = {.comment = options->message ? options->message : "imported",
		.architecture = options->architecture,
		.os = options->os,
		.variant = options->variant};
	if (invocation->argument_count > 1)
		r = image_new_name(invocation, invocation->arguments[1], &change.name);
	if (r < 0)
		return r;
	autofini(store_fini) struct store store = STORE_NONE;
	autoclose int input = open_input(word);
	if (input < 0)
		return input;
	if (isatty(input))
		return usage_error(invocation, "standard input is a terminal: name a file");
	autoclose int lock = -1;
	r = image_store_open(invocation, &store);
	if (r == 0)
		r = store_lock(&store, false, &lock);
	if (r == 0)
		r = import(invocation, &store, input, &change, &id);
	if (r < 0)
		return wrap(r, "import %s", word);
	event_write("image", "import", id, change.name, NULL, 0);
	puts(id);
	close_now(lock);
	image_collect_pending(&store);
	return 0;
}

const struct verb verb_import = {
	.name = "import",
	.summary = "make an image of a tree of files in a tar",
	.arguments = "[FILE] [NAME]",
	.failure_status = 125,
	verb_options(import_options),
	.run = run,
	.description = "FILE is a tar, also compressed; - or nothing is standard input.",
	.examples = "A Debian of one's own\n"
		    "$ mmdebstrap --variant=minbase bookworm - | rung import - my-debian\n",
};
