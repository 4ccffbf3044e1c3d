// SPDX-License-Identifier: Apache-2.0

/* The rows of ps(1) that are about certain processes. */

#include "verbs/host_ps.h"

#include "base/error.h"
#include "base/process.h"
#include "base/scope.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The words of a line are parted by any number of blanks; NULL at the end. */
static char *next_word(char **rest)
{
	char *word;
	while (*rest && (word = strsep(rest, " ")))
		if (*word)
			return word;
	return NULL;
}

/* Which column of the heading is PID; -1 if there is none. */
static int pid_column(const char *heading)
{
	autofree char *copy = strdup(heading);
	char *rest = copy, *word;
	for (int column = 0; (word = next_word(&rest)); column++)
		if (text_equal(word, "PID"))
			return column;
	return -1;
}

static bool row_is_wanted(const char *row, int wanted, const pid_t *pids, size_t count)
{
	autofree char *copy = strdup(row);
	char *rest = copy, *word;
	for (int column = 0; (word = next_word(&rest)); column++)
		if (column == wanted)
			break;
	for (size_t i = 0; word && i < count; i++)
		if (atoi(word) == pids[i])
			return true;
	return false;
}

int host_ps_print(
	const struct strings *options, const pid_t *pids, size_t count, struct arena *arena)
{
	const char **arguments = arena_new(arena, const char *, options->count + 3);
	arguments[0] = "ps";
	arguments[1] = "-ef";
	for (size_t i = 0; i < options->count; i++)
		arguments[i + 1] = options->items[i];
	autofini(text_fini) struct text output = {};
	struct process_spawn spawn = {
		.program = "/bin/ps", .arguments = arguments, .output = &output};
	int status, r = process_spawn(&spawn, &status);
	if (r < 0) {
		hint("these columns need ps(1) of the package procps");
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
		if (row_is_wanted(line, column, pids, count))
			puts(line);
	return 0;
}
