// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox rm`: forgets named sandboxes with all that they have kept. */

#include "engine/sandbox/trees.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/sandbox/sandbox.h"
#include "verbs/dialogue.h"
#include "verbs/verbs.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>

struct sandbox_rm_options {
	bool all, force;
};

static const struct option sandbox_rm_options[] = {
	{"-a, --all", "all named sandboxes", flag_in(sandbox_rm_options, all)},
	{"-f, --force", "end what runs in it first; none need exist",
		flag_in(sandbox_rm_options, force)},
	{},
};

static int end_programs(const struct invocation *invocation, const char *name)
{
	struct sandbox_record record;
	while (sandbox_find(name, invocation->arena, &record) == 0) {
		const struct process_id id = {(pid_t)record.pid, record.start_time};
		int r = process_signal(&id, SIGKILL);
		if (r == 0)
			r = process_wait(&id, 10000);
		if (r < 0 && r != -ESRCH)
			return fail(r, "end sandbox %s", name);
	}
	error_clear();
	return 0;
}

/* Renamed first, so that half of it is never found under its name. */
static int remove_directory(const char *name, struct arena *arena)
{
	autoclose int top = open(sandbox_directory(".", arena), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return fail(-errno, "remove sandbox %s", name);
	const char *old = arena_format(arena, ".old-%s-%d", name, (int)getpid());
	if (renameat(top, name, top, old) < 0)
		return fail(-errno, "remove sandbox %s", name);
	return fs_remove_tree(top, old);
}

static int remove_one(const struct invocation *invocation, const char *name)
{
	const struct sandbox_rm_options *options = options_of(invocation, sandbox_rm_options);
	int r = options->force ? end_programs(invocation, name) : 0;
	autoclose int fd = r < 0 ? r : sandbox_open(name, false);
	if (fd < 0)
		return fd;
	/* Its starter may take a moment to let go of it. */
	autoclose int lock = sandbox_lock(fd, options->force ? LOCK_EX : LOCK_EX | LOCK_NB);
	if (lock < 0)
		return lock;
	r = remove_directory(name, invocation->arena);
	if (r == 0)
		puts(name);
	return r;
}

static int list_names(struct arena *arena, struct strings *ret_names)
{
	DIR *directory = opendir(sandbox_directory(".", arena));
	*ret_names = (struct strings){};
	if (!directory)
		return errno == ENOENT ? 0 : fail(-errno, "list sandboxes");
	size_t room = 0;
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (!sandbox_name_is_valid(entry->d_name))
			continue;
		if (ret_names->count + 1 >= room) {
			const char **more = arena_new(arena, const char *, room = 2 * room + 16);
			if (ret_names->count)
				memcpy(more, ret_names->items, ret_names->count * sizeof(*more));
			ret_names->items = more;
		}
		ret_names->items[ret_names->count++] = arena_strdup(arena, entry->d_name);
	}
	closedir(directory);
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct sandbox_rm_options *options = options_of(invocation, sandbox_rm_options);
	struct strings names = {invocation->arguments, invocation->argument_count};
	int status = 0, r = 0;
	if (options->all == (names.count > 0))
		return usage_error(invocation, "name sandboxes, or say --all");
	if (options->all)
		r = list_names(invocation->arena, &names);
	for (size_t i = 0; r >= 0 && i < names.count; i++) {
		int one = remove_one(invocation, names.items[i]);
		if (one == -ENOENT && options->force) {
			error_clear();
		} else if (one < 0) {
			status = 1;
			tell_failure(invocation);
		}
	}
	return r < 0 ? r : status;
}

const struct verb verb_sandbox_rm = {
	.name = "rm",
	.summary = "remove named sandboxes with what they have kept",
	.arguments = "[SANDBOX...]",
	verb_options(sandbox_rm_options),
	.description = "Removes each named sandbox: what its programs wrote and was not applied is "
		       "lost. One in which a program runs is refused, unless --force ends it.",
	.run = run,
};
