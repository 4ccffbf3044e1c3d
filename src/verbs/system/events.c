// SPDX-License-Identifier: Apache-2.0

/*
 * `rung events`: what happens, as it happens, or what happened between two moments. A row has the
 * fields of Docker's events and those of Podman's; each tool's words work in --format.
 */

#include "base/error.h"
#include "base/scope.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "engine/event/event.h"
#include "plan/json_write.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <stdio.h>

struct events_options {
	struct option_list filters;
	const char *format, *since, *until;
	bool stream, no_trunc;
};

enum { BILLION = 1000000000 };

static const struct option events_options[] = {
	{"-f, --filter=KEY=VALUE", "only these: container, image, volume, pod, event, type, label",
		list_in(events_options, filters)},
	{"--format=FORMAT", "json, or a template", text_in(events_options, format)},
	{"--since=TIME", "begin with what happened since", text_in(events_options, since)},
	{"--until=TIME", "end then", text_in(events_options, until)},
	{"--stream", "wait for what comes", flag_in(events_options, stream)},
	{"--no-trunc", "whole ids", flag_in(events_options, no_trunc)},
	{},
};

/* ---- one event ---------------------------------------------------------------------- */

struct showing {
	const struct invocation *invocation;
	const struct events_options *options;
	enum manner manner;
};

static void write_attributes(struct json_writer *writer, const char *key, const struct event *event)
{
	json_open(writer, key, '{');
	for (size_t i = 0; i < event->attribute_count; i++)
		json_write_string(writer, event->attributes[i].key, event->attributes[i].value);
	json_write_string(writer, "name", event->name);
	json_close(writer);
}

static const char *attribute(const struct event *event, const char *key)
{
	const char *value = event_attribute(event, key);
	return value ? value : "";
}

/* "health_status: healthy": Podman has the second half as a field of its own. */
static const char *health(const struct event *event)
{
	const char *colon = strstr(event->action, ": ");
	return text_starts(event->action, "health_status") && colon ? colon + 2 : "";
}

static const char *podman_action(const struct event *event)
{
	static const char words[][2][16] = {
		{"die", "died"}, {"destroy", "remove"}, {"exec_die", "exec_died"}};
	if (text_starts(event->action, "health_status"))
		return "health_status";
	for (size_t i = 0; i < array_length(words); i++)
		if (text_equal(event->action, words[i][0]))
			return words[i][1];
	return event->action;
}

/* What Docker prints as JSON. Its readers take names of members without regard to case. */
static void write_docker_members(struct json_writer *writer, const struct event *event)
{
	json_write_string(writer, "status", event->action);
	json_write_string(writer, "id", event->id);
	json_write_string(writer, "from", attribute(event, "image"));
	json_write_string(writer, "Type", event->type);
	json_write_string(writer, "Action", event->action);
	json_open(writer, "Actor", '{');
	json_write_string(writer, "ID", event->id);
	write_attributes(writer, "Attributes", event);
	json_close(writer);
	json_write_string(writer, "scope", "local");
	json_write_signed(writer, "time", event->time_ns / BILLION);
	json_write_signed(writer, "timeNano", event->time_ns);
}

static void write_podman_members(struct json_writer *writer, const struct event *event)
{
	char time[MOMENT_TEXT_MAX];
	moment_rfc3339(event->time_ns, time);
	json_write_string(writer, "ID", event->id);
	json_write_string(writer, "Image", attribute(event, "image"));
	json_write_string(writer, "Name", event->name);
	json_write_string(writer, "Status", podman_action(event));
	json_write_string(writer, "Time", time);
	json_write_string(writer, "Type", event->type);
	if (health(event)[0])
		json_write_string(writer, "health_status", health(event));
	write_attributes(writer, "Attributes", event);
}

/* For templates: the fields of both. */
static void write_template_members(
	struct json_writer *writer, const struct event *event, enum manner manner)
{
	char time[MOMENT_TEXT_MAX];
	moment_local(event->time_ns, true, time);
	json_write_string(writer, "Type", event->type);
	json_write_string(writer, "Action", event->action);
	json_open(writer, "Actor", '{');
	json_write_string(writer, "ID", event->id);
	write_attributes(writer, "Attributes", event);
	json_close(writer);
	json_write_string(writer, "Scope", "local");
	if (manner == MANNER_PODMAN)
		json_write_string(writer, "Time", time);
	else
		json_write_signed(writer, "Time", event->time_ns / BILLION);
	json_write_signed(writer, "TimeNano", event->time_ns);
	json_write_string(writer, "ID", event->id);
	json_write_string(writer, "Name", event->name);
	json_write_string(
		writer, "Status", manner == MANNER_PODMAN ? podman_action(event) : event->action);
	json_write_string(writer, "Image", attribute(event, "image"));
	json_write_string(writer, "From", attribute(event, "image"));
	json_write_string(writer, "Network", attribute(event, "network"));
	json_write_string(writer, "HealthStatus", health(event));
	json_write_string(writer, "ContainerExitCode", attribute(event, "exitCode"));
	write_attributes(writer, "Attributes", event);
}

