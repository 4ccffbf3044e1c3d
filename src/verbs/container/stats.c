// SPDX-License-Identifier: Apache-2.0

/*
 * `rung stats`: what containers use, now and again. The share of the processor is that between two
 * readings; the first reading of a stream has none before it, so it shows the average since the
 * start, as Podman does, while --no-stream reads twice, a tenth of a second apart.
 */

#include "verbs/container/stats.h"

#include "base/error.h"
#include "base/scope.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "plan/json_write.h"
#include "verbs/container/container.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

struct stats_options {
	bool all, latest, no_reset, no_stream, no_trunc;
	const char *format;
	unsigned interval_s;
};

static const struct option stats_options[] = {
	{"-a, --all", "also those that do not run", flag_in(stats_options, all)},
	{"--format=FORMAT", "table, json, or a template", text_in(stats_options, format)},
	{"-i, --interval=SECONDS", "time between two readings",
		integer_in(stats_options, interval_s)},
	{"-l, --latest", "of the container that was created last", flag_in(stats_options, latest)},
	{"--no-reset", "do not clear the screen in between", flag_in(stats_options, no_reset)},
	{"--no-stream", "show one reading, and end", flag_in(stats_options, no_stream)},
	{"--no-trunc", "whole ids", flag_in(stats_options, no_trunc)},
	{},
};

enum { BETWEEN_READINGS_MS = 100 };

struct watched {
	struct instance *instances;
	struct usage *before, *now;
	size_t count;
};

/* ---- one row ----------------------------------------------------------------------------- */

struct rates {
	double cpu_percent, average_percent, memory_percent;
};

static double percent(uint64_t part, int64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static struct rates rates_of(
	const struct instance *instance, const struct usage *before, const struct usage *now)
{
	struct rates rates = {};
	int64_t started_ns;
	if (moment_of_text(instance->state.started_at, &started_ns) == 0)
		rates.average_percent = percent(now->cpu_ns, moment_now() - started_ns);
	rates.cpu_percent = rates.average_percent;
	if (before->known)
		rates.cpu_percent =
			percent(now->cpu_ns > before->cpu_ns ? now->cpu_ns - before->cpu_ns : 0,
				now->at_ns - before->at_ns);
	rates.memory_percent = percent(now->memory_bytes, (int64_t)now->memory_limit_bytes);
	return rates;
}

static const char *percent_word(double value, bool known, struct arena *arena)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%.2f%%", value);
	return known ? arena_strdup(arena, text) : "--";
}

static const char *pair(uint64_t a, uint64_t b, bool known, bool binary, struct arena *arena)
{
	char first[UNITS_TEXT_MAX], second[UNITS_TEXT_MAX];
	if (!known)
		return "-- / --";
	if (binary) {
		units_binary_size(a, first);
		units_binary_size(b, second);
	} else {
		units_size(a, first);
		units_size(b, second);
	}
	return arena_format(arena, "%s / %s", first, second);
}

static const char *time_word(uint64_t ns, struct arena *arena)
{
	char text[48];
	uint64_t seconds = ns / 1000000000;
	double rest = (double)(ns % 60000000000) / 1e9;
	if (seconds >= 3600)
		(void)snprintf(text, sizeof(text), "%lluh%llum%.6fs",
			(unsigned long long)seconds / 3600, (unsigned long long)seconds / 60 % 60,
			rest);
	else if (seconds >= 60)
		(void)snprintf(
			text, sizeof(text), "%llum%.6fs", (unsigned long long)seconds / 60, rest);
	else if (ns >= 1000000000)
		(void)snprintf(text, sizeof(text), "%.6fs", rest);
	else
		(void)snprintf(text, sizeof(text), "%.3fms", (double)ns / 1e6);
	return arena_strdup(arena, text);
}

static void write_podman_json(struct json_writer *writer, const struct instance *instance,
	const struct usage *now, const struct rates *rates, struct arena *arena)
{
	bool known = now->known;
	json_write_string(writer, "id", arena_strndup(arena, instance->id, 12));
	json_write_string(writer, "name", instance->name);
	json_write_string(writer, "cpu_time", time_word(now->cpu_ns, arena));
	json_write_string(writer, "cpu_percent", percent_word(rates->cpu_percent, known, arena));
	json_write_string(writer, "avg_cpu", percent_word(rates->average_percent, known, arena));
	json_write_string(writer, "mem_usage",
		pair(now->memory_bytes, now->memory_limit_bytes, known, false, arena));
	json_write_string(writer, "mem_percent", percent_word(rates->memory_percent, known, arena));
	json_write_string(
		writer, "net_io", pair(now->received_bytes, now->sent_bytes, known, false, arena));
	json_write_string(
		writer, "block_io", pair(now->read_bytes, now->written_bytes, known, false, arena));
	json_write_string(
		writer, "pids", arena_format(arena, "%llu", (unsigned long long)now->processes));
}

