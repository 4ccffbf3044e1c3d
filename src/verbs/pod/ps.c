// SPDX-License-Identifier: Apache-2.0

/* `rung pod ps` and `rung pod inspect`. */

#include "base/error.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "plan/json_write.h"
#include "verbs/container/several.h"
#include "verbs/pod/common.h"

#include <stdio.h>

struct pod_ps_options {
	const char *format;
	bool quiet, no_trunc, no_heading, containers, names, statuses;
	struct option_list filters;
};

static const struct option pod_ps_options[] = {
	{"-q, --quiet", "ids alone", flag_in(pod_ps_options, quiet)},
	{"--format=FORMAT", "table, json, or a template", text_in(pod_ps_options, format)},
	{"--no-trunc", "whole ids", flag_in(pod_ps_options, no_trunc)},
	{"-n, --noheading", "no heading", flag_in(pod_ps_options, no_heading)},
	{"-f, --filter=KEY=VALUE", "only these: name, id, status, label",
		list_in(pod_ps_options, filters)},
	{},
};

static bool has_label(const struct pod *pod, const char *wanted)
{
	size_t length = strcspn(wanted, "=");
	for (size_t i = 0; i < pod->label_count; i++)
		if (strlen(pod->labels[i].key) == length &&
			strncmp(pod->labels[i].key, wanted, length) == 0 &&
			(!wanted[length] || text_equal(pod->labels[i].value, wanted + length + 1)))
			return true;
	return false;
}

static int fits(const struct pod *pod, const char *status, const struct option_list *filters)
{
	for (size_t i = 0; i < filters->count; i++) {
		const char *word = filters->words[i], *value = strchr(word, '=');
		bool good = false;
		if (value && text_starts(word, "name="))
			good = strstr(pod->name, value + 1);
		else if (value && text_starts(word, "id="))
			good = text_starts(pod->id, value + 1);
		else if (value && text_starts(word, "status="))
			good = strcasecmp(status, value + 1) == 0;
		else if (value && text_starts(word, "label="))
			good = has_label(pod, value + 1);
		else
			return refuse(-EINVAL, "--filter %s: there is no such filter", word);
		if (!good)
			return 0;
	}
	return 1;
}

static void write_labels(const struct pod *pod, struct json_writer *writer)
{
	json_open(writer, "Labels", '{');
	for (size_t i = 0; i < pod->label_count; i++)
		json_write_string(writer, pod->labels[i].key, pod->labels[i].value);
	json_close(writer);
}

static void write_members(const struct instance *members, size_t count, struct json_writer *writer)
{
	json_open(writer, "Containers", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(writer, NULL, '{');
		json_write_string(writer, "Id", members[i].id);
		json_write_string(writer, "Name", members[i].name);
		json_write_string(writer, "State", instance_status_name(members[i].state.status));
		json_close(writer);
	}
	json_close(writer);
}

static const char *short_id(const char *id, bool whole, struct arena *arena)
{
	return whole ? id : arena_strndup(arena, id, strnlen(id, 12));
}

/* "2 minutes ago" for people, the moment for programs. */
static const char *created_word(
	const struct pod *pod, const struct pod_ps_options *options, struct arena *arena)
{
	int64_t ns;
	char ago[UNITS_TEXT_MAX];
	bool json = options->format && text_equal(options->format, "json");
	if (json || moment_of_text(pod->created, &ns) < 0)
		return pod->created;
	moment_ago(ns, moment_now(), ago);
	return arena_strdup(arena, ago);
}

static int write_row(const struct pod *pod, const struct pod_ps_options *options,
	struct arena *arena, struct json_writer *writer)
{
	struct instance *members;
	size_t count;
	int r = pod_members(pod, arena, &members, &count);
	if (r < 0)
		return r;
	const char *status = pod_status_name(pod_status(members, count));
	r = fits(pod, status, &options->filters);
	if (r <= 0)
		return r;
	if (options->quiet) {
		puts(short_id(pod->id, options->no_trunc, arena));
		return 0;
	}
	json_open(writer, NULL, '{');
	json_write_string(writer, "Id", short_id(pod->id, options->no_trunc, arena));
	json_write_string(writer, "ID", short_id(pod->id, options->no_trunc, arena));
	json_write_string(writer, "Name", pod->name);
	json_write_string(writer, "Status", status);
	json_write_string(writer, "Created", created_word(pod, options, arena));
	json_write_string(writer, "InfraId", short_id(pod->infra, options->no_trunc, arena));
	json_write_unsigned(writer, "NumberOfContainers", count);
	write_labels(pod, writer);
	write_members(members, count, writer);
	json_close(writer);
	return 0;
}

