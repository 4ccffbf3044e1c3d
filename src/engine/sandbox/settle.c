// SPDX-License-Identifier: Apache-2.0

#include "engine/sandbox/settle.h"

#include "base/error.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/base.h"
#include "engine/sandbox/caught.h"

#include <stdlib.h>

/* The paths of a journal's steps in one tree, sorted. */
struct undone_paths {
	const char **paths;
	size_t count;
};

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct undone_paths paths_of(
	const struct journal *undone, unsigned number, struct arena *arena)
{
	struct undone_paths paths = {};
	if (!undone)
		return paths;
	paths.paths = arena_new(arena, const char *, undone->count + 1);
	for (size_t i = 0; i < undone->count; i++)
		if (undone->steps[i].tree == number)
			paths.paths[paths.count++] = undone->steps[i].path;
	if (paths.count)
		qsort(paths.paths, paths.count, sizeof(*paths.paths), compare_paths);
	return paths;
}

static struct base_record record_of(const struct caught *caught, bool doubtful)
{
	return (struct base_record){
		.path = caught->path,
		.inode = caught->was.st_mode ? caught->was.st_ino : 0,
		.changed = caught->changed,
		.names = S_ISDIR(caught->was.st_mode) ? caught->files_before - 1 : 0,
		.doubtful = doubtful,
	};
}

/* What is known of a path stays: that is what the change was made from. */
static int settle_tree(
	int sandbox_fd, const struct caught_list *list, size_t tree, const struct journal *undone)
{
	struct base base, next = {};
	unsigned number = list->trees[tree].tree.number;
	int r = base_read(sandbox_fd, number, list->arena, &base);
	if (r < 0)
		return r;
	const struct undone_paths paths = paths_of(undone, number, list->arena);
	next.records = arena_new(list->arena, struct base_record, list->count + 1);
	for (size_t i = 0; i < list->count; i++) {
		const struct caught *caught = &list->items[i];
		if (caught->tree != tree ||
			(S_ISDIR(caught->was.st_mode) && S_ISDIR(caught->now.st_mode)))
			continue;
		const struct base_record *known = base_find(&base, caught->path);
		bool trusted = paths.count && bsearch(&caught->path, paths.paths, paths.count,
						      sizeof(*paths.paths), compare_paths);
		if (trusted)
			next.records[next.count++] = record_of(caught, false);
		else if (known)
			next.records[next.count++] = *known;
		else if (!undone)
			next.records[next.count++] =
				record_of(caught, caught->conflict != CONFLICT_NONE);
	}
	return next.count || base.count ? base_write(sandbox_fd, number, &next) : 0;
}

int settle(int sandbox_fd, const struct journal *undone)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(caught_fini) struct caught_list list = {};
	int r = caught_read(sandbox_fd, &arena, &list);
	for (size_t i = 0; r == 0 && i < list.tree_count; i++)
		r = settle_tree(sandbox_fd, &list, i, undone);
	return r;
}
