// SPDX-License-Identifier: Apache-2.0

/*
 * One step of an apply. Each looks first how far it has come already: the inodes in the journal
 * tell what lies under a name. The new file and the old one swap names by one rename
 * (RENAME_EXCHANGE), so there is always one of them, and what came out is looked at again before it
 * is put away: it must be the one that was planned for, or the swap is taken back.
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
#include <unistd.h>

/* ---- where
 * --------------------------------------------------------------------------------------------- */

int step_look(int directory_fd, const char *name, struct stat *ret_about)
{
	*ret_about = (struct stat){};
	if (fstatat(directory_fd, name, ret_about, AT_SYMLINK_NOFOLLOW) == 0 || errno == ENOENT)
		return 0;
	return -errno;
}

static void close_places(struct apply *apply)
{
	close_now(apply->upper_parent);
	close_now(apply->real_parent);
	close_now(apply->temporary_parent);
	apply->at = NULL;
}

void apply_fini(struct apply *apply)
{
	close_places(apply);
	close_now(apply->undo_fd);
}

void step_unlock_upper(const struct apply *apply)
{
	struct stat about;
	if (apply->upper_parent < 0)
		return;
	const struct fd_path path = fd_path(apply->upper_parent);
	if (access(path.text, W_OK | X_OK) < 0 && fstat(apply->upper_parent, &about) == 0)
		(void)chmod(path.text, (about.st_mode & 07777) | S_IRWXU);
}

static int open_places(
	struct apply *apply, const struct apply_tree *tree, const struct step *step, size_t length)
{
	close_places(apply);
	const char *parent = length ? arena_strndup(apply->arena, step->path, length) : ".";
	const char *beside = step->temporary_length ? arena_strndup(apply->arena, step->path,
							      step->temporary_length)
						    : ".";
	apply->real_parent = caught_open_directory(tree->real_fd, parent, O_PATH);
	if (apply->real_parent < 0)
		return fail(apply->real_parent, "open %s/%s", tree->tree.path, parent);
	apply->temporary_parent = caught_open_directory(tree->real_fd, beside, O_PATH);
	if (apply->temporary_parent < 0)
		return fail(apply->temporary_parent, "open %s/%s", tree->tree.path, beside);
	/* Not there any more when all is applied and somebody undoes it. */
	apply->upper_parent = caught_open_directory(tree->upper_fd, parent, O_PATH);
	step_unlock_upper(apply);
	apply->at = step;
	apply->at_length = length;
	return 0;
}

int step_open(struct apply *apply, size_t index, struct step_place *ret_place)
{
	const struct step *step = &apply->journal.steps[index];
	const char *slash = strrchr(step->path, '/');
	size_t length = slash ? (size_t)(slash - step->path) : 0;
	const struct apply_tree *tree = NULL;
	for (size_t i = 0; i < apply->tree_count; i++)
		if (apply->trees[i].tree.number == step->tree)
			tree = &apply->trees[i];
	if (!tree)
		return refuse(-EINVAL, "tree %u of the journal is not known", step->tree);
	bool same = apply->at && apply->at->tree == step->tree && apply->at_length == length &&
		    apply->at->temporary_length == step->temporary_length &&
		    memcmp(apply->at->path, step->path, length) == 0 && apply->upper_parent >= 0;
	int r = same ? 0 : open_places(apply, tree, step, length);
	if (r < 0)
		return r;
	struct step_place *place = ret_place;
	place->name = slash ? slash + 1 : step->path;
	(void)snprintf(place->fresh_text, sizeof(place->fresh_text),
		APPLY_TEMPORARY_PREFIX "%s-%zu", apply->journal.id, index);
	(void)snprintf(place->kept_text, sizeof(place->kept_text), "new-%zu", index);
	bool copied = step->flags & STEP_COPIED, beside = step->flags & STEP_OLD_BESIDE;
	if (beside)
		(void)snprintf(place->old_text, sizeof(place->old_text),
			APPLY_TEMPORARY_PREFIX "%s-%zu-old", apply->journal.id, index);
	else
		(void)snprintf(place->old_text, sizeof(place->old_text), "old-%zu", index);
	place->fresh_fd = copied ? apply->temporary_parent : apply->upper_parent;
	place->fresh_name = copied ? place->fresh_text : place->name;
	place->old_fd = beside ? apply->temporary_parent : apply->undo_fd;
	place->old_name = place->old_text;
	place->kept_name = place->kept_text;
	return 0;
}

/* ---- doing
 * ------------------------------------------------------------------------------------------------
 */

static bool is_planned(const struct step *step, const struct stat *about)
{
	return about->st_ino == step->old_inode &&
	       (S_ISDIR(about->st_mode) ||
		       (about->st_ctim.tv_sec == step->old_changed.tv_sec &&
			       about->st_ctim.tv_nsec == step->old_changed.tv_nsec));
}

static int stale(void)
{
	return refuse(-ESTALE, "the original changed in this moment");
}

/* The host's name → where old ones are kept. Nothing to do where it is gone. */
static int take_old_away(
	struct apply *apply, const struct step *step, const struct step_place *place)
{
	struct stat real = {}, kept = {};
	int r = step_look(apply->real_parent, place->name, &real);
	if (r == 0)
		r = step_look(place->old_fd, place->old_name, &kept);
	if (r < 0)
		return fail(r, "look at it");
	if (!real.st_mode || kept.st_mode)
		return 0;
	if (!is_planned(step, &real))
		return stale();
	r = kernel_rename_new(apply->real_parent, place->name, place->old_fd, place->old_name);
	if (r < 0)
		return fail(r, "put the original away");
	r = step_look(place->old_fd, place->old_name, &kept);
	if (r == 0 && kept.st_ino != step->old_inode) {
		(void)kernel_rename_new(
			place->old_fd, place->old_name, apply->real_parent, place->name);
		return stale();
	}
	return 0;
}

