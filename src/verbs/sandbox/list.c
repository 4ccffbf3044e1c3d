// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox list`, `inspect`, `kill`, `enter`: those that run. */

#include "engine/sandbox/sandbox.h"

#include "base/error.h"
#include "cli/output.h"
#include "plan/json_write.h"
#include "verbs/dialogue.h"
#include "verbs/verbs.h"
#include "walls/signals.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- list -------------------------------------------------------------------------------- */

struct sandbox_list_options {
	const char *format;
	bool quiet, no_heading, no_trunc;
};

static const struct option sandbox_list_options[] = {
	{"--format=FORMAT", "table, json, or a template", text_in(sandbox_list_options, format)},
	{"-q, --quiet", "ids alone", flag_in(sandbox_list_options, quiet)},
	{"-n, --noheading", "no heading", flag_in(sandbox_list_options, no_heading)},
	{"--no-trunc", "shorten nothing", flag_in(sandbox_list_options, no_trunc)},
	{},
};

static const char *joined(const struct strings *words, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	for (size_t i = 0; i < words->count; i++)
		text_format(&text, "%s%s", i ? " " : "", words->items[i]);
	return arena_strdup(arena, text_get(&text));
}

static void write_row(
	const struct sandbox_record *record, struct arena *arena, struct json_writer *writer)
{
	json_open(writer, NULL, '{');
	json_write_string(writer, "ID", record->id);
	json_write_string(writer, "Name", record->name);
	json_write_string(writer, "Command", joined(&record->arguments, arena));
	json_write_signed(writer, "Pid", record->pid);
	json_write_string(writer, "Started", record->started);
	json_write_string(writer, "Profile", record->profile);
	json_write_string(writer, "Writes", record->writes);
	json_write_strings(writer, "Permissions", &record->permissions);
	json_close(writer);
}

static int run_list(struct invocation *invocation)
{
	static const struct output_column columns[] = {{"ID"}, {"Name"}, {"Pid", .right = true},
		{"Profile"}, {"Writes"}, {"Started"}, {"Command", .shrinks = true},
		{"Permissions", .hidden = true}, {}};
	const struct sandbox_list_options *options = options_of(invocation, sandbox_list_options);
	struct sandbox_record *records;
	size_t count;
	int r = sandbox_list(invocation->arena, &records, &count);
	if (r < 0)
		return r;
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		if (options->quiet)
			puts(records[i].id);
		write_row(&records[i], invocation->arena, &writer);
	}
	json_close(&writer);
	if (options->quiet)
		return 0;
	return output_rows(&(struct output){.columns = columns,
				   .format = options->format,
				   .no_heading = options->no_heading,
				   .no_trunc = options->no_trunc},
		&rows);
}

const struct verb verb_sandbox_list = {
	.name = "list",
	.aliases = "ps",
	.summary = "list the sandboxes that run",
	verb_options(sandbox_list_options),
	.description = "Lists the sandboxes in which a program runs, the oldest first.",
	.run = run_list,
};

/* ---- inspect ------------------------------------------------------------------------------- */

struct sandbox_inspect_options {
	const char *format;
};

static const struct option sandbox_inspect_options[] = {
	{"-f, --format=FORMAT", "a template", text_in(sandbox_inspect_options, format)},
	{},
};

static int run_inspect(struct invocation *invocation)
{
	const struct sandbox_inspect_options *options =
		options_of(invocation, sandbox_inspect_options);
	struct sandbox_record record;
	int r = sandbox_find(invocation->arguments[0], invocation->arena, &record);
	if (r < 0)
		return r;
	autofini(text_fini) struct text thing = {};
	struct json_writer writer = {.out = &thing, .compact = true};
	write_row(&record, invocation->arena, &writer);
	return output_thing(options->format, &thing);
}

const struct verb verb_sandbox_inspect = {
	.name = "inspect",
	.summary = "show what a running sandbox may do",
	.arguments = "SANDBOX",
	verb_options(sandbox_inspect_options),
	.description = "Shows a running sandbox as JSON: its program, permissions and PID 1.",
	.run = run_inspect,
};

/* ---- kill ------------------------------------------------------------------------------------ */

struct sandbox_kill_options {
	const char *signal;
	bool all;
};

static const struct option sandbox_kill_options[] = {
	{"-a, --all", "all sandboxes", flag_in(sandbox_kill_options, all)},
	{"-s, --signal=SIGNAL", "send the program this instead of ending it",
		text_in(sandbox_kill_options, signal)},
	{},
};

