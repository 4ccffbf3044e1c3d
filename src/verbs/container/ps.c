// SPDX-License-Identifier: Apache-2.0

/*
 * `rung ps`: which containers there are. Choosing and sorting happen on the instances, which come
 * from two small files each; rows are written only for those that are shown.
 */

#include "verbs/container/ps.h"

#include "base/error.h"
#include "base/scope.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "verbs/container/filter.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum ps_sort {
	SORT_CREATED,
	SORT_COMMAND,
	SORT_ID,
	SORT_IMAGE,
	SORT_NAMES,
	SORT_RUNNINGFOR,
	SORT_SIZE,
	SORT_STATUS,
};

struct ps_options {
	bool all, latest, no_trunc, quiet, size, no_heading, external, namespaces, pod, sync;
	struct option_list filters;
	const char *format;
	int last;
	unsigned watch_s;
	enum ps_sort sort;
};

static const struct option ps_options[] = {
	{"-a, --all", "also those that do not run", flag_in(ps_options, all)},
	{"-f, --filter=KEY=VALUE", "only these: status, name, label, ancestor, …",
		list_in(ps_options, filters)},
	{"--format=FORMAT", "table, json, or a template", text_in(ps_options, format)},
	{"-n, --last=NUMBER", "only the last ones created, whatever they do",
		integer_in(ps_options, last)},
	{"-l, --latest", "only the last one created", flag_in(ps_options, latest)},
	{"--no-trunc", "whole ids and commands", flag_in(ps_options, no_trunc)},
	{"--noheading", "no heading", flag_in(ps_options, no_heading)},
	{"--ns, --namespace", "show their namespaces", flag_in(ps_options, namespaces)},
	{"-p, --pod", "show their pods", flag_in(ps_options, pod)},
	{"-q, --quiet", "ids alone", flag_in(ps_options, quiet)},
	{"-s, --size", "show how much they changed", flag_in(ps_options, size)},
	{"--sort=created|command|id|image|names|runningfor|size|status", "in which order",
		choice_in(ps_options, sort)},
	{"-w, --watch=SECONDS", "show it again and again", integer_in(ps_options, watch_s)},
	{"--external", "", flag_in(ps_options, external), .hidden = true},
	{"--sync", "", flag_in(ps_options, sync), .hidden = true},
	{},
};

/* ---- which, and in which order -------------------------------------------------------- */

static bool shows_all(const struct ps_options *options, const struct instance_filters *filters)
{
	return options->all || options->latest || options->last >= 0 ||
	       instance_filters_hold(filters, "status") || instance_filters_hold(filters, "exited");
}

static size_t choose(const struct ps_options *options, const struct instance_filters *filters,
	struct arena *arena, struct instance *instances, size_t count)
{
	size_t kept = 0;
	bool all = shows_all(options, filters);
	for (size_t i = 0; i < count; i++) {
		const struct instance *instance = &instances[i];
		/* A container that its policy restarts counts as running. */
		if (!all && !instance_is_alive(instance) &&
			instance->state.status != INSTANCE_RESTARTING)
			continue;
		if (instance_fits(instance, filters, arena))
			instances[kept++] = *instance;
	}
	return kept;
}

/* Oldest first, as they are listed, becomes newest first: Docker's order. */
static void reverse(struct instance *instances, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct instance other = instances[i];
		instances[i] = instances[count - 1 - i];
		instances[count - 1 - i] = other;
	}
}

struct order {
	enum ps_sort sort;
	struct arena *arena;
};

static int compare_words(const struct strings *a, const struct strings *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		int order = strcmp(a->items[i], b->items[i]);
		if (order)
			return order;
	}
	return (a->count > b->count) - (a->count < b->count);
}

static int compare(const void *left, const void *right, void *context)
{
	const struct order *order = context;
	const struct instance *a = left, *b = right;
	uint64_t a_bytes, b_bytes;
	switch (order->sort) {
	case SORT_COMMAND:
		return compare_words(&a->command, &b->command);
	case SORT_ID:
		return strcmp(a->id, b->id);
	case SORT_IMAGE:
		return strcmp(a->image_name, b->image_name);
	case SORT_NAMES:
		return strcmp(a->name, b->name);
	case SORT_STATUS:
		return strcmp(instance_status_name(a->state.status),
			instance_status_name(b->state.status));
	case SORT_SIZE:
		a_bytes = container_layer_bytes(a, order->arena);
		b_bytes = container_layer_bytes(b, order->arena);
		return (a_bytes > b_bytes) - (a_bytes < b_bytes);
	default:
		return strcmp(a->created, b->created);
	}
}

/* qsort_r(3) is not in every C library; lists are short and mostly sorted. */
static void sort(const struct order *order, struct instance *instances, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct instance moved = instances[i];
		size_t at = i;
		for (; at > 0 && compare(&instances[at - 1], &moved, (void *)order) > 0; at--)
			instances[at] = instances[at - 1];
		instances[at] = moved;
	}
}

/* ---- showing ------------------------------------------------------------------------------ */

