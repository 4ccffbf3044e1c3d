// SPDX-License-Identifier: Apache-2.0

/* `rung history`: how an image came about, newest step first, as its configuration tells it. */

#include "engine/store/snapshot.h"
#include "verbs/image/filter.h"

#include <stdio.h>

struct history_options {
	const char *format;
	bool human, quiet, no_trunc;
};

static const struct option history_options[] = {
	{"--format=FORMAT", "table, json, or a template", text_in(history_options, format)},
	{"-H, --human", "sizes and times for people", flag_in(history_options, human)},
	{"--no-trunc", "whole lines", flag_in(history_options, no_trunc)},
	{"-q, --quiet", "only the ids", flag_in(history_options, quiet)},
	{},
};

struct telling {
	struct invocation *invocation;
	const struct history_options *options;
	struct store *store;
	const struct image *image;
	bool podman;
};

static const char *shorten(const struct telling *telling, const char *text)
{
	enum { SHOWN = 45 };
	if (!text)
		return "";
	if (telling->options->no_trunc || strlen(text) <= SHOWN)
		return text;
	size_t length = SHOWN - (telling->podman ? 3 : 1);
	while (length > 0 && (text[length] & 0xc0) == 0x80)
		length--;
	return arena_format(telling->invocation->arena, "%.*s%s", (int)length, text,
		telling->podman ? "..." : "…");
}

static uint64_t layer_bytes(const struct telling *telling, size_t layer)
{
	const struct image *image = telling->image;
	uint64_t size = snapshot_size(telling->store, image->diff_ids.items[layer]);
	if (size == 0 && !snapshot_exists(telling->store, image->diff_ids.items[layer]) &&
		store_blob_size(telling->store, image->layers.items[layer], &size) < 0)
		size = 0;
	return size;
}

static const char *step_id(const struct telling *telling, bool newest)
{
	bool whole = telling->options->no_trunc;
	if (!newest)
		return "<missing>";
	return image_shown_id(
		telling->image->id, whole, whole && !telling->podman, telling->invocation->arena);
}

static void write_step(struct json_writer *writer, const struct telling *telling,
	const struct image_history *step, bool newest, uint64_t bytes)
{
	struct arena *arena = telling->invocation->arena;
	bool human = telling->options->human;
	char size[UNITS_TEXT_MAX], age[40];
	image_shown_size(telling->invocation, bytes, size);
	image_shown_age(step->created, age);
	json_open(writer, NULL, '{');
	json_write_string(writer, "ID", step_id(telling, newest));
	json_write_string(writer, "Created", human ? age : step->created ? step->created : "");
	json_write_string(writer, "CreatedSince", age);
	json_write_string(writer, "CreatedAt", step->created ? step->created : "");
	json_write_string(writer, "CreatedBy", shorten(telling, step->created_by));
	json_write_string(
		writer, "Size", human ? size : arena_format(arena, "%ju", (uintmax_t)bytes));
	json_write_string(writer, "Comment", step->comment ? step->comment : "");
	json_write_string(writer, "Tags", "");
	json_close(writer);
}

/* Podman's is one array with members of its own spelling. */
static void write_podman_step(struct json_writer *writer, const struct telling *telling,
	const struct image_history *step, bool newest, uint64_t bytes)
{
	json_open(writer, NULL, '{');
	json_write_string(writer, "id", newest ? digest_hex(telling->image->id) : "<missing>");
	json_write_string(writer, "created", step->created ? step->created : "");
	json_write_string(writer, "CreatedBy", step->created_by ? step->created_by : "");
	json_write_unsigned(writer, "size", bytes);
	json_write_string(writer, "comment", step->comment ? step->comment : "");
	json_close(writer);
}

static void write_steps(struct json_writer *writer, const struct telling *telling, bool podman_json)
{
	const struct image *image = telling->image;
	size_t layer = image->layers.count;
	for (size_t i = image->history_count; i-- > 0;) {
		uint64_t bytes = 0;
		if (!image->history[i].empty_layer && layer > 0)
			bytes = layer_bytes(telling, --layer);
		bool newest = i + 1 == image->history_count;
		if (podman_json)
			write_podman_step(writer, telling, &image->history[i], newest, bytes);
		else
			write_step(writer, telling, &image->history[i], newest, bytes);
	}
}

static int tell(const struct telling *telling)
{
	const struct output_column columns[] = {
		{"ID", ""},
		{"CreatedSince", "CREATED"},
		{"Created", .hidden = true},
		{"CreatedAt", "CREATED AT", .hidden = true},
		{"CreatedBy", "CREATED BY", .shrinks = true},
		{"Size"},
		{"Comment", .shrinks = true},
		{},
	};
	struct output_column own[array_length(columns)];
	memcpy(own, columns, sizeof(columns));
	(void)snprintf(own[0].title, sizeof(own[0].title), "%s", telling->podman ? "ID" : "IMAGE");
	const char *format = telling->options->format;
	bool podman_json = telling->podman && format && text_equal(format, "json");
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	write_steps(&writer, telling, podman_json);
	json_close(&writer);
	if (podman_json)
		return output_thing("json", &rows);
	const struct output output = {.columns = own,
		.format = telling->options->quiet && !format ? "{{.ID}}" : format,
		.no_trunc = telling->options->no_trunc};
	return output_rows(&output, &rows);
}

static int run(struct invocation *invocation)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image image = {};
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = image_find(&store, invocation->arguments[0], invocation->arena, &image);
	if (r < 0)
		return r;
	return tell(&(struct telling){
		.invocation = invocation,
		.options = options_of(invocation, history_options),
		.store = &store,
		.image = &image,
		.podman = manner_of(invocation) == MANNER_PODMAN,
	});
}

const struct verb verb_history = {
	.name = "history",
	.summary = "show how an image came about",
	.arguments = "IMAGE",
	.failure_status = 125,
	verb_options(history_options),
	.defaults = &(const struct history_options){.human = true},
	.completers = image_completers,
	.run = run,
};
