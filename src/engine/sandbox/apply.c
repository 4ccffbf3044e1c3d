// SPDX-License-Identifier: Apache-2.0

/*
 * The order of an apply: plan, prepare, journal, steps, tidying; and the two ways to go on with one
 * that was killed. See apply.h for what is promised, journal.h for the states on disk.
 */

#include "engine/sandbox/apply_steps.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/base.h"
#include "engine/sandbox/caught_walk.h"
#include "engine/sandbox/copy.h"
#include "engine/sandbox/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- stories that outlive clean-up
 * ------------------------------------------------------------------ */

struct told {
	int r;
	char *text, *hint;
};

static struct told keep_story(int r, struct arena *arena)
{
	struct told told = {
		r, arena_strdup(arena, error_text()), arena_strdup(arena, error_hint())};
	error_clear();
	return told;
}

static int tell_again(const struct told *told)
{
	return error_adopt(told->r, told->text, told->hint);
}

/* ---- tidying
 * ------------------------------------------------------------------------------------------ */

static const struct apply_tree *tree_of(const struct apply *apply, const struct step *step)
{
	for (size_t i = 0; i < apply->tree_count; i++)
		if (apply->trees[i].tree.number == step->tree)
			return &apply->trees[i];
	return NULL;
}

/*
 * A directory of the upper that is empty and like the host's says nothing any more; left there it
 * would hide a later change of the host's mode.
 */
