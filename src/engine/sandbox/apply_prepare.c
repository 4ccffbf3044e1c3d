// SPDX-License-Identifier: Apache-2.0

/*
 * What steps need before the first of them is done, so that none can fail for lack of room.
 *
 *  - Opaque directories are spelled out: each name of the host's that they hide gets a whiteout of
 *    its own, so that a file that leaves the upper directory is seen through it afterwards. What
 * the sandbox shows stays the same.
 *  - Copies of what cannot be moved lie in the nearest directory that exists, under a name with the
 *    journal's id; they become real by rename(2).
 *  - Empty directories in undo carry the attributes that directories have and get.
 *  - All of it is on the disk before the journal says so.
 */

#include "engine/sandbox/apply_steps.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/caught_walk.h"
#include "engine/sandbox/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

/* ---- opaque directories
 * --------------------------------------------------------------------------- */

static int expand(int upper_fd, int real_fd, struct arena *arena, unsigned depth)
{
	struct caught_names present, hidden;
	int r = depth < CAUGHT_DEEPEST ? caught_names_read(upper_fd, arena, &present) : -ELOOP;
	if (r == 0)
		r = caught_names_read(real_fd, arena, &hidden);
	for (size_t i = 0; r == 0 && i < hidden.count; i++) {
		const char *name = hidden.names[i];
		if (!caught_names_have(&present, name)) {
			r = mknodat(upper_fd, name, S_IFCHR, 0) < 0 && errno != EEXIST ? -errno : 0;
			continue;
		}
		autoclose int upper = caught_open_directory(upper_fd, name, O_RDONLY);
		autoclose int real =
			upper < 0 ? -1 : caught_open_directory(real_fd, name, O_RDONLY);
		if (real >= 0)
			r = expand(upper, real, arena, depth + 1);
	}
	static const char *const names[] = {"user.overlay.opaque", "trusted.overlay.opaque"};
	for (size_t i = 0; r == 0 && i < array_length(names); i++)
		if (caught_opaqueness(upper_fd) == 'y' && fremovexattr(upper_fd, names[i]) < 0 &&
			errno != ENODATA)
			r = -errno;
	return r;
}

/* The topmost opaque directory above a change. */
static int expand_above(const struct caught_tree *tree, const char *path, struct arena *arena)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *part = arena_strndup(arena, path, (size_t)(slash - path));
		autoclose int upper = caught_open_directory(tree->upper_fd, part, O_RDONLY);
		if (upper < 0)
			return fail(upper, "open the changes in %s", part);
		if (caught_opaqueness(upper) != 'y')
			continue;
		autoclose int real = caught_open_directory(tree->real_fd, part, O_RDONLY);
		/* Where the host has nothing, nothing is hidden. */
		if (real < 0)
			return 0;
		int r = expand(upper, real, arena, 0);
		return r < 0 ? fail(r, "prepare %s", part) : 0;
	}
	return 0;
}

int apply_expand(
	const struct caught_list *list, const struct apply_choice *choice, struct arena *arena)
{
	size_t previous = SIZE_MAX;
	for (size_t i = 0; i < list->count; i++) {
		const struct caught *caught = &list->items[i];
		if (!choice->chosen[i] || !caught->opaque_above || caught->fresh_above)
			continue;
		/* Neighbours have mostly the same directory. */
		const char *slash = strrchr(caught->path, '/');
		size_t length = slash ? (size_t)(slash - caught->path) + 1 : 0;
		bool known = previous != SIZE_MAX && list->items[previous].tree == caught->tree &&
			     strncmp(list->items[previous].path, caught->path, length) == 0;
		previous = i;
		int r = known ? 0 : expand_above(&list->trees[caught->tree], caught->path, arena);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- copies and attributes
 * ----------------------------------------------------------------------- */

static int copy_one(struct apply *apply, size_t index)
{
	struct step *step = &apply->journal.steps[index];
	const char *slash = strrchr(step->path, '/');
	const char *name = slash ? slash + 1 : step->path;
	const struct apply_tree *tree = NULL;
	for (size_t i = 0; i < apply->tree_count; i++)
		if (apply->trees[i].tree.number == step->tree)
			tree = &apply->trees[i];
	if (!tree)
		return refuse(-EINVAL, "tree %u", step->tree);
	const char *parent =
		slash ? arena_strndup(apply->arena, step->path, (size_t)(slash - step->path)) : ".";
	const char *beside = step->temporary_length ? arena_strndup(apply->arena, step->path,
							      step->temporary_length)
						    : ".";
	autoclose int from = caught_open_directory(tree->upper_fd, parent, O_PATH);
	autoclose int to = from < 0 ? -1 : caught_open_directory(tree->real_fd, beside, O_PATH);
	if (from < 0 || to < 0)
		return fail(from < 0 ? from : to, "open %s/%s", tree->tree.path,
			from < 0 ? parent : beside);
	struct stat about;
	const char *temporary = arena_format(
		apply->arena, APPLY_TEMPORARY_PREFIX "%s-%zu", apply->journal.id, index);
	int r = copy_entry(from, name, to, temporary,
		apply->journal.keep_setuid ? COPY_SETUID : COPY_PLAIN, &about);
	if (r < 0)
		return fail(r, "copy %s/%s", tree->tree.path, step->path);
	step->new_inode = about.st_ino;
	return 0;
}

/* An empty directory with the attributes of another. */
static int remember_attributes(
	struct apply *apply, int from_top, const char *path, const char *name)
{
	if (mkdirat(apply->undo_fd, name, 0700) < 0)
		return -errno;
	const char *slash = strrchr(path, '/');
	const char *parent =
		slash ? arena_strndup(apply->arena, path, (size_t)(slash - path)) : ".";
	autoclose int from = caught_open_directory(from_top, parent, O_PATH);
	if (from < 0)
		return from;
	return copy_directory_attributes(
		from, slash ? slash + 1 : path, apply->undo_fd, name, COPY_EXACT);
}

static int prepare_attributes(struct apply *apply, size_t index)
{
	const struct step *step = &apply->journal.steps[index];
	char name[32];
	for (size_t i = 0; i < apply->tree_count; i++) {
		const struct apply_tree *tree = &apply->trees[i];
		if (tree->tree.number != step->tree)
			continue;
		(void)snprintf(name, sizeof(name), "new-%zu", index);
		int r = remember_attributes(apply, tree->upper_fd, step->path, name);
		(void)snprintf(name, sizeof(name), "old-%zu", index);
		if (r == 0 && step->old_inode)
			r = remember_attributes(apply, tree->real_fd, step->path, name);
		return r < 0 ? fail(r, "keep the attributes of %s/%s", tree->tree.path, step->path)
			     : 0;
	}
	return refuse(-EINVAL, "tree %u", step->tree);
}

static int prepare_steps(struct apply *apply)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < apply->journal.count; i++) {
		const struct step *step = &apply->journal.steps[i];
		if (step->kind == STEP_PUT && (step->flags & STEP_COPIED))
			r = copy_one(apply, i);
		else if (step->kind == STEP_ATTRIBUTES)
			r = prepare_attributes(apply, i);
	}
	return r;
}

