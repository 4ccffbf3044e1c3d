// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox apply`: caught changes become real. */

#include "verbs/sandbox/changes.h"

#include "base/error.h"
#include "base/scope.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

struct sandbox_apply_options {
	bool force, ours, setuid, dry_run, undo, quiet;
};

static const struct option sandbox_apply_options[] = {
	{"-n, --dry-run", "say what would be done, do nothing",
		flag_in(sandbox_apply_options, dry_run)},
	{"-f, --force", "also over files that have changed since",
		flag_in(sandbox_apply_options, force), .conflicts = "--ours"},
	{"--ours", "leave files that have changed since as they are",
		flag_in(sandbox_apply_options, ours)},
	{"--setuid", "keep setuid and setgid bits and capabilities of programs",
		flag_in(sandbox_apply_options, setuid)},
	{"--undo", "take the last apply back", flag_in(sandbox_apply_options, undo)},
	{"-q, --quiet", "say nothing where all went well", flag_in(sandbox_apply_options, quiet)},
	{},
};

static int undo(struct invocation *invocation)
{
	const struct sandbox_apply_options *options = options_of(invocation, sandbox_apply_options);
	autofini(work_fini) struct work work = WORK_NONE;
	size_t count = 0;
	if (invocation->argument_count > 1)
		return usage_error(invocation, "--undo takes the whole last apply back");
	int r = work_open(invocation, LOCK_EX | LOCK_NB, false, &work);
	if (r == 0)
		r = apply_undo(work.sandbox_fd, options->force, invocation->arena, &count);
	if (r == 0 && !options->quiet)
		(void)printf("taken back: %zu changes\n", count);
	return r;
}

static int refuse_conflicts(const struct caught_list *list, const struct apply_choice *choice,
	const struct strings *paths, struct arena *arena)
{
	change_tell_obstacles(list, paths, true, false, arena);
	int r = refuse(-ESTALE,
		"nothing was applied: %zu originals have changed since the sandbox saw them",
		choice->conflicts);
	hint("--force takes the sandbox's, --ours leaves these and applies the others");
	return r;
}

static void print_plan(const struct caught_list *list, const bool *chosen, struct arena *arena)
{
	for (size_t i = 0; i < list->count; i++)
		if (chosen[i])
			(void)printf("%c %s\n", change_letter(&list->items[i]),
				change_printable(caught_path(list, &list->items[i]), arena));
}

static int run(struct invocation *invocation)
{
	const struct sandbox_apply_options *options = options_of(invocation, sandbox_apply_options);
	struct arena *arena = invocation->arena;
	if (options->undo)
		return undo(invocation);
	autofini(work_fini) struct work work = WORK_NONE;
	struct apply_request request = {.keep_setuid = options->setuid,
		.on_conflict = options->force  ? APPLY_FORCE
			       : options->ours ? APPLY_SKIP
					       : APPLY_REFUSE};
	struct apply_choice choice;
	struct apply_report report = {};
	int r = work_paths(invocation, &request.paths);
	if (r == 0)
		r = work_open(invocation, LOCK_EX | LOCK_NB, true, &work);
	if (r < 0)
		return r;
	apply_choose(&work.list, &request, arena, &choice);
	r = work_check_paths(&choice, &request.paths);
	if (r < 0)
		return r;
	if (choice.conflicts && request.on_conflict == APPLY_REFUSE)
		return refuse_conflicts(&work.list, &choice, &request.paths, arena);
	change_tell_obstacles(&work.list, &request.paths, options->ours, true, arena);
	const char *counts = change_counts(&work.list, choice.chosen, arena);
	if (options->dry_run) {
		print_plan(&work.list, choice.chosen, arena);
		(void)printf("would be applied: %s\n", counts);
		return 0;
	}
	r = apply_run(work.sandbox_fd, &work.list, &choice, options->setuid, &report);
	if (r < 0)
		return wrap(r, "nothing was applied");
	if (!options->quiet)
		(void)printf("applied: %s\n", counts);
	return 0;
}

const struct verb verb_sandbox_apply = {
	.name = "apply",
	.summary = "make caught changes real",
	.arguments = "NAME [PATH...]",
	.failure_status = 125,
	verb_options(sandbox_apply_options),
	.description =
		"Moves changes from the sandbox to where they belong: all of them, or those at "
		"PATH, which is a file, a directory with all in it, or a pattern. It is done as a "
		"whole or not at all, a file at a time takes its place, and what is killed in "
		"between is completed by the next command. Where an original has changed since "
		"the sandbox saw it nothing is applied, unless --force or --ours says what to "
		"do. Devices and sockets are never applied, setuid bits are taken off.",
	.examples = "Keep the documents, nothing else\n$ rung sandbox apply trial ~/Documents\n"
		    "What would it do?\n$ rung sandbox apply --dry-run trial\n"
		    "That was wrong\n$ rung sandbox apply --undo trial\n",
	.run = run,
};
