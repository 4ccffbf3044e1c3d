// SPDX-License-Identifier: Apache-2.0

/* `rung volume inspect` and `exists`: what is known of volumes. */

#include "verbs/volume/common.h"

#include "verbs/container/several.h"

struct volume_inspect_options {
	const char *format;
	bool all;
};

static const struct option volume_inspect_options[] = {
	{"-f, --format=FORMAT", "json, or a template", text_in(volume_inspect_options, format)},
	{"-a, --all", "all volumes", flag_in(volume_inspect_options, all)},
	{},
};

static void write_volume(const struct volume *volume, struct json_writer *writer)
{
	json_open(writer, NULL, '{');
	json_write_string(writer, "Name", volume->name);
	json_write_string(writer, "Driver", volume->driver);
	json_write_string(writer, "Mountpoint", volume->mountpoint);
	json_write_string(writer, "CreatedAt", volume->created);
	volume_write_pairs(writer, "Labels", volume->labels, volume->label_count);
	json_write_string(writer, "Scope", "local");
	volume_write_pairs(writer, "Options", volume->options, volume->option_count);
	if (volume->anonymous)
		json_write_bool(writer, "Anonymous", true);
	if (volume->has_owner) {
		json_write_unsigned(writer, "UID", volume->uid);
		json_write_unsigned(writer, "GID", volume->gid);
	}
	json_close(writer);
}

/* In a format of the person's each by itself, else all in one array. */
static int show(const struct invocation *invocation, const struct volume *volumes, size_t count)
{
	const struct volume_inspect_options *options =
		options_of(invocation, volume_inspect_options);
	bool alone = !text_empty(options->format) && !text_equal(options->format, "json");
	autofini(text_fini) struct text all = {};
	struct json_writer writer = {.out = &all, .compact = true};
	int r = 0;
	json_open(&writer, NULL, '[');
	for (size_t i = 0; r == 0 && i < count; i++) {
		autofini(text_fini) struct text one = {};
		struct json_writer single = {.out = &one, .compact = true};
		write_volume(&volumes[i], alone ? &single : &writer);
		if (alone)
			r = output_thing(options->format, &one);
	}
	json_close(&writer);
	return r < 0 || alone ? r : output_thing(NULL, &all);
}

static int run(struct invocation *invocation)
{
	const struct volume_inspect_options *options =
		options_of(invocation, volume_inspect_options);
	struct arena *arena = invocation->arena;
	struct volume *volumes;
	size_t count = 0;
	int status = 0, r;
	if (options->all == (invocation->argument_count > 0))
		return usage_error(invocation, "name volumes, or say --all");
	if (options->all) {
		r = volume_list(places_data(arena), arena, &volumes, &count);
		return r < 0 ? r : show(invocation, volumes, count);
	}
	volumes = arena_new(arena, struct volume, invocation->argument_count);
	for (size_t i = 0; i < invocation->argument_count; i++) {
		r = volume_find(
			places_data(arena), invocation->arguments[i], arena, &volumes[count]);
		if (r == 0) {
			count++;
			continue;
		}
		tell_failure(invocation);
		status = manner_of(invocation) == MANNER_DOCKER ? 1 : 125;
	}
	r = show(invocation, volumes, count);
	return r < 0 ? r : status;
}

const struct verb verb_volume_inspect = {
	.name = "inspect",
	.summary = "show all that is known of volumes",
	.arguments = "[VOLUME...]",
	verb_options(volume_inspect_options),
	.description = "Shows volumes as JSON, or what a template makes of each.",
	.examples = "Where its files are\n"
		    "$ rung volume inspect -f '{{.Mountpoint}}' data\n",
	.run = run,
};

static int exists(struct invocation *invocation)
{
	struct volume volume;
	int r = volume_find(places_data(invocation->arena), invocation->arguments[0],
		invocation->arena, &volume);
	bool here = r == 0 && text_equal(volume.name, invocation->arguments[0]);
	if (r < 0 && r != -ENOENT)
		return r;
	error_clear();
	return here ? 0 : 1;
}

const struct verb verb_volume_exists = {
	.name = "exists",
	.summary = "ask whether there is a volume of that name",
	.arguments = "VOLUME",
	.description = "The status is 0 if there is, 1 if not.",
	.run = exists,
};
