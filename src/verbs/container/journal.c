// SPDX-License-Identifier: Apache-2.0

/*
 * The journal's files are systemd's own business; who keeps logs there has journalctl(1). It knows
 * which lines are ours by CONTAINER_ID_FULL.
 */

#include "verbs/container/journal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "cli/moment.h"

static const char program[] = "/usr/bin/journalctl";

/* "@1700000000.123456789" is understood by every version. */
static int add_moment(const char *option, const char *word, struct arena *arena,
	const char **arguments, size_t *count)
{
	int64_t ns;
	if (!word)
		return 0;
	if (moment_parse(word, moment_now(), &ns) < 0)
		return refuse(-EINVAL, "%s %s is no time", option, word);
	arguments[(*count)++] = arena_format(arena, "%s=@%lld.%06lld", option,
		(long long)(ns / 1000000000), (long long)(ns / 1000 % 1000000));
	return 0;
}

int journal_show(const struct instance *instance, const struct journal_question *question,
	struct arena *arena)
{
	const char *arguments[16];
	size_t count = 0;
	arguments[count++] = program;
	arguments[count++] = "--quiet";
	arguments[count++] = "--no-pager";
	arguments[count++] = question->timestamps ? "--output=short-iso-precise" : "--output=cat";
	arguments[count++] =
		arena_format(arena, "--lines=%s", question->tail ? question->tail : "all");
	if (question->follow)
		arguments[count++] = "--follow";
	int r = add_moment("--since", question->since, arena, arguments, &count);
	if (r == 0)
		r = add_moment("--until", question->until, arena, arguments, &count);
	if (r < 0)
		return r;
	arguments[count++] = arena_format(arena, "CONTAINER_ID_FULL=%s", instance->id);
	arguments[count] = NULL;
	const struct process_fd fds[] = {{1, 1}, {2, 2}};
	const struct process_spawn spawn = {
		.program = program, .arguments = arguments, .fds = fds, .fd_count = 2};
	int status;
	r = process_spawn(&spawn, &status);
	return r < 0 ? wrap(r, "read the journal") : process_exit_code(status);
}
