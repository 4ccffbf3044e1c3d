// SPDX-License-Identifier: Apache-2.0

/* `rung secret ls`: which secrets there are. */

#include "verbs/volume/common.h"

#include "cli/moment.h"

#include <stdio.h>

struct secret_ls_options {
	struct option_list filters;
	const char *format;
	bool quiet, no_heading;
};

static const struct option secret_ls_options[] = {
	{"-f, --filter=KEY=VALUE", "only these: name, id, label",
		list_in(secret_ls_options, filters)},
	{"--format=FORMAT", "table, json, or a template", text_in(secret_ls_options, format)},
	{"-q, --quiet", "ids alone", flag_in(secret_ls_options, quiet)},
	{"-n, --noheading", "no heading", flag_in(secret_ls_options, no_heading)},
	{},
};

static int fits(const struct secret *secret, const struct plan_key_value *filters, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool fit = false;
		if (text_equal(filters[i].key, "name"))
			fit = strstr(secret->name, filters[i].value);
		else if (text_equal(filters[i].key, "id"))
			fit = text_starts(secret->id, filters[i].value);
		else if (text_equal(filters[i].key, "label"))
			fit = volume_has_label(
				secret->labels, secret->label_count, filters[i].value);
		else
			return refuse(
				-EINVAL, "--filter %s: known are name, id, label", filters[i].key);
		if (!fit)
			return 0;
	}
	return 1;
}

static const char *age(const char *moment, struct arena *arena)
{
	char ago[UNITS_TEXT_MAX];
	int64_t then;
	if (moment_of_text(moment, &then) < 0)
		return "";
	moment_ago(then, moment_now(), ago);
	return arena_strdup(arena, ago);
}

static void write_row(const struct secret *secret, struct arena *arena, struct json_writer *writer)
{
	json_open(writer, NULL, '{');
	json_write_string(writer, "ID", secret->id);
	json_write_string(writer, "Name", secret->name);
	json_write_string(writer, "Driver", secret->driver);
	json_write_string(writer, "CreatedAt", age(secret->created, arena));
	json_write_string(writer, "UpdatedAt", age(secret->updated, arena));
	json_write_string(
		writer, "Labels", volume_join_pairs(secret->labels, secret->label_count, arena));
	json_close(writer);
}

static int run(struct invocation *invocation)
{
	static const struct output_column columns[] = {{"ID"}, {"Name"}, {"Driver"},
		{"CreatedAt", "CREATED"}, {"UpdatedAt", "UPDATED"}, {}};
	const struct secret_ls_options *options = options_of(invocation, secret_ls_options);
	struct arena *arena = invocation->arena;
	struct plan_key_value *filters = NULL;
	size_t filter_count = 0, count = 0;
	struct secret *secrets = NULL;
	int r = volume_pairs("--filter", &options->filters, arena, &filters, &filter_count);
	if (r == 0)
		r = secret_list(places_data(arena), arena, &secrets, &count);
	if (r < 0)
		return r;
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		r = fits(&secrets[i], filters, filter_count);
		if (r < 0)
			return r;
		if (r > 0 && options->quiet)
			puts(secrets[i].id);
		else if (r > 0)
			write_row(&secrets[i], arena, &writer);
	}
	json_close(&writer);
	if (options->quiet)
		return 0;
	return output_rows(&(struct output){.columns = columns,
				   .format = options->format,
				   .no_heading = options->no_heading},
		&rows);
}

const struct verb verb_secret_ls = {
	.name = "ls",
	.aliases = "list",
	.summary = "list secrets",
	verb_options(secret_ls_options),
	.description = "Lists the secrets by name, without what they hold.",
	.run = run,
};
