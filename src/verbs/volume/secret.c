// SPDX-License-Identifier: Apache-2.0

/* `rung secret inspect`, `rm` and `exists`. */

#include "verbs/volume/common.h"

#include "verbs/container/several.h"

#include <stdio.h>

/* ---- inspect ---------------------------------------------------------------------------- */

struct secret_inspect_options {
	const char *format;
	bool pretty, show;
};

static const struct option secret_inspect_options[] = {
	{"-f, --format=FORMAT", "json, or a template", text_in(secret_inspect_options, format)},
	{"--pretty", "for people", flag_in(secret_inspect_options, pretty)},
	{"--showsecret", "and what it holds", flag_in(secret_inspect_options, show)},
	{},
};

static int write_secret(
	const struct secret *secret, bool show, struct arena *arena, struct json_writer *writer)
{
	const char *bytes = NULL;
	size_t size;
	int r = show ? secret_bytes(secret, arena, &bytes, &size) : 0;
	if (r < 0)
		return r;
	json_open(writer, NULL, '{');
	json_write_string(writer, "ID", secret->id);
	json_write_string(writer, "CreatedAt", secret->created);
	json_write_string(writer, "UpdatedAt", secret->updated);
	json_open(writer, "Spec", '{');
	json_write_string(writer, "Name", secret->name);
	json_open(writer, "Driver", '{');
	json_write_string(writer, "Name", secret->driver);
	volume_write_pairs(writer, "Options", secret->options, secret->option_count);
	json_close(writer);
	volume_write_pairs(writer, "Labels", secret->labels, secret->label_count);
	json_close(writer);
	if (show)
		json_write_string(writer, "SecretData", bytes);
	json_close(writer);
	return 0;
}

static void show_pretty(const struct secret *secret)
{
	printf("ID:                %s\nName:              %s\nDriver:            %s\n"
	       "Created at:        %s\nUpdated at:        %s\n",
		secret->id, secret->name, secret->driver, secret->created, secret->updated);
	for (size_t i = 0; i < secret->label_count; i++)
		printf("Label:             %s=%s\n", secret->labels[i].key,
			secret->labels[i].value);
}

static int show_one(
	const struct invocation *invocation, const char *name, struct json_writer *writer)
{
	const struct secret_inspect_options *options =
		options_of(invocation, secret_inspect_options);
	struct secret secret;
	int r = secret_find(places_data(invocation->arena), name, invocation->arena, &secret);
	if (r < 0)
		return r;
	if (options->pretty)
		show_pretty(&secret);
	else if (text_empty(options->format))
		return write_secret(&secret, options->show, invocation->arena, writer);
	else {
		autofini(text_fini) struct text one = {};
		struct json_writer single = {.out = &one, .compact = true};
		r = write_secret(&secret, options->show, invocation->arena, &single);
		return r < 0 ? r : output_thing(options->format, &one);
	}
	return 0;
}

static int inspect(struct invocation *invocation)
{
	const struct secret_inspect_options *options =
		options_of(invocation, secret_inspect_options);
	if (options->pretty && options->format)
		return usage_error(invocation, "--pretty and --format exclude each other");
	autofini(text_fini) struct text all = {};
	struct json_writer writer = {.out = &all, .compact = true};
	int status = 0;
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < invocation->argument_count; i++)
		if (show_one(invocation, invocation->arguments[i], &writer) < 0) {
			tell_failure(invocation);
			status = 125;
		}
	json_close(&writer);
	if (options->pretty || options->format)
		return status;
	int r = output_thing(NULL, &all);
	return r < 0 ? r : status;
}

const struct verb verb_secret_inspect = {
	.name = "inspect",
	.summary = "show what is known of secrets",
	.arguments = "SECRET...",
	verb_options(secret_inspect_options),
	.description = "Shows secrets as JSON, without what they hold unless --showsecret is "
		       "given; or what a template makes of each.",
	.run = inspect,
};

/* ---- rm, exists --------------------------------------------------------------------------- */

struct secret_rm_options {
	bool all, ignore;
};

static const struct option secret_rm_options[] = {
	{"-a, --all", "all secrets", flag_in(secret_rm_options, all)},
	{"-i, --ignore", "a secret that does not exist is no mistake",
		flag_in(secret_rm_options, ignore)},
	{},
};

static int remove_one(struct arena *arena, const struct secret *secret)
{
	int r = secret_remove(places_data(arena), secret);
	if (r < 0)
		return r;
	event_write("secret", "remove", secret->id, secret->name, NULL, 0);
	puts(secret->id);
	return 0;
}

static int run_rm(struct invocation *invocation)
{
	const struct secret_rm_options *options = options_of(invocation, secret_rm_options);
	struct arena *arena = invocation->arena;
	struct secret *secrets, secret;
	size_t count;
	int status = 0;
	if (options->all == (invocation->argument_count > 0))
		return usage_error(invocation, "name secrets, or say --all");
	int r = options->all ? secret_list(places_data(arena), arena, &secrets, &count) : 0;
	for (size_t i = 0; r == 0 && options->all && i < count; i++)
		r = remove_one(arena, &secrets[i]);
	for (size_t i = 0; r == 0 && i < invocation->argument_count; i++) {
		int one = secret_find(places_data(arena), invocation->arguments[i], arena, &secret);
		if (one == 0)
			one = remove_one(arena, &secret);
		if (one == -ENOENT && options->ignore)
			error_clear();
		else if (one < 0) {
			tell_failure(invocation);
			status = 125;
		}
	}
	return r < 0 ? r : status;
}

const struct verb verb_secret_rm = {
	.name = "rm",
	.aliases = "remove",
	.summary = "remove secrets",
	.arguments = "[SECRET...]",
	verb_options(secret_rm_options),
	.description = "Removes secrets and prints their ids. Containers that were given one "
		       "cannot be started again until there is one of that name.",
	.run = run_rm,
};

static int exists(struct invocation *invocation)
{
	struct secret secret;
	int r = secret_find(places_data(invocation->arena), invocation->arguments[0],
		invocation->arena, &secret);
	if (r < 0 && r != -ENOENT)
		return r;
	error_clear();
	return r == 0 ? 0 : 1;
}

const struct verb verb_secret_exists = {
	.name = "exists",
	.summary = "ask whether there is a secret of that name",
	.arguments = "SECRET",
	.description = "The status is 0 if there is, 1 if not.",
	.run = exists,
};