static void write_docker(struct json_writer *writer, const struct instance *instance,
	const struct usage *now, const struct rates *rates, bool podman, struct arena *arena)
{
	bool known = now->known;
	json_write_string(
		writer, "BlockIO", pair(now->read_bytes, now->written_bytes, known, false, arena));
	json_write_string(writer, "CPUPerc", percent_word(rates->cpu_percent, known, arena));
	json_write_string(writer, "Container", arena_strndup(arena, instance->id, 12));
	json_write_string(writer, "MemPerc", percent_word(rates->memory_percent, known, arena));
	json_write_string(writer, "MemUsage",
		pair(now->memory_bytes, now->memory_limit_bytes, known, !podman, arena));
	json_write_string(writer, "Name", instance->name);
	json_write_string(
		writer, "NetIO", pair(now->received_bytes, now->sent_bytes, known, false, arena));
	json_write_string(writer, "PIDs",
		known ? arena_format(arena, "%llu", (unsigned long long)now->processes) : "--");
}

static void write_number(struct json_writer *writer, const char *key, double value)
{
	json_write_unsigned(writer, key, value > 0 ? (uint64_t)value : 0);
}

/* Podman's fields beside Docker's, for templates. */
static void write_more(struct json_writer *writer, const struct instance *instance,
	const struct usage *now, const struct rates *rates, struct arena *arena)
{
	json_write_string(writer, "ContainerID", instance->id);
	json_write_string(writer, "AVGCPU", percent_word(rates->average_percent, true, arena));
	write_number(writer, "AvgCPU", rates->average_percent);
	write_number(writer, "CPU", rates->cpu_percent);
	json_write_unsigned(writer, "CPUNano", now->cpu_ns);
	json_write_unsigned(writer, "CPUSystemNano", now->kernel_ns);
	json_write_unsigned(writer, "Duration", now->cpu_ns);
	json_write_signed(writer, "SystemNano", moment_now());
	json_write_string(writer, "Up", time_word(now->cpu_ns, arena));
	json_write_string(writer, "UpTime", time_word(now->cpu_ns, arena));
	json_write_string(writer, "MemUsageBytes",
		pair(now->memory_bytes, now->memory_limit_bytes, now->known, true, arena));
	json_write_unsigned(writer, "MemLimit", now->memory_limit_bytes);
	json_write_unsigned(writer, "NetInput", now->received_bytes);
	json_write_unsigned(writer, "NetOutput", now->sent_bytes);
	json_write_unsigned(writer, "BlockInput", now->read_bytes);
	json_write_unsigned(writer, "BlockOutput", now->written_bytes);
	json_write_unsigned(writer, "PIDS", now->processes);
}

/* ---- one reading of all -----------------------------------------------------------------------
 */

static const struct output_column docker_columns[] = {{"ID", "CONTAINER ID"}, {"Name"},
	{"CPUPerc", "CPU %"}, {"MemUsage", "MEM USAGE / LIMIT"}, {"MemPerc", "MEM %"},
	{"NetIO", "NET I/O"}, {"BlockIO", "BLOCK I/O"}, {"PIDs", "PIDS"},
	{"Container", "CONTAINER", true}, {"UpTime", "CPU TIME", true},
	{"AVGCPU", "AVG CPU %", true}, {}};
static const struct output_column podman_columns[] = {{"ID"}, {"Name"}, {"CPUPerc", "CPU %"},
	{"MemUsage", "MEM USAGE / LIMIT"}, {"MemPerc", "MEM %"}, {"NetIO", "NET IO"},
	{"BlockIO", "BLOCK IO"}, {"PIDs", "PIDS"}, {"UpTime", "CPU TIME"}, {"AVGCPU", "AVG CPU %"},
	{}};

static int show(const struct invocation *invocation, const struct stats_options *options,
	const struct watched *watched, struct arena *arena)
{
	bool podman = manner_of(invocation) == MANNER_PODMAN;
	bool json = options->format && text_equal(options->format, "json");
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < watched->count; i++) {
		const struct instance *instance = &watched->instances[i];
		const struct usage *now = &watched->now[i];
		struct rates rates = rates_of(instance, &watched->before[i], now);
		json_open(&writer, NULL, '{');
		if (json && podman) {
			write_podman_json(&writer, instance, now, &rates, arena);
		} else {
			json_write_string(&writer, "ID",
				options->no_trunc ? instance->id
						  : arena_strndup(arena, instance->id, 12));
			write_docker(&writer, instance, now, &rates, podman, arena);
		}
		if (!json)
			write_more(&writer, instance, now, &rates, arena);
		json_close(&writer);
	}
	json_close(&writer);
	if (json && podman)
		return output_thing("", &rows);
	const struct output output = {.columns = podman ? podman_columns : docker_columns,
		.format = options->format,
		.no_trunc = options->no_trunc};
	return output_rows(&output, &rows);
}