static int run_ps(struct invocation *invocation)
{
	static const struct output_column columns[] = {{"Id", "POD ID"}, {"Name"}, {"Status"},
		{"Created"}, {"InfraId", "INFRA ID"}, {"NumberOfContainers", "# OF CONTAINERS"},
		{"ID", .hidden = true}, {"Labels", .hidden = true}, {"Containers", .hidden = true},
		{}};
	const struct pod_ps_options *options = options_of(invocation, pod_ps_options);
	struct pod *pods;
	size_t count;
	int r = pod_list(invocation->arena, &pods, &count);
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = count; r == 0 && i > 0; i--) /* newest first */
		r = write_row(&pods[i - 1], options, invocation->arena, &writer);
	json_close(&writer);
	if (r < 0 || options->quiet)
		return r;
	const struct output output = {
		.columns = columns, .format = options->format, .no_heading = options->no_heading};
	return output_rows(&output, &rows);
}

const struct verb verb_pod_ps = {
	.name = "ps",
	.aliases = "ls,list",
	.summary = "list pods",
	.arguments = "",
	verb_options(pod_ps_options),
	.description = "Lists all pods: whether their containers run, and how many there are.",
	.run = run_ps,
};

/* ---- inspect -------------------------------------------------------------------------------- */

struct pod_inspect_options {
	struct pods_wishes which;
	const char *format;
};

static const struct option pod_inspect_options[] = {
	{"-f, --format=FORMAT", "json, or a template", text_in(pod_inspect_options, format)},
	{"-l, --latest", "the one made last", flag_in(pod_inspect_options, which.latest)},
	{},
};

static int write_pod(const struct pod *pod, struct arena *arena, struct json_writer *writer)
{
	struct instance *members;
	size_t count;
	int r = pod_members(pod, arena, &members, &count);
	if (r < 0)
		return r;
	json_open(writer, NULL, '{');
	json_write_string(writer, "Id", pod->id);
	json_write_string(writer, "Name", pod->name);
	json_write_string(writer, "Created", pod->created);
	json_write_string(writer, "ExitPolicy", pod->exit_policy);
	json_write_string(writer, "State", pod_status_name(pod_status(members, count)));
	json_write_string(
		writer, "Hostname", text_empty(pod->hostname) ? pod->name : pod->hostname);
	write_labels(pod, writer);
	json_write_bool(writer, "CreateInfra", !text_empty(pod->infra));
	json_write_string(writer, "InfraContainerID", pod->infra);
	json_write_strings(writer, "SharedNamespaces", &pod->share);
	json_write_unsigned(writer, "NumContainers", count);
	write_members(members, count, writer);
	json_close(writer);
	return 0;
}

static int run_inspect(struct invocation *invocation)
{
	const struct pod_inspect_options *options = options_of(invocation, pod_inspect_options);
	struct pod *pods;
	size_t count;
	unsigned missing;
	int r = pods_find(invocation, &options->which, &pods, &count, &missing);
	for (size_t i = 0; r == 0 && i < count; i++) {
		autofini(text_fini) struct text thing = {};
		struct json_writer writer = {.out = &thing, .compact = true};
		r = write_pod(&pods[i], invocation->arena, &writer);
		if (r == 0)
			r = output_thing(options->format, &thing);
	}
	return r < 0 ? r : missing ? 125 : 0;
}

const struct verb verb_pod_inspect = {
	.name = "inspect",
	.summary = "show all that is known of pods",
	.arguments = "[POD...]",
	verb_options(pod_inspect_options),
	.description = "Prints a JSON object for each pod, or what --format makes of it.",
	.run = run_inspect,
};
