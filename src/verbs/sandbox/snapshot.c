// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox snapshot` and `restore`: whole states of a sandbox, kept under a name. */

#include "engine/sandbox/kept.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/scope.h"
#include "cli/output.h"
#include "plan/json_write.h"
#include "verbs/sandbox/changes.h"
#include "verbs/verbs.h"

#include <stdio.h>
#include <sys/file.h>

struct sandbox_snapshot_options {
	bool remove;
	const char *format;
};

static const struct option sandbox_snapshot_options[] = {
	{"--rm", "remove the snapshot", flag_in(sandbox_snapshot_options, remove)},
	{"--format=FORMAT", "of the list: table, json, or a template",
		text_in(sandbox_snapshot_options, format)},
	{},
};

static int list(struct invocation *invocation)
{
	static const struct output_column columns[] = {{"Name"}, {"Created"}, {}};
	const struct sandbox_snapshot_options *options =
		options_of(invocation, sandbox_snapshot_options);
	autofini(work_fini) struct work work = WORK_NONE;
	struct kept *snapshots = NULL;
	size_t count = 0;
	int r = work_open(invocation, LOCK_SH, false, &work);
	if (r == 0)
		r = kept_list(work.sandbox_fd, invocation->arena, &snapshots, &count);
	if (r < 0)
		return r;
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < count; i++) {
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "Name", snapshots[i].name);
		json_write_string(&writer, "Created", clock_format(&snapshots[i].made).text);
		json_close(&writer);
	}
	json_close(&writer);
	return output_rows(&(struct output){.columns = columns, .format = options->format}, &rows);
}

static int run_snapshot(struct invocation *invocation)
{
	const struct sandbox_snapshot_options *options =
		options_of(invocation, sandbox_snapshot_options);
	const char *name = invocation->arguments[1];
	if (!name && options->remove)
		return usage_error(invocation, "--rm needs the name of a snapshot");
	if (!name)
		return list(invocation);
	autofini(work_fini) struct work work = WORK_NONE;
	int r = work_open(invocation, LOCK_EX | LOCK_NB, false, &work);
	if (r < 0)
		return r;
	return options->remove ? kept_remove(work.sandbox_fd, name, invocation->arena)
			       : kept_create(work.sandbox_fd, name, invocation->arena);
}

const struct verb verb_sandbox_snapshot = {
	.name = "snapshot",
	.summary = "keep the state of a sandbox under a name, or list those kept",
	.arguments = "NAME [SNAPSHOT]",
	.failure_status = 125,
	verb_options(sandbox_snapshot_options),
	.description = "Copies everything that was caught, so that rung sandbox restore can go "
		       "back to it. Files share their blocks with the copy where the file system "
		       "can do so. Without SNAPSHOT those there are are listed.",
	.examples = "Before something risky\n$ rung sandbox snapshot trial before\n"
		    "And back\n$ rung sandbox restore trial before\n",
	.run = run_snapshot,
};

static int run_restore(struct invocation *invocation)
{
	autofini(work_fini) struct work work = WORK_NONE;
	int r = work_open(invocation, LOCK_EX | LOCK_NB, false, &work);
	return r < 0 ? r
		     : kept_restore(work.sandbox_fd, invocation->arguments[1], invocation->arena);
}

const struct verb verb_sandbox_restore = {
	.name = "restore",
	.summary = "go back to a snapshot of a sandbox",
	.arguments = "NAME SNAPSHOT",
	.failure_status = 125,
	.description = "Replaces what was caught by what a snapshot holds. The present changes "
		       "are forgotten, the snapshot stays. The host's files are not touched.",
	.run = run_restore,
};