static int choose(struct invocation *invocation, const struct stats_options *options,
	struct arena *arena, struct watched *watched)
{
	size_t named = invocation->argument_count, count = 0;
	struct instance *instances = NULL;
	int r = 0;
	if (named) {
		instances = arena_new(arena, struct instance, named);
		for (; count < named && r == 0; count++)
			r = instance_find(invocation->arguments[count], arena, &instances[count]);
	} else {
		r = instance_list(arena, &instances, &count);
	}
	if (r < 0)
		return r;
	size_t kept = 0;
	for (size_t i = options->latest && count ? count - 1 : 0; i < count; i++)
		if (named || options->all || options->latest || instance_is_alive(&instances[i]))
			instances[kept++] = instances[i];
	watched->instances = instances;
	watched->count = kept;
	return 0;
}

static void read_all(struct watched *watched, struct usage *into, struct arena *arena)
{
	for (size_t i = 0; i < watched->count; i++)
		container_usage(&watched->instances[i], arena, &into[i]);
}

static void pause_ms(int64_t ms)
{
	(void)nanosleep(
		&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int show_once(struct invocation *invocation, const struct stats_options *options)
{
	struct arena *arena = invocation->arena;
	struct watched watched;
	int r = choose(invocation, options, arena, &watched);
	if (r < 0)
		return r;
	watched.before = arena_new(arena, struct usage, watched.count + 1);
	watched.now = arena_new(arena, struct usage, watched.count + 1);
	if (watched.count && manner_of(invocation) == MANNER_DOCKER) {
		read_all(&watched, watched.before, arena);
		pause_ms(BETWEEN_READINGS_MS);
	}
	read_all(&watched, watched.now, arena);
	return show(invocation, options, &watched, arena);
}

/* The reading before of the same container; containers come and go in between. */
static void take_before(const struct watched *old, struct watched *new)
{
	for (size_t i = 0; i < new->count; i++)
		for (size_t n = 0; n < old->count; n++)
			if (text_equal(old->instances[n].id, new->instances[i].id))
				new->before[i] = old->now[n];
}

static int stream(struct invocation *invocation, const struct stats_options *options)
{
	struct arena arenas[2] = {};
	struct watched watched[2] = {};
	for (unsigned turn = 0;; turn ^= 1) {
		struct arena *arena = &arenas[turn];
		struct watched *new = &watched[turn];
		arena_fini(arena);
		*arena = (struct arena){};
		*new = (struct watched){};
		int r = choose(invocation, options, arena, new);
		if (r < 0)
			return r;
		new->before = arena_new(arena, struct usage, new->count + 1);
		new->now = arena_new(arena, struct usage, new->count + 1);
		take_before(&watched[turn ^ 1], new);
		read_all(new, new->now, arena);
		if (!options->no_reset)
			fputs("\033[H\033[2J", stdout); /* to the corner, and clear */
		r = show(invocation, options, new, arena);
		if (r < 0 || fflush(stdout) < 0)
			return r < 0 ? r : fail(-errno, "write the table");
		pause_ms((int64_t)options->interval_s * 1000);
	}
}

static int run(struct invocation *invocation)
{
	struct stats_options *options = options_of(invocation, stats_options);
	if (options->latest && invocation->argument_count)
		return usage_error(invocation, "name containers, or say --latest");
	if (options->interval_s == 0)
		options->interval_s = manner_of(invocation) == MANNER_PODMAN ? 5 : 1;
	return options->no_stream ? show_once(invocation, options) : stream(invocation, options);
}

const struct verb verb_stats = {
	.name = "stats",
	.summary = "show what containers use of the machine",
	.arguments = "[CONTAINER...]",
	verb_options(stats_options),
	.completers = container_completers,
	.description =
		"Shows processor, memory, network, block devices and processes of containers that "
		"run, once a second. Control groups of version 1 and 2 are asked; what they do not "
		"count for an ordinary user is added up from the processes.",
	.examples =
		"Once, for a script\n$ rung stats --no-stream --format '{{.Name}} {{.MemUsage}}'\n",
	.run = run,
};
