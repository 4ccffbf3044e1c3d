// SPDX-License-Identifier: Apache-2.0

/*
 * `rung oci ps`: the processes of a container. As JSON their numbers, for programs; as a table what
 * ps(1) says of them, with whatever options the person likes.
 */

#include "base/error.h"
#include "base/process.h"
#include "verbs/oci/oci.h"

#include <stdio.h>

struct ps_options {
	enum { PS_TABLE, PS_JSON } format;
};

static const struct option ps_options[] = {
	{"-f, --format=table|json", "how to show them", choice_in(ps_options, format)},
	{},
};

static void print_json(const pid_t *pids, size_t count)
{
	putchar('[');
	for (size_t i = 0; i < count; i++)
		printf("%s%d", i ? "," : "", (int)pids[i]);
	puts("]");
}

/* Which column of ps's heading is PID; -1 if there is none. */
static int pid_column(const char *heading)
{
	autofree char *copy = strdup(heading);
	char *rest = copy, *word;
	for (int column = 0; rest && (word = strsep(&rest, " "));) {
		if (*word == '\0')
			continue;
		if (text_equal(word, "PID"))
			return column;
		column++;
	}
	return -1;
}

static bool row_is_ours(const char *row, int wanted, const pid_t *pids, size_t count)
{
	autofree char *copy = strdup(row);
	char *rest = copy, *word;
	for (int column = 0; rest && (word = strsep(&rest, " "));) {
		if (*word == '\0')
			continue;
		if (column++ < wanted)
			continue;
		for (size_t i = 0; i < count; i++)
			if (atoi(word) == pids[i])
				return true;
		return false;
	}
	return false;
}

static int print_table(const struct invocation *invocation, const pid_t *pids, size_t count)
{
	const char **arguments =
		arena_new(invocation->arena, const char *, invocation->argument_count + 3);
	arguments[0] = "ps";
	arguments[1] = "-ef";
	for (size_t i = 1; i < invocation->argument_count; i++)
		arguments[i] = invocation->arguments[i];
	autofini(text_fini) struct text output = {};
	struct process_spawn spawn = {
		.program = "/bin/ps", .arguments = arguments, .output = &output};
	int status;
	int r = process_spawn(&spawn, &status);
	if (r < 0) {
		hint("the table needs ps(1) of the package procps; --format json does not");
		return r;
	}
	if (status != 0)
		return refuse(-EINVAL, "ps: %s", text_get(&output));
	char *rest = output.bytes, *line = strsep(&rest, "\n");
	int column = line ? pid_column(line) : -1;
	if (column < 0)
		return refuse(-EINVAL, "these options of ps show no column PID");
	puts(line);
	while (rest && (line = strsep(&rest, "\n")))
		if (row_is_ours(line, column, pids, count))
			puts(line);
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct ps_options *options = options_of(invocation, ps_options);
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(oci_state_root(invocation), invocation->arguments[0], &record);
	if (r < 0)
		return r;
	pid_t *pids;
	size_t count;
	r = cgroup_pids(&record.cgroup, invocation->arena, &pids, &count);
	if (r < 0)
		return wrap(r, "processes of container %s", record.id);
	if (options->format == PS_JSON) {
		print_json(pids, count);
		return 0;
	}
	return print_table(invocation, pids, count);
}

const struct verb verb_oci_ps = {
	.name = "ps",
	.summary = "list the processes of a container",
	.arguments = "CONTAINER [PS-OPTION...]",
	.command = true,
	verb_options(ps_options),
	.run = run,
};
