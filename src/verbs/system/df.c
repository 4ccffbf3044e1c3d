// SPDX-License-Identifier: Apache-2.0

/* `rung system df`: what takes how much of the disk, and what of it can be had back. */

#include "verbs/system/df.h"

#include <stdio.h>

struct df_options {
	const char *format;
	bool verbose;
};

static const struct option df_options[] = {
	{"--format=FORMAT", "table, json, or a template", text_in(df_options, format)},
	{"-v, --verbose", "each image, container and volume", flag_in(df_options, verbose)},
	{},
};

struct total {
	const char *type;
	size_t count, active;
	uint64_t bytes, reclaimable;
};

static bool is_active(const struct instance *instance)
{
	return instance_is_alive(instance) || instance->state.status == INSTANCE_RESTARTING;
}

static void add_up(const struct usage *usage, struct total totals[static 4])
{
	totals[0] = (struct total){
		"Images", usage->image_count, 0, usage->image_bytes, usage->image_reclaimable};
	for (size_t i = 0; i < usage->image_count; i++)
		totals[0].active += usage->images[i].containers > 0;
	totals[1] = (struct total){.type = "Containers", .count = usage->container_count};
	for (size_t i = 0; i < usage->container_count; i++) {
		const struct usage_container *row = &usage->containers[i];
		totals[1].bytes += row->bytes;
		totals[1].active += is_active(row->instance);
		totals[1].reclaimable += is_active(row->instance) ? 0 : row->bytes;
	}
	totals[2] = (struct total){.type = "Local Volumes", .count = usage->volume_count};
	for (size_t i = 0; i < usage->volume_count; i++) {
		const struct usage_volume *row = &usage->volumes[i];
		totals[2].bytes += row->bytes;
		totals[2].active += row->links > 0;
		totals[2].reclaimable += row->links ? 0 : row->bytes;
	}
	totals[3] = (struct total){.type = "Build Cache"};
}

static void write_total(
	struct invocation *invocation, struct json_writer *writer, const struct total *total)
{
	struct arena *arena = invocation->arena;
	char size[UNITS_TEXT_MAX], back[UNITS_TEXT_MAX];
	units_size(total->bytes, size);
	units_size(total->reclaimable, back);
	json_open(writer, NULL, '{');
	json_write_string(writer, "Type", total->type);
	json_write_string(writer, "TotalCount", arena_format(arena, "%zu", total->count));
	json_write_string(writer, "Total", arena_format(arena, "%zu", total->count));
	json_write_string(writer, "Active", arena_format(arena, "%zu", total->active));
	json_write_string(writer, "Size", size);
	json_write_unsigned(writer, "RawSize", total->bytes);
	json_write_unsigned(writer, "RawReclaimable", total->reclaimable);
	json_write_string(writer, "Reclaimable",
		total->bytes ? arena_format(arena, "%s (%u%%)", back,
				       (unsigned)(total->reclaimable * 100 / total->bytes))
			     : back);
	json_close(writer);
}

static int print_totals(
	struct invocation *invocation, const struct usage *usage, const char *format)
{
	static const struct output_column columns[] = {
		{"Type"}, {"TotalCount", "TOTAL"}, {"Active"}, {"Size"}, {"Reclaimable"}, {}};
	struct total totals[4];
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	add_up(usage, totals);
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < array_length(totals); i++)
		write_total(invocation, &writer, &totals[i]);
	json_close(&writer);
	const struct output output = {.columns = columns, .format = format};
	return output_rows(&output, &rows);
}

/* ---- one by one ---------------------------------------------------------------------------- */