/* The new one and the host's swap names, then what was the host's is put away. */
static int swap_in(struct apply *apply, const struct step *step, const struct step_place *place)
{
	struct stat real, out;
	int r = step_look(apply->real_parent, place->name, &real);
	if (r < 0)
		return fail(r, "look at it");
	if (real.st_mode && !is_planned(step, &real))
		return stale();
	r = real.st_mode ? kernel_rename_swap(place->fresh_fd, place->fresh_name,
				   apply->real_parent, place->name)
			 : -EINVAL;
	if (r == -EINVAL) {
		/* A file system that cannot swap; or this is where that one was interrupted. */
		r = take_old_away(apply, step, place);
		return r < 0 ? r
			     : kernel_rename_new(place->fresh_fd, place->fresh_name,
				       apply->real_parent, place->name);
	}
	if (r < 0)
		return fail(r, "put it in place");
	r = step_look(place->fresh_fd, place->fresh_name, &out);
	if (r == 0 && out.st_ino != step->old_inode) {
		(void)kernel_rename_swap(
			place->fresh_fd, place->fresh_name, apply->real_parent, place->name);
		return stale();
	}
	return 0;
}

static int put(struct apply *apply, const struct step *step, const struct step_place *place)
{
	struct stat fresh;
	int r = step_look(place->fresh_fd, place->fresh_name, &fresh);
	if (r < 0)
		return fail(r, "look at it");
	if (fresh.st_mode && fresh.st_ino == step->new_inode) {
		if (!(step->flags & STEP_COPIED))
			r = copy_strip_overlay(place->fresh_fd, place->fresh_name);
		if (r < 0)
			return fail(r, "take off the overlay's attributes");
		if (step->flags & STEP_HAD_OLD)
			r = swap_in(apply, step, place);
		else
			r = kernel_rename_new(place->fresh_fd, place->fresh_name,
				apply->real_parent, place->name);
		if (r == -EEXIST)
			return stale();
		if (r < 0)
			return *error_text() ? r : fail(r, "put it in place");
		r = step_look(place->fresh_fd, place->fresh_name, &fresh);
	}
	/* What is there now came out of the swap. */
	if (r == 0 && fresh.st_mode && fresh.st_ino == step->old_inode &&
		(step->flags & STEP_HAD_OLD))
		r = kernel_rename_new(
			place->fresh_fd, place->fresh_name, place->old_fd, place->old_name);
	if (r < 0)
		return fail(r, "put the original away");
	if (!(step->flags & STEP_COPIED))
		return 0;
	r = kernel_rename_new(apply->upper_parent, place->name, apply->undo_fd, place->kept_name);
	return r < 0 && r != -ENOENT && r != -EEXIST ? fail(r, "put the change away") : 0;
}

static int make_directory(
	struct apply *apply, const struct step *step, const struct step_place *place)
{
	struct stat real;
	int r = step_look(apply->real_parent, place->name, &real);
	if (r < 0)
		return fail(r, "look at it");
	/* Made by this step before it was interrupted; somebody else's would do as well. */
	if (S_ISDIR(real.st_mode))
		return 0;
	if (real.st_mode && !(step->flags & STEP_HAD_OLD))
		return stale();
	r = real.st_mode ? take_old_away(apply, step, place) : 0;
	if (r == 0 && mkdirat(apply->real_parent, place->name, 0700) < 0)
		r = fail(-errno, "create it");
	return r;
}

static int delete (struct apply *apply, const struct step *step, const struct step_place *place)
{
	int r = take_old_away(apply, step, place);
	if (r < 0)
		return r;
	struct stat whiteout;
	r = step_look(apply->upper_parent, place->name, &whiteout);
	if (r == 0 && whiteout.st_mode &&
		caught_is_whiteout(apply->upper_parent, place->name, &whiteout) &&
		unlinkat(apply->upper_parent, place->name, 0) < 0)
		r = -errno;
	return r < 0 ? fail(r, "forget that it was deleted") : 0;
}

int step_forward(struct apply *apply, size_t index)
{
	const struct step *step = &apply->journal.steps[index];
	struct step_place place;
	int r = step_open(apply, index, &place);
	if (r < 0)
		return r;
	/* Its directory was tidied away, which is done when all in it is. */
	if (apply->upper_parent == -ENOENT)
		return 0;
	if (apply->upper_parent < 0)
		return fail(apply->upper_parent, "open the changes beside %s", step->path);
	switch (step->kind) {
	case STEP_PUT:
		r = put(apply, step, &place);
		break;
	case STEP_DIRECTORY:
		r = make_directory(apply, step, &place);
		break;
	case STEP_DELETE:
		r = delete (apply, step, &place);
		break;
	default:
		r = copy_directory_attributes(apply->undo_fd, place.kept_name, apply->real_parent,
			place.name, COPY_PLAIN);
		if (r < 0)
			r = fail(r, "set its attributes");
	}
	return r < 0 ? wrap(r, "apply %s", step->path) : 0;
}