static void write_event(const struct event *event, const struct showing *showing, struct text *out)
{
	struct json_writer writer = {.out = out, .compact = true};
	json_open(&writer, NULL, '[');
	json_open(&writer, NULL, '{');
	if (!text_equal(showing->options->format, "json"))
		write_template_members(&writer, event, showing->manner);
	else if (showing->manner == MANNER_PODMAN)
		write_podman_members(&writer, event);
	else
		write_docker_members(&writer, event);
	json_close(&writer);
	json_close(&writer);
}

/* Docker's line: TIME TYPE ACTION ID (KEY=VALUE, …); Podman's differs in the time and image. */
static void write_line(const struct event *event, const struct showing *showing, struct text *out)
{
	bool podman = showing->manner == MANNER_PODMAN;
	char time[MOMENT_TEXT_MAX];
	if (podman)
		moment_local(event->time_ns, true, time);
	else
		moment_rfc3339(event->time_ns, time);
	bool whole = option_given(showing->invocation, &showing->options->no_trunc)
			     ? showing->options->no_trunc
			     : !podman || showing->options->no_trunc;
	const char *id = event->id;
	if (!whole && text_starts(id, "sha256:"))
		id += strlen("sha256:");
	text_format(out, "%s %s %s %.*s (", time, event->type,
		podman ? podman_action(event) : event->action, whole ? 80 : 12, id);
	if (podman && !event_attribute(event, "image"))
		text_add(out, "image=, ");
	for (size_t i = 0; i < event->attribute_count; i++)
		text_format(out, "%s=%s, ", event->attributes[i].key, event->attributes[i].value);
	text_format(out, "name=%s)\n", event->name);
}

/* A name from outside must not steer the person's terminal. */
static void tame(struct text *line)
{
	for (size_t i = 0; i + 1 < line->length; i++)
		if ((unsigned char)line->bytes[i] < ' ' || line->bytes[i] == 0x7f)
			line->bytes[i] = '?';
}

static int show(const struct event *event, void *context)
{
	const struct showing *showing = context;
	autofini(text_fini) struct text text = {};
	int r = 0;
	if (showing->options->format) {
		write_event(event, showing, &text);
		const struct output output = {.columns = (const struct output_column[]){{}},
			.format = showing->options->format};
		r = output_rows(&output, &text);
	} else {
		write_line(event, showing, &text);
		tame(&text);
		fputs(text_get(&text), stdout);
	}
	if (r == 0 && fflush(stdout) < 0)
		return fail(-errno, "write the event");
	return r;
}

/* ---- what is wanted ----------------------------------------------------------------------- */

static int read_moment(const char *option, const char *text, int64_t *ret_ns)
{
	if (!text)
		return 0;
	if (moment_parse(text, moment_now(), ret_ns) < 0)
		return refuse(-EINVAL, "%s %s: not a time; say 2026-01-31T12:00:00, 10m or seconds",
			option, text);
	return 0;
}

static int read_filters(
	struct arena *arena, const struct option_list *words, struct event_query *query)
{
	struct plan_key_value *filters = arena_new(arena, struct plan_key_value, words->count + 1);
	for (size_t i = 0; i < words->count; i++) {
		const char *equals = strchr(words->words[i], '=');
		if (!equals)
			return refuse(-EINVAL, "--filter %s: say KEY=VALUE", words->words[i]);
		filters[i].key =
			arena_strndup(arena, words->words[i], (size_t)(equals - words->words[i]));
		filters[i].value = equals + 1;
	}
	query->filters = filters;
	query->filter_count = words->count;
	return 0;
}

static int run(struct invocation *invocation)
{
	struct events_options *options = options_of(invocation, events_options);
	struct event_query query = {.until_ns = INT64_MAX};
	query.now = !options->since && !options->until;
	int r = read_moment("--since", options->since, &query.since_ns);
	if (r == 0)
		r = read_moment("--until", options->until, &query.until_ns);
	if (r == 0)
		r = read_filters(invocation->arena, &options->filters, &query);
	if (r < 0)
		return r;
	query.follow = options->stream;
	query.now = query.now && options->stream;
	struct showing showing = {invocation, options, manner_of(invocation)};
	return event_read(&query, show, &showing);
}

const struct verb verb_events = {
	.name = "events",
	.summary = "show what happens to containers, images and volumes",
	verb_options(events_options),
	.defaults = &(const struct events_options){.stream = true},
	.description =
		"Shows each event as it happens, until it is interrupted. With --since what "
		"happened since then comes first, with --until it ends at that time; a time that "
		"has passed ends it at once, and --stream=false when all is shown.\n\n"
		"Values of one kind of filter are alternatives, different kinds must all fit, and "
		"so must several labels.",
	.examples = "What happened in the last ten minutes\n"
		    "$ rung events --since 10m --stream=false\n"
		    "Which containers end, and how\n"
		    "$ rung events -f event=die --format '{{json .Actor.Attributes}}'\n",
	.run = run,
};
