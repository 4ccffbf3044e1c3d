// SPDX-License-Identifier: Apache-2.0

/* `rung logs`: what containers have written, to the streams they wrote it to. */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "cli/moment.h"
#include "engine/instance/logs_follow.h"
#include "verbs/container/chosen.h"
#include "verbs/container/journal.h"
#include "verbs/verbs.h"

#include <fcntl.h>
#include <signal.h>

struct logs_options {
	bool follow, timestamps, names, details, latest, color;
	const char *since, *until, *tail;
};

static const struct option logs_options[] = {
	{"-f, --follow", "go on until the container has ended", flag_in(logs_options, follow)},
	{"-n, --tail=NUMBER", "only so many of the last lines", text_in(logs_options, tail),
		.fallback = "all"},
	{"--since=TIME", "only what was written after; 2026-11-23T18:01, 10m",
		text_in(logs_options, since)},
	{"--until=TIME", "only what was written before", text_in(logs_options, until)},
	{"-t, --timestamps", "show when each line was written", flag_in(logs_options, timestamps)},
	{"--names", "begin each line with the container's name", flag_in(logs_options, names)},
	{"--details", "show attributes of the log", flag_in(logs_options, details)},
	{"-l, --latest", "of the container made last", flag_in(logs_options, latest)},
	{"--color", "accepted, has no effect", flag_in(logs_options, color), .hidden = true},
	{},
};

/* ---- printing ---------------------------------------------------------------------------- */

struct printer {
	const struct logs_options *options;
	bool several;
	struct text out[2]; /* for 1 and 2 */
	bool inside[2];     /* of a line */
};

static int flush_stream(struct printer *printer, int stream)
{
	struct text *out = &printer->out[stream];
	int r = out->length ? fs_write_all(stream + 1, out->bytes, out->length) : 0;
	out->length = 0;
	return r < 0 ? fail(r, "write") : 0;
}

static int flush(void *context)
{
	struct printer *printer = context;
	int r = flush_stream(printer, 0);
	return r < 0 ? r : flush_stream(printer, 1);
}

static int print(const struct logs_source *source, const struct logs_record *record, void *context)
{
	struct printer *printer = context;
	int stream = record->error_stream;
	struct text *out = &printer->out[stream];
	if (!printer->inside[stream]) {
		if (printer->options->names)
			text_format(out, "%s ", source->instance.name);
		else if (printer->several)
			text_format(out, "%.12s ", source->instance.id);
		if (printer->options->timestamps)
			text_format(out, "%s ", record->time);
		if (printer->options->details && source->settings.tag)
			text_format(out, "tag=%s ", source->settings.tag);
	}
	text_add_bytes(out, record->bytes, record->length);
	if (!record->partial)
		text_add_bytes(out, "\n", 1);
	printer->inside[stream] = record->partial;
	/* On a terminal both streams are one: what was written first is shown first. */
	int r = flush_stream(printer, !stream);
	return r == 0 && out->length > 32768 ? flush_stream(printer, stream) : r;
}

/* ---- the question -------------------------------------------------------------------------- */

static int read_moment(const char *name, const char *word, struct arena *arena, int64_t *ret_ns,
	const char **ret_text)
{
	if (!word)
		return 0;
	if (moment_parse(word, moment_now(), ret_ns) < 0)
		return refuse(-EINVAL, "%s %s is no time", name, word);
	struct timespec moment = {*ret_ns / 1000000000, *ret_ns % 1000000000};
	if (moment.tv_nsec < 0) {
		moment.tv_nsec += 1000000000;
		moment.tv_sec--;
	}
	*ret_text = arena_strdup(arena, clock_format(&moment).text);
	return 0;
}

static int read_query(const struct logs_options *options, struct arena *arena,
	struct logs_query *query, struct logs_follower *follower)
{
	int64_t since_ns, until_ns = 0;
	int r = read_moment("--since", options->since, arena, &since_ns, &query->since);
	if (r == 0)
		r = read_moment("--until", options->until, arena, &until_ns, &query->until);
	if (r < 0)
		return r;
	if (options->until) {
		int64_t left_ms = (until_ns - moment_now()) / 1000000;
		follower->until_ms = clock_monotonic_ms() + (left_ms > 0 ? left_ms : 0);
	}
	query->tail = -1;
	if (options->tail && !text_equal(options->tail, "all") &&
		parse_int64(options->tail, -1, INT64_MAX, &query->tail) < 0)
		return refuse(-EINVAL, "--tail %s is no number", options->tail);
	return 0;
}

static void say_trouble(const struct instance *instance, struct arena *arena)
{
	autofree char *words = NULL;
	const char *path = arena_format(arena, "%s/log.trouble", instance->run_directory);
	if (fs_read(AT_FDCWD, path, 1024, &words, NULL) == 0)
		warn("container %s: %s", instance->name, words);
}

static int show(const struct logs_options *options, const struct instance *instances, size_t count,
	struct arena *arena)
{
	struct printer printer = {.options = options, .several = count > 1};
	struct logs_follower follower = {
		.record = print, .pause = flush, .context = &printer, .until_ms = INT64_MAX};
	struct logs_query query = {};
	int r = read_query(options, arena, &query, &follower);
	struct logs_source *sources = arena_new(arena, struct logs_source, count);
	size_t ready = 0;
	for (; r == 0 && ready < count; ready++) {
		r = logs_source_init(&sources[ready], &instances[ready], &query, arena);
		say_trouble(&instances[ready], arena);
	}
	if (r == 0)
		r = logs_follow(sources, count, options->follow, &follower, arena);
	for (size_t i = 0; i < ready; i++)
		logs_source_fini(&sources[i]);
	text_fini(&printer.out[0]);
	text_fini(&printer.out[1]);
	return r;
}

static bool in_journal(const struct instance *instance)
{
	return instance->log_driver && text_equal(instance->log_driver, "journald");
}

static int run(struct invocation *invocation)
{
	const struct logs_options *options = options_of(invocation, logs_options);
	struct arena *arena = invocation->arena;
	size_t count = options->latest ? 1 : invocation->argument_count;
	struct instance *instances = arena_new(arena, struct instance, count + 1);
	int r = count <= 1 ? chosen_find(invocation, options->latest, instances, NULL) : 0;
	for (size_t i = 0; r == 0 && count > 1 && i < count; i++)
		r = instance_find(invocation->arguments[i], arena, &instances[i]);
	if (r < 0)
		return r;
	(void)signal(SIGPIPE, SIG_DFL);
	if (count == 1 && in_journal(&instances[0])) {
		const struct journal_question question = {.follow = options->follow,
			.timestamps = options->timestamps,
			.since = options->since,
			.until = options->until,
			.tail = options->tail};
		return journal_show(&instances[0], &question, arena);
	}
	return show(options, instances, count, arena);
}

const struct verb verb_logs = {
	.name = "logs",
	.summary = "show what containers have written",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(logs_options),
	.description =
		"Writes to standard output what the program wrote there, and to standard error "
		"what "
		"it wrote there. With --follow it goes on through restarts until the container has "
		"ended. Of several containers each line begins with the container's id, or its "
		"name "
		"with --names.\n\n"
		"TIME is RFC 3339 or the beginning of it (2026-11-23T18:01), seconds since 1970, "
		"or "
		"how long ago (10m, 1h30m).",
	.examples = "The last lines, and what comes\n"
		    "$ rung logs -f --tail 20 web\n"
		    "What happened in the last hour\n"
		    "$ rung logs -t --since 1h web\n",
	.run = run,
};
