// SPDX-License-Identifier: Apache-2.0

/* `rung image inspect`: all that is known of images. `rung inspect` asks here as well. */

#include "verbs/image/common.h"

#include <stdio.h>

struct image_inspect_options {
	const char *format;
};

static const struct option image_inspect_options[] = {
	{"-f, --format=FORMAT", "json, or a template", text_in(image_inspect_options, format)},
	{},
};

/* One after the other, so that a template's line stands before the failure that follows it. */
static int show(struct invocation *invocation, const char *format, struct store *store,
	const char *word, struct json_writer *all)
{
	struct image image;
	int r = image_find(store, word, invocation->arena, &image);
	if (r < 0)
		return r;
	bool docker = manner_of(invocation) == MANNER_DOCKER;
	autofini(text_fini) struct text one = {};
	struct json_writer writer = {.out = &one, .compact = true};
	bool alone = !text_empty(format) && !text_equal(format, "json");
	image_inspect_write(store, &image, docker, invocation->arena, alone ? &writer : all);
	return alone ? output_thing(format, &one) : 0;
}

enum { PODMANS_STATUS = 125 };

static int run(struct invocation *invocation)
{
	const struct image_inspect_options *options = options_of(invocation, image_inspect_options);
	bool alone = !text_empty(options->format) && !text_equal(options->format, "json");
	autofini(store_fini) struct store store = STORE_NONE;
	autofini(text_fini) struct text things = {};
	struct json_writer all = {.out = &things, .compact = true};
	int status = 0, r = image_store_open(invocation, &store);
	if (r < 0)
		return r;
	json_open(&all, NULL, '[');
	for (size_t i = 0; i < invocation->argument_count; i++) {
		r = show(invocation, options->format, &store, invocation->arguments[i], &all);
		if (r < 0)
			status = image_tell(invocation, manner_of(invocation) == MANNER_PODMAN
								? PODMANS_STATUS
								: invocation->failure_status);
	}
	json_close(&all);
	r = alone ? 0 : output_thing(options->format, &things);
	return r < 0 ? r : status;
}

const struct verb verb_image_inspect = {
	.name = "inspect",
	.summary = "show all that is known of images",
	.arguments = "IMAGE...",
	.failure_status = 1,
	verb_options(image_inspect_options),
	.completers = image_completers,
	.run = run,
};
