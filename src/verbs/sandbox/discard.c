// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox discard`: caught changes are forgotten. */

#include "verbs/sandbox/changes.h"

#include "base/error.h"
#include "base/scope.h"
#include "engine/sandbox/kept.h"
#include "verbs/dialogue.h"
#include "verbs/verbs.h"

#include <stdio.h>
#include <sys/file.h>

struct sandbox_discard_options {
	bool force, quiet;
};

static const struct option sandbox_discard_options[] = {
	{"-f, --force", "do not ask", flag_in(sandbox_discard_options, force)},
	{"-q, --quiet", "say nothing where all went well", flag_in(sandbox_discard_options, quiet)},
	{},
};

static int run(struct invocation *invocation)
{
	const struct sandbox_discard_options *options =
		options_of(invocation, sandbox_discard_options);
	struct arena *arena = invocation->arena;
	autofini(work_fini) struct work work = WORK_NONE;
	struct apply_request request = {.discard = true};
	struct apply_choice choice;
	int r = work_paths(invocation, &request.paths);
	if (r == 0)
		r = work_open(invocation, LOCK_EX | LOCK_NB, true, &work);
	if (r < 0)
		return r;
	apply_choose(&work.list, &request, arena, &choice);
	r = work_check_paths(&choice, &request.paths);
	if (r < 0)
		return r;
	const char *counts = change_counts(&work.list, choice.chosen, arena);
	if (choice.count &&
		!confirm(options->force,
			arena_format(
				arena, "This will forget what the sandbox changed: %s.", counts)))
		return 1;
	r = request.paths.count ? discard_chosen(work.sandbox_fd, &work.list, &choice)
				: discard_all(work.sandbox_fd, arena);
	if (r == 0 && !options->quiet)
		(void)printf("discarded: %s\n", counts);
	return r;
}

const struct verb verb_sandbox_discard = {
	.name = "discard",
	.summary = "forget caught changes",
	.arguments = "NAME [PATH...]",
	.failure_status = 125,
	verb_options(sandbox_discard_options),
	.description = "Forgets what programs changed in a sandbox, or the changes at PATH, which "
		       "is a file, a directory with all in it, or a pattern. The host's files "
		       "are seen in the sandbox again. Snapshots stay.",
	.examples = "Throw all of it away\n$ rung sandbox discard --force trial\n",
	.run = run,
};
