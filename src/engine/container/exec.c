// SPDX-License-Identifier: Apache-2.0

/*
 * What `exec` changes of the container's own process: command, user, variables, directory. Its
 * limits, system call filter, bounding set and no-new-privileges stay, so that nobody gets more in
 * the container than it was given, but with --privileged.
 */

#include "engine/container/exec.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"
#include "walls/capabilities.h"

#include <fcntl.h>
#include <stdio.h>

#define FILE_MAX (1u << 20)

/* ---- variables --------------------------------------------------------------------------- */

struct variables {
	struct arena *arena;
	struct strings list;
	size_t room;
};

static const char **find(const struct variables *all, const char *name, size_t length)
{
	for (size_t i = 0; i < all->list.count; i++)
		if (strncmp(all->list.items[i], name, length) == 0 &&
			all->list.items[i][length] == '=')
			return &all->list.items[i];
	return NULL;
}

static void set(struct variables *all, const char *variable)
{
	const char **at = find(all, variable, strcspn(variable, "="));
	if (at) {
		*at = variable;
		return;
	}
	if (all->list.count + 1 >= all->room) {
		all->room = 2 * all->room + 32;
		const char **more = arena_new(all->arena, const char *, all->room);
		if (all->list.count)
			memcpy(more, all->list.items, all->list.count * sizeof(*more));
		all->list.items = more;
	}
	all->list.items[all->list.count++] = variable;
}

static int take_word(struct variables *all, const char *word)
{
	size_t length = strcspn(word, "=");
	if (length == 0)
		return refuse(-EINVAL, "environment \"%s\": the variable's name is missing", word);
	const char *ours = word[length] ? NULL : getenv(word);
	if (word[length])
		set(all, word);
	else if (ours)
		set(all, arena_format(all->arena, "%s=%s", word, ours));
	return 0;
}

static int take_file(struct variables *all, const char *path)
{
	autofree char *content = NULL;
	int r = fs_read(AT_FDCWD, path, FILE_MAX, &content, NULL);
	if (r < 0)
		return fail(r, "--env-file %s", path);
	char *rest = arena_strdup(all->arena, content), *line;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (*line && *line != '#')
			r = take_word(all, line);
	}
	return r;
}

static int set_environment(
	const struct exec_wishes *wishes, struct arena *arena, struct plan_process *process)
{
	struct variables all = {.arena = arena};
	for (size_t i = 0; i < process->environment.count; i++)
		set(&all, process->environment.items[i]);
	if (wishes->terminal && !find(&all, "TERM", 4))
		set(&all, "TERM=xterm");
	int r = 0;
	for (size_t i = 0; r == 0 && i < wishes->environment_files.count; i++)
		r = take_file(&all, wishes->environment_files.items[i]);
	for (size_t i = 0; r == 0 && i < wishes->environment.count; i++)
		r = take_word(&all, wishes->environment.items[i]);
	process->environment = all.list;
	return r;
}

/* ---- the user ----------------------------------------------------------------------------- */

static void set_home(const char *home, struct arena *arena, struct plan_process *process)
{
	struct variables all = {.arena = arena};
	for (size_t i = 0; i < process->environment.count; i++)
		set(&all, process->environment.items[i]);
	set(&all, arena_format(arena, "HOME=%s", home ? home : "/"));
	process->environment = all.list;
}

static int set_user(const char *user, pid_t pid, struct arena *arena, struct plan_process *process)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	autofini(run_trees_fini) struct run_trees trees = {
		.fds = {open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)}, .count = 1};
	if (trees.fds[0] < 0) {
		trees.count = 0;
		return fail(-errno, "open the container's root");
	}
	struct run_user found;
	int r = run_find_user(&trees, user, arena, &found);
	if (r < 0)
		return r;
	process->uid = found.uid;
	process->gid = found.gid;
	process->additional_gids = found.groups;
	process->additional_gid_count = found.group_count;
	set_home(found.home, arena, process);
	return 0;
}

static void set_all_capabilities(struct plan_process *process)
{
	uint64_t all = (2ull << capabilities_last()) - 1;
	process->capabilities = (struct plan_capabilities){
		.given = true, .bounding = all, .effective = all, .permitted = all};
}

int exec_process(const struct exec_wishes *wishes, const struct plan *plan, pid_t pid,
	struct arena *arena, struct plan_process *ret_process)
{
	struct plan_process process = plan->process;
	process.arguments = wishes->command;
	process.terminal = wishes->terminal;
	process.console_width = process.console_height = 0;
	if (wishes->working_directory)
		process.working_directory = wishes->working_directory;
	if (process.working_directory[0] != '/')
		return refuse(
			-EINVAL, "working directory %s is not absolute", process.working_directory);
	if (wishes->privileged)
		set_all_capabilities(&process);
	int r = wishes->user ? set_user(wishes->user, pid, arena, &process) : 0;
	if (r == 0)
		r = set_environment(wishes, arena, &process);
	if (r == 0)
		*ret_process = process;
	return r;
}