static void choose_columns(const struct ps_options *options, struct output_column columns[16])
{
	static const struct output_column usual[] = {{"ID", "CONTAINER ID"}, {"Image"},
		{"Command", .shrinks = true}, {"RunningFor", "CREATED"}, {"Status"}, {"Ports"},
		{"Names"}};
	static const struct output_column namespaces[] = {{"ID", "CONTAINER ID"}, {"Names"},
		{"Pid"}, {"CGROUPNS"}, {"IPC"}, {"MNT"}, {"NET"}, {"PIDNS"}, {"USERNS"}, {"UTS"}};
	size_t count = options->namespaces ? array_length(namespaces) : array_length(usual);
	memcpy(columns, options->namespaces ? namespaces : usual, count * sizeof(*columns));
	if (options->pod) {
		columns[count++] = (struct output_column){"Pod", "POD ID"};
		columns[count++] = (struct output_column){"PodName", "PODNAME"};
	}
	if (options->size)
		columns[count++] = (struct output_column){"Size"};
	columns[count] = (struct output_column){};
}

/* Fields that a person may ask for without being in the usual table have Docker's headings. */
static void hide_rest(struct output_column columns[24])
{
	static const struct output_column rest[] = {{"CreatedAt", "CREATED AT", true},
		{"LocalVolumes", "LOCAL VOLUMES", true}, {"ImageID", "IMAGE ID", true},
		{"RunningFor", "CREATED", true}};
	size_t count = 0;
	while (columns[count].field[0])
		count++;
	memcpy(columns + count, rest, sizeof(rest));
	columns[count + array_length(rest)] = (struct output_column){};
}

static int show_ids(
	const struct ps_options *options, const struct instance *instances, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%.*s\n", options->no_trunc ? 64 : 12, instances[i].id);
	return 0;
}

static bool asks_size(const struct ps_options *options)
{
	return options->size || (options->format && strstr(options->format, ".Size"));
}

static int show_rows(struct invocation *invocation, const struct ps_options *options,
	const struct instance *instances, size_t count)
{
	const struct ps_manner how = {
		.manner = manner_of(invocation),
		.json = options->format && text_equal(options->format, "json"),
		.no_trunc = options->no_trunc,
		.size = asks_size(options),
		.namespaces =
			options->namespaces || (options->format && strstr(options->format, "NS")),
		.now_ns = moment_now(),
	};
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++)
		ps_row_write(&instances[i], &how, invocation->arena, &writer);
	json_close(&writer);
	if (how.json && how.manner == MANNER_PODMAN)
		return output_thing("", &rows);
	struct output_column columns[24] = {};
	choose_columns(options, columns);
	hide_rest(columns);
	const struct output output = {.columns = columns,
		.format = options->format,
		.no_heading = options->no_heading,
		.no_trunc = options->no_trunc};
	return output_rows(&output, &rows);
}

static int show(struct invocation *invocation, const struct ps_options *options,
	const struct instance_filters *filters)
{
	struct arena *arena = invocation->arena;
	struct instance *instances;
	size_t count;
	int r = instance_list(arena, &instances, &count);
	if (r < 0)
		return r;
	count = choose(options, filters, arena, instances, count);
	size_t most = options->latest ? 1 : options->last >= 0 ? (size_t)options->last : count;
	if (count > most) { /* the newest */
		instances += count - most;
		count = most;
	}
	/* Newest first, unless an order was asked for, which then is Podman's. */
	if (option_given(invocation, &options->sort) || manner_of(invocation) == MANNER_PODMAN)
		sort(&(struct order){options->sort, arena}, instances, count);
	else
		reverse(instances, count);
	if (options->quiet)
		return show_ids(options, instances, count);
	return show_rows(invocation, options, instances, count);
}

static int watch(struct invocation *invocation, const struct ps_options *options,
	const struct instance_filters *filters)
{
	for (;;) {
		autofini(arena_fini) struct arena arena = {};
		struct invocation turn = *invocation;
		turn.arena = &arena;
		fputs("\033[H\033[2J", stdout); /* to the corner, and clear */
		int r = show(&turn, options, filters);
		if (r < 0 || fflush(stdout) < 0)
			return r;
		(void)nanosleep(&(struct timespec){.tv_sec = options->watch_s}, NULL);
	}
}

static int run(struct invocation *invocation)
{
	const struct ps_options *options = options_of(invocation, ps_options);
	if (options->quiet && (options->size || options->namespaces))
		return usage_error(
			invocation, "--quiet shows ids alone, without sizes or namespaces");
	if (options->latest && options->last >= 0)
		return usage_error(invocation, "--latest and --last exclude each other");
	autofini(instance_filters_fini) struct instance_filters filters = {};
	int r = instance_filters_read(&options->filters, invocation->arena, &filters);
	if (r < 0)
		return r;
	return options->watch_s ? watch(invocation, options, &filters)
				: show(invocation, options, &filters);
}

const struct verb verb_ps = {
	.name = "ps",
	.aliases = "ls,list",
	.summary = "list containers",
	verb_options(ps_options),
	.defaults = &(const struct ps_options){.last = -1},
	.description =
		"Lists the containers that run, newest first; with --all the others too. Filters "
		"are KEY=VALUE: id, name and command (regular expressions), label, status, "
		"exited (the status it ended with), ancestor (an image), before, since "
		"(containers), until (a time), volume, network, pod, health, restart-policy, "
		"publish, isolation. Values of one key are alternatives, different keys must all "
		"fit, and so must several labels.",
	.examples = "What failed\n"
		    "$ rung ps -f status=exited -f exited=1\n"
		    "Names and states\n"
		    "$ rung ps -a --format '{{.Names}}: {{.Status}}'\n"
		    "A table of one's own\n"
		    "$ rung ps --format 'table {{.ID}}\\t{{.Image}}\\t{{.Label \"role\"}}'\n",
	.run = run,
};