/* One syncfs(2) a file system costs less than fsync(2) a file. */
static int sync_trees(const struct apply *apply)
{
	for (size_t i = 0; i < apply->tree_count; i++) {
		bool moved = false, copied = false;
		for (size_t k = 0; k < apply->journal.count; k++) {
			const struct step *step = &apply->journal.steps[k];
			if (step->tree != apply->trees[i].tree.number || step->kind != STEP_PUT)
				continue;
			copied = copied || step->flags & STEP_COPIED;
			moved = moved || !(step->flags & STEP_COPIED);
		}
		autoclose int real = copied ? openat(apply->trees[i].real_fd, ".",
						      O_RDONLY | O_DIRECTORY | O_CLOEXEC)
					    : -1;
		if (copied && (real < 0 || syncfs(real) < 0))
			return fail(-errno, "write %s to the disk", apply->trees[i].tree.path);
		if (moved && syncfs(apply->trees[i].upper_fd) < 0)
			return fail(-errno, "write the changes to the disk");
	}
	return 0;
}

static int make_undo(struct apply *apply)
{
	if (unlinkat(apply->sandbox_fd, JOURNAL_UNDO, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
		return fail(-errno, "remove %s", JOURNAL_UNDO);
	int r = fs_remove_tree(apply->sandbox_fd, "undo");
	if (r < 0)
		return r;
	if (mkdirat(apply->sandbox_fd, "undo", 0700) < 0)
		return fail(-errno, "create undo");
	apply->undo_fd =
		openat(apply->sandbox_fd, "undo", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return apply->undo_fd < 0 ? fail(-errno, "open undo") : 0;
}

int apply_prepare(
	struct apply *apply, const struct caught_list *list, const struct apply_choice *choice)
{
	int r = make_undo(apply);
	if (r == 0)
		r = apply_expand(list, choice, apply->arena);
	if (r == 0)
		r = journal_write(apply->sandbox_fd, JOURNAL_NEW, &apply->journal);
	if (r == 0)
		r = prepare_steps(apply);
	if (r == 0)
		r = sync_trees(apply);
	return r;
}

void apply_unprepare(struct apply *apply)
{
	for (size_t i = 0; i < apply->journal.count; i++) {
		const struct step *step = &apply->journal.steps[i];
		if (step->kind != STEP_PUT || !(step->flags & STEP_COPIED))
			continue;
		for (size_t k = 0; k < apply->tree_count; k++) {
			if (apply->trees[k].tree.number != step->tree)
				continue;
			const char *beside = step->temporary_length
						     ? arena_strndup(apply->arena, step->path,
							       step->temporary_length)
						     : ".";
			autoclose int fd =
				caught_open_directory(apply->trees[k].real_fd, beside, O_PATH);
			const char *name = arena_format(apply->arena,
				APPLY_TEMPORARY_PREFIX "%s-%zu", apply->journal.id, i);
			if (fd >= 0)
				(void)unlinkat(fd, name, 0);
		}
	}
	(void)unlinkat(apply->sandbox_fd, JOURNAL_NEW, 0);
	(void)unlinkat(apply->sandbox_fd, JOURNAL_TEMPORARY, 0);
	(void)fs_remove_tree(apply->sandbox_fd, "undo");
}
