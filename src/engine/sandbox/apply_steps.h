// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Between the files of apply: apply_plan.c turns a choice into steps, apply_prepare.c makes what
 * they need, apply_forward.c and apply_back.c do and undo one, apply.c is the order of all. */

#include "engine/sandbox/apply.h"
#include "engine/sandbox/journal.h"

#define APPLY_TEMPORARY_PREFIX ".rung-tmp-"

/** A tree of a journal: its directories, opened, and those of the present step (see step_open). */
struct apply_tree {
	struct sandbox_tree tree;
	int upper_fd, real_fd; /* not to be closed here */
};

struct apply {
	int sandbox_fd, undo_fd;
	struct apply_tree *trees;
	size_t tree_count;
	struct journal journal;
	struct arena *arena;
	/* The directories of the last step, which most often are those of the next. */
	const struct step *at;
	size_t at_length;
	int upper_parent, real_parent, temporary_parent;
};

#define APPLY_CLOSED .undo_fd = -1, .upper_parent = -1, .real_parent = -1, .temporary_parent = -1

void apply_fini(struct apply *apply);

/** Where a step happens: descriptors in the apply, and names. */
struct step_place {
	const char *name;     /* in both parents */
	int fresh_fd, old_fd; /* where the new one comes from and the old one goes to … */
	const char *fresh_name, *old_name; /* … and their names there */
	char fresh_text[48], old_text[48], kept_text[32];
	const char *kept_name; /* in undo: the upper's, once its copy is in place */
};

/**
 * Opens the directories of a step. upper_parent is -1 where the upper directory has none;
 * real_parent must be there. -ENOENT, -ENOTDIR, -EXDEV (a mount point) … with a story.
 */
[[nodiscard]] int step_open(struct apply *apply, size_t index, struct step_place *ret_place);

[[nodiscard]] int apply_plan(
	struct apply *apply, const struct caught_list *list, const struct apply_choice *choice);
[[nodiscard]] int apply_prepare(
	struct apply *apply, const struct caught_list *list, const struct apply_choice *choice);

/** Spells out the opaque directories above what is chosen. Tells a story. */
[[nodiscard]] int apply_expand(
	const struct caught_list *list, const struct apply_choice *choice, struct arena *arena);

/** Removes what apply_prepare() made, or began to. */
void apply_unprepare(struct apply *apply);

/** Both can be repeated at any point of their work. */
[[nodiscard]] int step_forward(struct apply *apply, size_t index);
[[nodiscard]] int step_back(struct apply *apply, size_t index);

/** A directory of changes that not even its owner may write to lets us, until attributes are set.
 */
void step_unlock_upper(const struct apply *apply);

/** st_mode 0: nothing there. */
[[nodiscard]] int step_look(int directory_fd, const char *name, struct stat *ret_about);

/** Makes the directories above a step in the upper directory again, like those of the host. */
[[nodiscard]] int step_make_upper(struct apply *apply, size_t index);