/* SIGKILL for PID 1 ends all of it; anything else it hands on to the program. */
static int kill_one(const struct sandbox_record *record, int number)
{
	const struct process_id id = {(pid_t)record->pid, record->start_time};
	int r = process_signal(&id, number);
	if (r == 0 && number == SIGKILL)
		r = process_wait(&id, 10000);
	if (r < 0 && r != -ESRCH)
		return fail(r, "signal sandbox %s", record->id);
	puts(record->name[0] ? record->name : record->id);
	return 0;
}

static int kill_all(struct invocation *invocation, int number)
{
	struct sandbox_record *records;
	size_t count;
	int r = sandbox_list(invocation->arena, &records, &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = kill_one(&records[i], number);
	return r;
}

static int run_kill(struct invocation *invocation)
{
	const struct sandbox_kill_options *options = options_of(invocation, sandbox_kill_options);
	int number = SIGKILL, status = 0;
	if (options->all == (invocation->argument_count > 0))
		return usage_error(invocation, "name sandboxes, or say --all");
	if (options->signal) {
		number = signal_by_name(options->signal);
		if (number < 0)
			return number;
	}
	if (options->all)
		return kill_all(invocation, number);
	for (size_t i = 0; i < invocation->argument_count; i++) {
		struct sandbox_record record;
		int r = sandbox_find(invocation->arguments[i], invocation->arena, &record);
		if (r == 0)
			r = kill_one(&record, number);
		if (r < 0) {
			status = 1;
			tell_failure(invocation);
		}
	}
	return status;
}

const struct verb verb_sandbox_kill = {
	.name = "kill",
	.summary = "end sandboxes",
	.arguments = "[SANDBOX...]",
	verb_options(sandbox_kill_options),
	.description = "Ends all programs of each sandbox at once, or sends --signal to its first. "
		       "What a named sandbox has kept stays.",
	.run = run_kill,
};

/* ---- enter ------------------------------------------------------------------------------------
 */

struct sandbox_enter_options {
	const char *directory;
	struct option_list environment;
};

static const struct option sandbox_enter_options[] = {
	{"-e, --env=NAME=VALUE", "set a variable", list_in(sandbox_enter_options, environment)},
	{"-w, --workdir=DIR", "start there", text_in(sandbox_enter_options, directory)},
	{},
};

static const char *const *entering_environment(
	const struct sandbox_enter_options *options, struct arena *arena)
{
	static const char *const kept[] = {"TERM", "COLORTERM", "LANG", "HOME", "PATH", "USER"};
	const char **items =
		arena_new(arena, const char *, array_length(kept) + options->environment.count + 1);
	size_t count = 0;
	for (size_t i = 0; i < array_length(kept); i++)
		if (getenv(kept[i]))
			items[count++] = arena_format(arena, "%s=%s", kept[i], getenv(kept[i]));
	for (size_t i = 0; i < options->environment.count; i++)
		items[count++] = options->environment.words[i];
	return items;
}

static int run_enter(struct invocation *invocation)
{
	static const char *const shell[] = {"/bin/sh", NULL};
	const struct sandbox_enter_options *options = options_of(invocation, sandbox_enter_options);
	struct sandbox_record record;
	int status = 0;
	int r = sandbox_find(invocation->arguments[0], invocation->arena, &record);
	if (r < 0)
		return r;
	const struct sandbox_entry entry = {
		.socket = arena_format(invocation->arena, "%s.enter", record.path),
		.arguments = invocation->argument_count > 1 ? invocation->arguments + 1 : shell,
		.environment = entering_environment(options, invocation->arena),
		.directory = options->directory,
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	r = sandbox_enter(&entry, &status);
	if (r < 0 && error_exit_status())
		invocation->failure_status = error_exit_status();
	return r < 0 ? r : status;
}

const struct verb verb_sandbox_enter = {
	.name = "enter",
	.aliases = "exec",
	.summary = "run another program in a sandbox that runs",
	.arguments = "SANDBOX [PROGRAM [ARGUMENT...]]",
	.command = true,
	.failure_status = 125,
	verb_options(sandbox_enter_options),
	.description = "Runs a program, or a shell, behind the walls of a sandbox that runs: it "
		       "sees and may do the same as the program there.",
	.examples = "A shell beside it\n$ rung sandbox enter trial\n",
	.run = run_enter,
};
