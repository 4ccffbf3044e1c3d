// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox recover`: single files out of a sandbox, to their place or to another one. */

#include "verbs/sandbox/changes.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "engine/sandbox/copy.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

struct sandbox_recover_options {
	const char *to;
};

static const struct option sandbox_recover_options[] = {
	{"--to=DIR", "copy to DIR, and leave it in the sandbox",
		text_in(sandbox_recover_options, to)},
	{},
};

/* The parent by descriptor, so that no link leads elsewhere. */
static int copy_out(
	const struct caught_list *list, const struct caught *caught, int to_fd, struct arena *arena)
{
	const struct caught_tree *tree = &list->trees[caught->tree];
	const char *slash = strrchr(caught->path, '/'), *name = slash ? slash + 1 : caught->path;
	const char *parent =
		slash ? arena_strndup(arena, caught->path, (size_t)(slash - caught->path)) : ".";
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	autoclose int from = kernel_openat2(tree->upper_fd, parent, &how);
	struct stat about;
	if (from < 0)
		return fail(from, "open %s", parent);
	if (S_ISDIR(caught->now.st_mode))
		return copy_tree(from, name, to_fd, name, COPY_PLAIN);
	int r = copy_entry(from, name, to_fd, name, COPY_PLAIN, &about);
	return r < 0 ? fail(r, "copy %s", name) : 0;
}

static int recover_to(struct invocation *invocation, const char *directory)
{
	struct arena *arena = invocation->arena;
	autofini(work_fini) struct work work = WORK_NONE;
	struct strings paths;
	int r = work_paths(invocation, &paths);
	if (r == 0)
		r = work_open(invocation, LOCK_SH, true, &work);
	if (r < 0)
		return r;
	autoclose int to = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail(-errno, "open %s", directory);
	for (size_t p = 0; r == 0 && p < paths.count; p++) {
		const struct caught *found = NULL;
		for (size_t i = 0; i < work.list.count && !found; i++)
			if (text_equal(
				    caught_path(&work.list, &work.list.items[i]), paths.items[p]))
				found = &work.list.items[i];
		if (!found || found->kind == CAUGHT_DELETED)
			return refuse(-ENOENT, "the sandbox has no change at %s", paths.items[p]);
		r = copy_out(&work.list, found, to, arena);
	}
	return r;
}

static int run(struct invocation *invocation)
{
	const char *to = options_of(invocation, sandbox_recover_options)->to;
	if (to)
		return recover_to(invocation, to);
	autofini(work_fini) struct work work = WORK_NONE;
	struct apply_request request = {.on_conflict = APPLY_REFUSE};
	struct apply_choice choice;
	struct apply_report report;
	int r = work_paths(invocation, &request.paths);
	if (r == 0)
		r = work_open(invocation, LOCK_EX | LOCK_NB, true, &work);
	if (r < 0)
		return r;
	apply_choose(&work.list, &request, invocation->arena, &choice);
	r = work_check_paths(&choice, &request.paths);
	if (r < 0)
		return r;
	if (choice.conflicts) {
		change_tell_obstacles(&work.list, &request.paths, true, false, invocation->arena);
		r = refuse(-ESTALE, "the original has changed since");
		hint("--to DIR puts it elsewhere; rung sandbox apply --force replaces the "
		     "original");
		return r;
	}
	change_tell_obstacles(&work.list, &request.paths, false, true, invocation->arena);
	r = apply_run(work.sandbox_fd, &work.list, &choice, false, &report);
	return r < 0 ? wrap(r, "nothing was recovered") : 0;
}

const struct verb verb_sandbox_recover = {
	.name = "recover",
	.summary = "take files out of a sandbox",
	.arguments = "NAME PATH...",
	.failure_status = 125,
	verb_options(sandbox_recover_options),
	.description = "Takes what a program left at PATH to that place of the host, and no other "
		       "change; or copies it to a directory of your choice.",
	.examples =
		"The one file that was wanted\n$ rung sandbox recover trial ~/report.pdf\n"
		"Have a look at it first\n$ rung sandbox recover --to /tmp trial ~/report.pdf\n",
	.run = run,
};