static int print_images(struct invocation *invocation, const struct usage *usage)
{
	static const struct output_column columns[] = {{"Repository"}, {"Tag"}, {"ID", "IMAGE ID"},
		{"Created"}, {"Size"}, {"Shared", "SHARED SIZE"}, {"Unique", "UNIQUE SIZE"},
		{"Containers"}, {}};
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	struct arena *arena = invocation->arena;
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < usage->image_count; i++) {
		const struct usage_image *row = &usage->images[i];
		const char *repository, *tag,
			*name = row->image->names.count ? image_shown_name(invocation,
								  row->image->names.items[0], arena)
							: NULL;
		char size[UNITS_TEXT_MAX], shared[UNITS_TEXT_MAX], unique[UNITS_TEXT_MAX], age[40];
		image_split_name(name, arena, &repository, &tag);
		image_shown_age(row->image->created, age);
		units_size(row->image->size, size);
		units_size(row->shared, shared);
		units_size(row->unique, unique);
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "Repository", repository);
		json_write_string(&writer, "Tag", tag);
		json_write_string(
			&writer, "ID", image_shown_id(row->image->id, false, false, arena));
		json_write_string(&writer, "Created", age);
		json_write_string(&writer, "Size", size);
		json_write_string(&writer, "Shared", shared);
		json_write_string(&writer, "Unique", unique);
		json_write_unsigned(&writer, "Containers", row->containers);
		json_close(&writer);
	}
	json_close(&writer);
	puts("Images space usage:\n");
	return output_rows(&(struct output){.columns = columns}, &rows);
}

static int print_containers(struct invocation *invocation, const struct usage *usage)
{
	static const struct output_column columns[] = {{"ID", "CONTAINER ID"}, {"Image"},
		{"Command", .shrinks = true}, {"Volumes", "LOCAL VOLUMES"}, {"Size"}, {"Created"},
		{"Status"}, {"Names"}, {}};
	autofini(text_fini) struct text rows = {}, command = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < usage->container_count; i++) {
		const struct usage_container *row = &usage->containers[i];
		const struct instance *instance = row->instance;
		char size[UNITS_TEXT_MAX], age[40];
		units_size(row->bytes, size);
		image_shown_age(instance->created, age);
		text_fini(&command);
		for (size_t w = 0; w < instance->command.count; w++)
			text_format(&command, "%s%s", w ? " " : "", instance->command.items[w]);
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "ID",
			image_shown_id(instance->id, false, false, invocation->arena));
		json_write_string(&writer, "Image",
			image_shown_name(invocation, instance->image_name, invocation->arena));
		json_write_string(&writer, "Command",
			arena_format(invocation->arena, "%.24s", text_get(&command)));
		json_write_unsigned(&writer, "Volumes", instance->volumes.count);
		json_write_string(&writer, "Size", size);
		json_write_string(&writer, "Created", age);
		json_write_string(&writer, "Status", instance_status_name(instance->state.status));
		json_write_string(&writer, "Names", instance->name);
		json_close(&writer);
	}
	json_close(&writer);
	puts("\nContainers space usage:\n");
	return output_rows(&(struct output){.columns = columns}, &rows);
}

static int print_volumes(const struct usage *usage)
{
	static const struct output_column columns[] = {
		{"Name", "VOLUME NAME"}, {"Links"}, {"Size"}, {}};
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < usage->volume_count; i++) {
		char size[UNITS_TEXT_MAX];
		units_size(usage->volumes[i].bytes, size);
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "Name", usage->volumes[i].volume->name);
		json_write_unsigned(&writer, "Links", usage->volumes[i].links);
		json_write_string(&writer, "Size", size);
		json_close(&writer);
	}
	json_close(&writer);
	puts("\nLocal Volumes space usage:\n");
	return output_rows(&(struct output){.columns = columns}, &rows);
}

static int run(struct invocation *invocation)
{
	const struct df_options *options = options_of(invocation, df_options);
	autofini(store_fini) struct store store = STORE_NONE;
	struct usage usage = {};
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = usage_measure(invocation, &store, &usage);
	if (r < 0)
		return r;
	if (!options->verbose || options->format)
		return print_totals(invocation, &usage, options->format);
	r = print_images(invocation, &usage);
	if (r == 0)
		r = print_containers(invocation, &usage);
	return r == 0 ? print_volumes(&usage) : r;
}

const struct verb verb_system_df = {
	.name = "df",
	.summary = "show what takes how much of the disk",
	.arguments = "",
	.failure_status = 125,
	verb_options(df_options),
	.run = run,
	.description = "Counts what is really on the disk, shared layers once: blobs as they were "
		       "pulled and the layers unpacked from them.",
};
