// SPDX-License-Identifier: Apache-2.0

/*
 * From changes to steps. In: the list of what was caught and what of it was asked for. Out: a mark
 * a change; then steps in the order in which they can be done: a directory before what is in it,
 * its mode and times after.
 */

#include "engine/sandbox/apply_steps.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/random.h>

/* ---- what was asked for -------------------------------------------------------------------------
 */

static bool is_pattern(const char *path)
{
	return strpbrk(path, "*?[") != NULL;
}

static bool is_below(const char *path, const char *top)
{
	size_t length = strlen(top);
	return strncmp(path, top, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool fits_pattern(const char *path, const char *pattern)
{
	if (strchr(pattern, '/'))
		return fnmatch(pattern, path, 0) == 0;
	const char *slash = strrchr(path, '/');
	return fnmatch(pattern, slash ? slash + 1 : path, 0) == 0;
}

static bool is_wanted(const char *path, const struct strings *paths, bool *matched)
{
	bool wanted = paths->count == 0;
	for (size_t i = 0; i < paths->count; i++) {
		const char *one = paths->items[i];
		if (text_equal(one, "/") || is_below(path, one) ||
			(is_pattern(one) && fits_pattern(path, one)))
			wanted = matched[i] = true;
	}
	return wanted;
}

static bool is_in_directory(const struct caught *inner, const struct caught *directory)
{
	return inner->tree == directory->tree && is_below(inner->path, directory->path) &&
	       !text_equal(inner->path, directory->path);
}

static bool is_new_directory(const struct caught *caught)
{
	return S_ISDIR(caught->now.st_mode) && !S_ISDIR(caught->was.st_mode);
}

/* Of each change the directory in the list that it lies in; SIZE_MAX: none. */
static size_t *find_parents(const struct caught_list *list, struct arena *arena)
{
	size_t *parents = arena_new(arena, size_t, list->count + 1), last = SIZE_MAX;
	for (size_t i = 0; i < list->count; i++) {
		while (last != SIZE_MAX && !is_in_directory(&list->items[i], &list->items[last]))
			last = parents[last];
		parents[i] = last;
		if (S_ISDIR(list->items[i].now.st_mode))
			last = i;
	}
	return parents;
}

/* A new directory is wanted with what is in it; what cannot be takes with it all that is in it. */
static void settle_directories(const struct caught_list *list, struct arena *arena, bool *chosen)
{
	const size_t *parents = find_parents(list, arena);
	for (size_t i = 0; i < list->count; i++)
		for (size_t p = chosen[i] ? parents[i] : SIZE_MAX; p != SIZE_MAX; p = parents[p])
			if (is_new_directory(&list->items[p]) && !list->items[p].refusal)
				chosen[p] = true;
	for (size_t i = 0; i < list->count; i++)
		if (parents[i] != SIZE_MAX && is_new_directory(&list->items[parents[i]]))
			chosen[i] = chosen[i] && chosen[parents[i]];
}

void apply_choose(const struct caught_list *list, const struct apply_request *request,
	struct arena *arena, struct apply_choice *ret_choice)
{
	struct apply_choice choice = {.chosen = arena_new(arena, bool, list->count + 1),
		.unmatched = arena_new(arena, const char *, request->paths.count + 1)};
	bool *matched = arena_new(arena, bool, request->paths.count + 1);
	for (size_t i = 0; i < list->count; i++) {
		const struct caught *caught = &list->items[i];
		if (!is_wanted(caught_path(list, caught), &request->paths, matched))
			continue;
		if (request->discard) {
			choice.chosen[i] = true;
			continue;
		}
		if (caught->refusal) {
			choice.refusals++;
			continue;
		}
		if (caught->conflict)
			choice.conflicts++;
		if (caught->conflict == CONFLICT_MOUNT ||
			(caught->conflict && request->on_conflict == APPLY_SKIP))
			continue;
		choice.chosen[i] = true;
	}
	if (!request->discard)
		settle_directories(list, arena, choice.chosen);
	for (size_t i = 0; i < list->count; i++)
		choice.count += choice.chosen[i];
	for (size_t i = 0; i < request->paths.count; i++)
		if (!matched[i])
			choice.unmatched[choice.unmatched_count++] = request->paths.items[i];
	*ret_choice = choice;
}

/* ---- steps
 * --------------------------------------------------------------------------------------------- */

/* rename(2) works within one mount only; a subvolume is told by its device. */
static bool is_same_mount(const struct caught_tree *tree)
{
	uint64_t upper = 0, real = 0;
	struct stat a, b;
	return kernel_mount_id(tree->upper_fd, &upper) == 0 &&
	       kernel_mount_id(tree->real_fd, &real) == 0 && upper == real &&
	       fstat(tree->upper_fd, &a) == 0 && fstat(tree->real_fd, &b) == 0 &&
	       a.st_dev == b.st_dev;
}

static int choose_id(char id[static 17])
{
	uint64_t chance;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return fail(-errno, "choose a name");
	(void)snprintf(id, 17, "%016llx", (unsigned long long)chance);
	return 0;
}

/* Directories that the walk is in: their attributes are set when it leaves them. */
struct open_directories {
	struct {
		const struct caught *caught;
		bool chosen;
	} items[256];
	size_t count;
};

struct planning {
	struct apply *apply;
	const struct caught_list *list;
	struct open_directories open;
	bool *same_mount; /* of each tree */
};

static void add_step(struct planning *planning, const struct caught *caught, enum step_kind kind,
	unsigned flags, uint32_t temporary_length)
{
	struct journal *journal = &planning->apply->journal;
	/* Of attributes the old ones are a directory's, or there are none. */
	bool has_old = kind == STEP_ATTRIBUTES ? S_ISDIR(caught->was.st_mode) : caught->was.st_mode;
	journal->steps[journal->count++] = (struct step){
		.kind = kind,
		.flags = flags,
		.tree = planning->list->trees[caught->tree].tree.number,
		.new_inode = caught->now.st_mode ? caught->now.st_ino : 0,
		.old_inode = has_old ? caught->was.st_ino : 0,
		.old_changed = caught->was.st_ctim,
		.temporary_length = temporary_length,
		.path = caught->path,
	};
}

static void leave_directories(struct planning *planning, const struct caught *next)
{
	struct open_directories *open = &planning->open;
	while (open->count &&
		(!next || !is_in_directory(next, open->items[open->count - 1].caught))) {
		open->count--;
		if (open->items[open->count].chosen)
			add_step(planning, open->items[open->count].caught, STEP_ATTRIBUTES, 0, 0);
	}
}

/* The nearest directory above that the host has. */
static uint32_t temporary_length(const struct planning *planning, const struct caught *caught)
{
	const char *path = caught->path;
	for (size_t i = 0; i < planning->open.count; i++)
		if (is_new_directory(planning->open.items[i].caught)) {
			path = planning->open.items[i].caught->path;
			break;
		}
	const char *slash = strrchr(path, '/');
	return slash ? (uint32_t)(slash - path) : 0;
}

static bool must_be_copied(const struct planning *planning, const struct caught *caught)
{
	const struct caught_tree *tree = &planning->list->trees[caught->tree];
	if (!planning->same_mount[caught->tree] || caught->now.st_nlink > 1)
		return true;
	if (!S_ISREG(caught->now.st_mode) || planning->apply->journal.keep_setuid)
		return false;
	if (caught->now.st_mode & (S_ISUID | S_ISGID))
		return true;
	const char *slash = strrchr(caught->path, '/');
	if (!slash)
		return copy_has_privileges(tree->upper_fd, caught->path, &caught->now);
	/* One name below a descriptor is all that it may resolve. */
	const char *parent =
		arena_strndup(planning->apply->arena, caught->path, (size_t)(slash - caught->path));
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	autoclose int fd = kernel_openat2(tree->upper_fd, parent, &how);
	return fd < 0 || copy_has_privileges(fd, slash + 1, &caught->now);
}

static void plan_one(struct planning *planning, const struct caught *caught, bool chosen)
{
	leave_directories(planning, caught);
	if (S_ISDIR(caught->now.st_mode) && !caught->refusal) {
		unsigned flags = caught->was.st_mode ? STEP_HAD_OLD : 0;
		if (flags && !planning->same_mount[caught->tree])
			flags |= STEP_OLD_BESIDE;
		if (chosen && is_new_directory(caught))
			add_step(planning, caught, STEP_DIRECTORY, flags,
				temporary_length(planning, caught));
		if (planning->open.count < array_length(planning->open.items)) {
			planning->open.items[planning->open.count].caught = caught;
			planning->open.items[planning->open.count++].chosen = chosen;
		}
		return;
	}
	if (!chosen)
		return;
	unsigned flags = caught->was.st_mode ? STEP_HAD_OLD : 0;
	if (flags && !planning->same_mount[caught->tree])
		flags |= STEP_OLD_BESIDE;
	if (caught->kind != CAUGHT_DELETED && must_be_copied(planning, caught))
		flags |= STEP_COPIED;
	add_step(planning, caught, caught->kind == CAUGHT_DELETED ? STEP_DELETE : STEP_PUT, flags,
		temporary_length(planning, caught));
}

int apply_plan(
	struct apply *apply, const struct caught_list *list, const struct apply_choice *choice)
{
	struct planning planning = {.apply = apply,
		.list = list,
		.same_mount = arena_new(apply->arena, bool, list->tree_count + 1)};
	apply->journal.steps = arena_new(apply->arena, struct step, 2 * choice->count + 1);
	for (size_t i = 0; i < list->tree_count; i++)
		planning.same_mount[i] = is_same_mount(&list->trees[i]);
	for (size_t i = 0; i < list->count; i++)
		plan_one(&planning, &list->items[i], choice->chosen[i]);
	leave_directories(&planning, NULL);
	return choose_id(apply->journal.id);
}
