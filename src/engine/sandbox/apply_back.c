// SPDX-License-Identifier: Apache-2.0

/*
 * One step of an apply taken back: the original into its place, the change into the sandbox. It may
 * have been done, half done or not begun, and so may the taking back: the inodes in the journal
 * tell what lies under each name.
 *
 * Where somebody has changed the host's file since, nothing is touched: the original stays in the
 * directory undo, and the story says so.
 */

#include "engine/sandbox/apply_steps.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/text.h"
#include "engine/sandbox/caught_walk.h"
#include "engine/sandbox/copy.h"

#include <errno.h>
#include <fcntl.h>

/* What is there already stays as it is. */
static int make_upper_at(int upper_fd, int real_fd, const char *name)
{
	if (mkdirat(upper_fd, name, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	return real_fd < 0 ? 0
			   : copy_directory_attributes(real_fd, name, upper_fd, name, COPY_SETUID);
}

int step_make_upper(struct apply *apply, size_t index)
{
	const struct step *step = &apply->journal.steps[index];
	if (apply->upper_parent >= 0)
		return 0;
	for (size_t i = 0; i < apply->tree_count; i++) {
		if (apply->trees[i].tree.number != step->tree)
			continue;
		autoclose int upper =
			openat(apply->trees[i].upper_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		autoclose int real =
			openat(apply->trees[i].real_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		const char *part = step->path;
		for (const char *slash; (slash = strchr(part, '/')); part = slash + 1) {
			const char *name =
				arena_strndup(apply->arena, part, (size_t)(slash - part));
			int r = make_upper_at(upper, real, name);
			int next = r < 0 ? r : caught_open_directory(upper, name, O_PATH);
			int beside = caught_open_directory(real, name, O_PATH);
			close_now(upper);
			close_now(real);
			upper = next;
			real = beside;
			if (upper < 0)
				return fail(upper, "make the directory of its change");
		}
		apply->upper_parent = take_fd(upper);
		step_unlock_upper(apply);
	}
	return 0;
}

static int changed_since(const struct step_place *place, bool kept)
{
	if (kept)
		return refuse(-ESTALE, "it has changed since; the original is kept as %s",
			place->old_name);
	return refuse(-ESTALE, "it has changed since");
}

/* What was put, now under this name, goes back to where it came from. */
static int return_fresh(struct apply *apply, const struct step *step,
	const struct step_place *place, int fd, const char *name)
{
	int r;
	if (step->flags & STEP_COPIED)
		r = unlinkat(fd, name, 0) < 0 ? -errno : 0;
	else
		r = kernel_rename_new(fd, name, apply->upper_parent, place->name);
	return r < 0 ? fail(r, "bring the change back") : 0;
}

/* The old one is kept: it swaps names with the one that was put. */
static int swap_out(struct apply *apply, const struct step *step, const struct step_place *place,
	const struct stat *real)
{
	if (!real->st_mode) {
		int r = kernel_rename_new(
			place->old_fd, place->old_name, apply->real_parent, place->name);
		return r < 0 ? fail(r, "bring the original back") : 0;
	}
	if (real->st_ino != step->new_inode)
		return changed_since(place, true);
	int r = kernel_rename_swap(place->old_fd, place->old_name, apply->real_parent, place->name);
	if (r == 0)
		return return_fresh(apply, step, place, place->old_fd, place->old_name);
	if (r == -EINVAL) {
		r = return_fresh(apply, step, place, apply->real_parent, place->name);
		if (r == 0)
			r = kernel_rename_new(
				place->old_fd, place->old_name, apply->real_parent, place->name);
	}
	return r < 0 ? fail(r, "bring the original back") : 0;
}

static int take_back_put(
	struct apply *apply, const struct step *step, const struct step_place *place)
{
	struct stat real = {}, fresh = {}, old = {};
	bool had_old = step->flags & STEP_HAD_OLD, copied = step->flags & STEP_COPIED;
	int r = step_look(apply->real_parent, place->name, &real);
	if (r == 0)
		r = step_look(place->fresh_fd, place->fresh_name, &fresh);
	if (r == 0 && had_old)
		r = step_look(place->old_fd, place->old_name, &old);
	if (r < 0)
		return fail(r, "look at it");
	if (had_old && fresh.st_mode && fresh.st_ino == step->old_inode) {
		/* Swapped, and not yet put away. */
		if (real.st_ino != step->new_inode)
			return changed_since(place, true);
		r = kernel_rename_swap(
			place->fresh_fd, place->fresh_name, apply->real_parent, place->name);
		if (r == 0)
			r = step_look(place->fresh_fd, place->fresh_name, &fresh);
	} else if (old.st_mode && old.st_ino == step->new_inode) {
		r = return_fresh(apply, step, place, place->old_fd, place->old_name);
	} else if (old.st_mode) {
		r = swap_out(apply, step, place, &real);
	} else if (!had_old && real.st_mode && !fresh.st_mode) {
		r = real.st_ino == step->new_inode
			    ? return_fresh(apply, step, place, apply->real_parent, place->name)
			    : changed_since(place, false);
	}
	if (r < 0)
		return *error_text() ? r : fail(r, "bring the original back");
	if (!copied)
		return 0;
	if (fresh.st_mode && fresh.st_ino == step->new_inode)
		(void)unlinkat(place->fresh_fd, place->fresh_name, 0);
	r = kernel_rename_new(apply->undo_fd, place->kept_name, apply->upper_parent, place->name);
	return r < 0 && r != -ENOENT && r != -EEXIST ? fail(r, "bring the change back") : 0;
}

static int bring_old_back(struct apply *apply, const struct step_place *place)
{
	int r = kernel_rename_new(place->old_fd, place->old_name, apply->real_parent, place->name);
	if (r == -EEXIST)
		return changed_since(place, true);
	return r < 0 && r != -ENOENT ? fail(r, "bring the original back") : 0;
}

/* A directory that somebody has put something in since stays. */
static int take_back_directory(
	struct apply *apply, const struct step *step, const struct step_place *place)
{
	if (unlinkat(apply->real_parent, place->name, AT_REMOVEDIR) < 0 && errno != ENOENT &&
		errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
		return fail(-errno, "remove it");
	return step->flags & STEP_HAD_OLD ? bring_old_back(apply, place) : 0;
}

static int take_back_delete(struct apply *apply, const struct step_place *place)
{
	int r = bring_old_back(apply, place);
	if (r < 0)
		return r;
	if (mknodat(apply->upper_parent, place->name, S_IFCHR, 0) < 0 && errno != EEXIST)
		return fail(-errno, "remember that it was deleted");
	return 0;
}

/* A directory that the apply made is about to be emptied. */
static void unlock_new(int parent_fd, const char *name)
{
	autoclose int fd = caught_open_directory(parent_fd, name, O_PATH);
	if (fd >= 0)
		(void)chmod(fd_path(fd).text, S_IRWXU);
}

static int take_back_attributes(
	struct apply *apply, const struct step *step, const struct step_place *place)
{
	struct stat about;
	int r = step_look(apply->undo_fd, place->old_name, &about);
	if (r == 0 && about.st_mode)
		r = copy_directory_attributes(apply->undo_fd, place->old_name, apply->real_parent,
			place->name, COPY_SETUID);
	else if (r == 0 && !step->old_inode)
		unlock_new(apply->real_parent, place->name);
	if (r < 0)
		return fail(r, "set its attributes");
	if (mkdirat(apply->upper_parent, place->name, 0700) < 0 && errno != EEXIST)
		return fail(-errno, "make the directory of its change");
	r = copy_directory_attributes(
		apply->undo_fd, place->kept_name, apply->upper_parent, place->name, COPY_EXACT);
	return r < 0 && r != -ENOENT ? fail(r, "set the attributes of its change") : 0;
}

int step_back(struct apply *apply, size_t index)
{
	const struct step *step = &apply->journal.steps[index];
	struct step_place place;
	int r = step_open(apply, index, &place);
	/* Its directory was to be made by an earlier step, which was never done. */
	if (r == -ENOENT || r == -ENOTDIR) {
		error_clear();
		return 0;
	}
	if (r == 0)
		r = step_make_upper(apply, index);
	if (r < 0)
		return r;
	if (!(step->flags & STEP_COPIED)) {
		place.fresh_fd = apply->upper_parent;
	}
	switch (step->kind) {
	case STEP_PUT:
		r = take_back_put(apply, step, &place);
		break;
	case STEP_DIRECTORY:
		r = take_back_directory(apply, step, &place);
		break;
	case STEP_DELETE:
		r = take_back_delete(apply, &place);
		break;
	default:
		r = take_back_attributes(apply, step, &place);
	}
	return r < 0 ? wrap(r, "take back %s", step->path) : 0;
}