static void prune_upwards(
	const struct apply *apply, const struct apply_tree *tree, const char *path)
{
	char *rest = arena_strdup(apply->arena, path);
	while (*rest) {
		char *slash = strrchr(rest, '/');
		const char *name = slash ? slash + 1 : rest;
		const char *parent = slash ? rest : ".";
		if (slash)
			*slash = '\0';
		autoclose int upper = caught_open_directory(tree->upper_fd, parent, O_PATH);
		autoclose int real =
			upper < 0 ? -1 : caught_open_directory(tree->real_fd, parent, O_PATH);
		struct stat now, was;
		if (real < 0 || fstatat(upper, name, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
			fstatat(real, name, &was, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISDIR(now.st_mode) || !S_ISDIR(was.st_mode) ||
			caught_same_attributes(upper, real, name, &now, &was) <= 0 ||
			unlinkat(upper, name, AT_REMOVEDIR) < 0)
			return;
		if (!slash)
			return;
	}
}

/*
 * Directories whose attributes were applied go if they are empty, inner ones first; what stays gets
 * back what step_unlock_upper() lent it.
 */
static void lock_directories(struct apply *apply, bool remove)
{
	for (size_t i = 0; i < apply->journal.count; i++) {
		struct step_place place;
		if (apply->journal.steps[i].kind != STEP_ATTRIBUTES ||
			step_open(apply, i, &place) < 0 || apply->upper_parent < 0 ||
			(remove && unlinkat(apply->upper_parent, place.name, AT_REMOVEDIR) == 0))
			continue;
		(void)copy_directory_attributes(apply->undo_fd, place.kept_name,
			apply->upper_parent, place.name, COPY_EXACT);
	}
	error_clear();
}

static void prune(const struct apply *apply)
{
	const struct step *last = NULL;
	size_t last_length = 0;
	for (size_t i = apply->journal.count; i-- > 0;) {
		const struct step *step = &apply->journal.steps[i];
		const char *slash = strrchr(step->path, '/');
		bool whole = step->kind == STEP_ATTRIBUTES;
		size_t length = whole   ? strlen(step->path)
				: slash ? (size_t)(slash - step->path)
					: 0;
		if (last && last->tree == step->tree && last_length == length &&
			memcmp(last->path, step->path, length) == 0)
			continue;
		last = step;
		last_length = length;
		const struct apply_tree *tree = tree_of(apply, step);
		if (tree && length)
			prune_upwards(apply, tree, arena_strndup(apply->arena, step->path, length));
	}
}

/* What is no change any more has no original to be compared with. */
static int forget_originals(const struct apply *apply)
{
	const struct journal *journal = &apply->journal;
	struct strings paths = {arena_new(apply->arena, const char *, journal->count + 1), 0};
	int r = 0;
	for (size_t t = 0; r == 0 && t < apply->tree_count; t++) {
		unsigned number = apply->trees[t].tree.number;
		paths.count = 0;
		for (size_t i = 0; i < journal->count; i++)
			if (journal->steps[i].tree == number)
				paths.items[paths.count++] = journal->steps[i].path;
		r = base_forget(apply->sandbox_fd, number, &paths, apply->arena);
	}
	return r;
}

/* Old ones that are kept beside their places; true if there were any. */
static bool remove_beside(struct apply *apply)
{
	bool any = false;
	for (size_t i = 0; i < apply->journal.count; i++) {
		const struct step *step = &apply->journal.steps[i];
		struct step_place place;
		if (!(step->flags & STEP_OLD_BESIDE))
			continue;
		any = true;
		if (step_open(apply, i, &place) < 0 ||
			fs_remove_tree(place.old_fd, place.old_name) < 0)
			warn("%s", error_text());
		error_clear();
	}
	return any;
}

/* So that an undo can tell what is still as it was put. */
static void note_changes(struct apply *apply)
{
	for (size_t i = 0; i < apply->journal.count; i++) {
		struct step *step = &apply->journal.steps[i];
		struct step_place place;
		struct stat about;
		if (step->kind != STEP_PUT || step_open(apply, i, &place) < 0)
			continue;
		if (step_look(apply->real_parent, place.name, &about) == 0)
			step->new_changed = about.st_ctim;
	}
	error_clear();
}

/* Renames on another file system than the journal's are on the disk before the journal is gone. */
static void sync_others(const struct apply *apply)
{
	for (size_t t = 0; t < apply->tree_count; t++)
		for (size_t i = 0; i < apply->journal.count; i++) {
			const struct step *step = &apply->journal.steps[i];
			if (step->tree != apply->trees[t].tree.number ||
				!(step->flags & (STEP_COPIED | STEP_OLD_BESIDE)))
				continue;
			autoclose int fd = openat(
				apply->trees[t].real_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd >= 0)
				(void)syncfs(fd);
			break;
		}
}

/* All steps are done. What goes wrong here costs tidiness, or undo, and never a change. */
static int finish(struct apply *apply, struct apply_report *report)
{
	lock_directories(apply, true);
	prune(apply);
	sync_others(apply);
	bool beside = remove_beside(apply);
	if (forget_originals(apply) < 0)
		warn("%s", error_text());
	error_clear();
	note_changes(apply);
	lock_directories(apply, false);
	report->can_undo =
		!beside && journal_write(apply->sandbox_fd, JOURNAL_UNDO, &apply->journal) == 0;
	error_clear();
	(void)unlinkat(apply->sandbox_fd, JOURNAL_NEW, 0);
	if (unlinkat(apply->sandbox_fd, JOURNAL, 0) < 0 && errno != ENOENT)
		return fail(-errno, "remove the journal");
	if (!report->can_undo && fs_remove_tree(apply->sandbox_fd, "undo") < 0)
		error_clear();
	return 0;
}

/* ---- taking back
 * ------------------------------------------------------------------------------------------ */

/* All of them, even if one cannot be; then the journal goes and the originals in undo stay. */
static int go_back(struct apply *apply)
{
	struct told told = {};
	size_t failures = 0;
	for (size_t i = apply->journal.count; i-- > 0;) {
		int r = step_back(apply, i);
		if (r < 0 && failures++ == 0)
			told = keep_story(r, apply->arena);
		error_clear();
	}
	if (failures == 0) {
		lock_directories(apply, false);
		if (settle(apply->sandbox_fd, &apply->journal) < 0)
			warn("%s", error_text());
		error_clear();
		/* From here on there are only files to be removed. */
		int r = journal_rename(apply->sandbox_fd, JOURNAL_BACK, JOURNAL_NEW);
		if (r == 0)
			apply_unprepare(apply);
		return r;
	}
	if (told.r == -ESTALE)
		(void)unlinkat(apply->sandbox_fd, JOURNAL_BACK, 0);
	(void)tell_again(&told);
	int r = wrap(told.r, "%zu changes could not be taken back", failures);
	hint("originals are kept in the sandbox's directory undo");
	return r;
}

static int give_up(struct apply *apply, int reason)
{
	struct told told = keep_story(reason, apply->arena);
	int r = journal_rename(apply->sandbox_fd, JOURNAL, JOURNAL_BACK);
	if (r == 0)
		r = go_back(apply);
	if (r < 0)
		return wrap(r, "%s; and it was not taken back", told.text);
	return tell_again(&told);
}

static int go_forward(struct apply *apply, struct apply_report *report)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < apply->journal.count; i++)
		r = step_forward(apply, i);
	return r < 0 ? give_up(apply, r) : finish(apply, report);
}

/* ---- the ways in
 * ------------------------------------------------------------------------------------------- */

int apply_run(int sandbox_fd, struct caught_list *list, const struct apply_choice *choice,
	bool keep_setuid, struct apply_report *ret_report)
{
	autofini(apply_fini) struct apply apply = {
		.sandbox_fd = sandbox_fd, .arena = list->arena, APPLY_CLOSED};
	apply.journal.keep_setuid = keep_setuid;
	apply.trees = arena_new(list->arena, struct apply_tree, list->tree_count + 1);
	for (; apply.tree_count < list->tree_count; apply.tree_count++)
		apply.trees[apply.tree_count] = (struct apply_tree){
			list->trees[apply.tree_count].tree, list->trees[apply.tree_count].upper_fd,
			list->trees[apply.tree_count].real_fd};
	*ret_report = (struct apply_report){.applied = choice->count};
	if (choice->count == 0)
		return 0;
	int r = apply_plan(&apply, list, choice);
	if (r < 0)
		return r;
	r = apply_prepare(&apply, list, choice);
	if (r == 0)
		r = journal_write(sandbox_fd, JOURNAL, &apply.journal);
	if (r < 0) {
		struct told told = keep_story(r, list->arena);
		/* A journal that is there, though writing it failed, must not be believed. */
		(void)unlinkat(sandbox_fd, JOURNAL, 0);
		apply_unprepare(&apply);
		return tell_again(&told);
	}
	return go_forward(&apply, ret_report);
}

