// SPDX-License-Identifier: Apache-2.0

/* `rung volume ls`: which volumes there are. */

#include "verbs/volume/common.h"

#include <stdio.h>

struct volume_ls_options {
	struct option_list filters;
	const char *format;
	bool quiet, no_heading;
};

static const struct option volume_ls_options[] = {
	{"-f, --filter=KEY=VALUE", "only these: name, label, driver, dangling, …",
		list_in(volume_ls_options, filters)},
	{"--format=FORMAT", "table, json, or a template", text_in(volume_ls_options, format)},
	{"-q, --quiet", "names alone", flag_in(volume_ls_options, quiet)},
	{"-n, --noheading", "no heading", flag_in(volume_ls_options, no_heading)},
	{},
};

static void write_row(const struct invocation *invocation, const struct volume *volume,
	struct json_writer *writer)
{
	json_open(writer, NULL, '{');
	json_write_string(writer, "Name", volume->name);
	json_write_string(writer, "Driver", volume->driver);
	json_write_string(writer, "Scope", "local");
	json_write_string(writer, "Mountpoint", volume->mountpoint);
	json_write_string(writer, "CreatedAt", volume->created);
	if (manner_of(invocation) == MANNER_PODMAN)
		volume_write_pairs(writer, "Labels", volume->labels, volume->label_count);
	else
		json_write_string(writer, "Labels",
			volume_join_pairs(volume->labels, volume->label_count, invocation->arena));
	volume_write_pairs(writer, "Options", volume->options, volume->option_count);
	json_write_bool(writer, "Anonymous", volume->anonymous);
	json_write_string(writer, "Links", "N/A");
	json_write_string(writer, "Size", "N/A");
	json_close(writer);
}

static int run(struct invocation *invocation)
{
	static const struct output_column columns[] = {
		{"Driver"}, {"Name", "VOLUME NAME"}, {"Mountpoint", .hidden = true}, {}};
	const struct volume_ls_options *options = options_of(invocation, volume_ls_options);
	struct arena *arena = invocation->arena;
	struct volume_filters filters;
	struct volume *volumes = NULL;
	size_t count = 0;
	int r = volume_filters_read(&options->filters, arena, &filters);
	if (r == 0)
		r = volume_list(places_data(arena), arena, &volumes, &count);
	if (r < 0)
		return r;
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		r = volume_fits(&volumes[i], &filters, arena);
		if (r < 0)
			return r;
		if (r > 0 && options->quiet)
			puts(volumes[i].name);
		else if (r > 0)
			write_row(invocation, &volumes[i], &writer);
	}
	json_close(&writer);
	if (options->quiet)
		return 0;
	if (options->format && text_equal(options->format, "json") &&
		manner_of(invocation) == MANNER_PODMAN)
		return output_thing("", &rows);
	return output_rows(&(struct output){.columns = columns,
				   .format = options->format,
				   .no_heading = options->no_heading},
		&rows);
}

const struct verb verb_volume_ls = {
	.name = "ls",
	.aliases = "list",
	.summary = "list volumes",
	verb_options(volume_ls_options),
	.description = "Lists the volumes by name. Filters are KEY=VALUE: name (a part of it), "
		       "label, driver, dangling (true: no container has it), opt, until (a time), "
		       "since (a volume). Values of one key are alternatives, different keys must "
		       "all fit, and so must several labels.",
	.examples = "What nobody uses\n"
		    "$ rung volume ls -qf dangling=true\n",
	.run = run,
};
