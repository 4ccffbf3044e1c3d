// SPDX-License-Identifier: Apache-2.0

/*
 * Forgetting some of the changes: their names go from the upper directory, and the host's are seen
 * through it again. Directories go when they are empty, a directory's attributes become the host's.
 */

#include "engine/sandbox/kept.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/apply_steps.h"
#include "engine/sandbox/caught_walk.h"
#include "engine/sandbox/copy.h"

#include <errno.h>
#include <fcntl.h>

static int open_parent(int top_fd, const char *path, struct arena *arena, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	*ret_name = slash ? slash + 1 : path;
	const char *parent = slash ? arena_strndup(arena, path, (size_t)(slash - path)) : ".";
	return caught_open_directory(top_fd, parent, O_RDONLY);
}

/* The host's attributes, or gone where nothing of it is left. */
static int forget_directory(const struct caught_tree *tree, const struct caught *caught, int upper,
	const char *name, struct arena *arena)
{
	bool empty = unlinkat(upper, name, AT_REMOVEDIR) == 0;
	if (empty || caught->kind != CAUGHT_ATTRIBUTES)
		return 0;
	autoclose int real = open_parent(tree->real_fd, caught->path, arena, &name);
	int r = real < 0 ? real : copy_directory_attributes(real, name, upper, name, COPY_SETUID);
	return r < 0 ? fail(r, "give %s its attributes", caught->path) : 0;
}

static int forget(const struct caught_list *list, const struct caught *caught)
{
	const struct caught_tree *tree = &list->trees[caught->tree];
	const char *name;
	autoclose int upper = open_parent(tree->upper_fd, caught->path, list->arena, &name);
	if (upper < 0)
		return fail(upper, "open the changes beside %s", caught->path);
	if (S_ISDIR(caught->now.st_mode))
		return caught->refusal ? fs_remove_tree(upper, name)
				       : forget_directory(tree, caught, upper, name, list->arena);
	if (unlinkat(upper, name, 0) < 0 && errno != ENOENT)
		return fail(-errno, "forget %s", caught->path);
	return 0;
}

/* From the last to the first: what is in a directory before the directory. */
int discard_chosen(int sandbox_fd, struct caught_list *list, const struct apply_choice *choice)
{
	int r = apply_expand(list, choice, list->arena);
	for (size_t i = list->count; r == 0 && i-- > 0;)
		if (choice->chosen[i])
			r = forget(list, &list->items[i]);
	if (r < 0)
		return r;
	struct strings paths = {arena_new(list->arena, const char *, list->count + 1), 0};
	for (size_t t = 0; r == 0 && t < list->tree_count; t++) {
		paths.count = 0;
		for (size_t i = 0; i < list->count; i++)
			if (choice->chosen[i] && list->items[i].tree == t)
				paths.items[paths.count++] = list->items[i].path;
		r = base_forget(sandbox_fd, list->trees[t].tree.number, &paths, list->arena);
	}
	return r;
}