/* The trees of a journal that is read back. */
static int open_trees(struct apply *apply, struct caught_list *list)
{
	struct sandbox_tree *trees;
	size_t count;
	int r = trees_read(apply->sandbox_fd, apply->arena, &trees, &count);
	if (r < 0)
		return r;
	list->trees = arena_new(apply->arena, struct caught_tree, count + 1);
	apply->trees = arena_new(apply->arena, struct apply_tree, count + 1);
	for (size_t i = 0; i < count; i++) {
		const struct tree_name name = tree_name(trees[i].number, "upper");
		struct caught_tree *tree = &list->trees[list->tree_count++];
		tree->tree = trees[i];
		tree->upper_fd = openat(apply->sandbox_fd, name.text,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		tree->real_fd = open(trees[i].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (tree->upper_fd < 0 || tree->real_fd < 0)
			return fail(-errno, "open %s", trees[i].path);
		apply->trees[apply->tree_count++] =
			(struct apply_tree){trees[i], tree->upper_fd, tree->real_fd};
	}
	apply->undo_fd =
		openat(apply->sandbox_fd, "undo", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return 0;
}

bool apply_is_unfinished(int sandbox_fd)
{
	static const char *const names[] = {JOURNAL_BACK, JOURNAL, JOURNAL_NEW, JOURNAL_TEMPORARY};
	for (size_t i = 0; i < array_length(names); i++)
		if (faccessat(sandbox_fd, names[i], F_OK, 0) == 0)
			return true;
	return false;
}

int apply_recover(int sandbox_fd, struct arena *arena)
{
	autofini(apply_fini) struct apply apply = {
		.sandbox_fd = sandbox_fd, .arena = arena, APPLY_CLOSED};
	autofini(caught_fini) struct caught_list list = {};
	struct apply_report report;
	(void)unlinkat(sandbox_fd, JOURNAL_TEMPORARY, 0);
	if (!apply_is_unfinished(sandbox_fd))
		return 0;
	int r = open_trees(&apply, &list);
	if (r < 0)
		return r;
	r = journal_read(sandbox_fd, JOURNAL_BACK, arena, &apply.journal);
	if (r == 0)
		return go_back(&apply);
	if (r == -ENOENT)
		r = journal_read(sandbox_fd, JOURNAL, arena, &apply.journal);
	if (r == 0)
		return go_forward(&apply, &report);
	if (r == -ENOENT)
		r = journal_read(sandbox_fd, JOURNAL_NEW, arena, &apply.journal);
	if (r == 0)
		apply_unprepare(&apply);
	return r;
}

/* Whether the host has still what the apply left there. */
static size_t count_changed(struct apply *apply, const char **ret_path)
{
	size_t count = 0;
	for (size_t i = 0; i < apply->journal.count; i++) {
		const struct step *step = &apply->journal.steps[i];
		struct step_place place;
		struct stat about = {};
		if (step->kind != STEP_PUT && step->kind != STEP_DELETE)
			continue;
		bool same = step_open(apply, i, &place) == 0 &&
			    step_look(apply->real_parent, place.name, &about) == 0;
		error_clear();
		if (step->kind == STEP_DELETE)
			same = same && !about.st_mode;
		else
			same = same && about.st_ino == step->new_inode &&
			       about.st_ctim.tv_sec == step->new_changed.tv_sec &&
			       about.st_ctim.tv_nsec == step->new_changed.tv_nsec;
		if (!same && count++ == 0)
			*ret_path = step->path;
	}
	return count;
}

int apply_undo(int sandbox_fd, bool force, struct arena *arena, size_t *ret_count)
{
	autofini(apply_fini) struct apply apply = {
		.sandbox_fd = sandbox_fd, .arena = arena, APPLY_CLOSED};
	autofini(caught_fini) struct caught_list list = {};
	const char *path = NULL;
	int r = journal_read(sandbox_fd, JOURNAL_UNDO, arena, &apply.journal);
	if (r == -ENOENT)
		return refuse(r, "there is no apply that could be undone");
	if (r == 0)
		r = open_trees(&apply, &list);
	if (r < 0)
		return r;
	size_t changed = count_changed(&apply, &path);
	if (changed && !force) {
		r = refuse(-ESTALE, "%s has changed since it was applied, and %zu others", path,
			changed - 1);
		hint("--force takes back what it can");
		return r;
	}
	size_t count = 0;
	for (size_t i = 0; i < apply.journal.count; i++)
		count += apply.journal.steps[i].kind != STEP_ATTRIBUTES;
	r = journal_rename(sandbox_fd, JOURNAL_UNDO, JOURNAL_BACK);
	if (r == 0)
		r = go_back(&apply);
	if (r == 0)
		*ret_count = count;
	return r;
}
