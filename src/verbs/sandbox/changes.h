// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the verbs on caught writes share: diff, apply, discard, snapshot, restore, recover. */

#include "cli/verb.h"
#include "engine/sandbox/apply.h"

/** A named sandbox, locked, and its changes. */
struct work {
	int sandbox_fd, lock_fd;
	struct caught_list list;
};
#define WORK_NONE \
	{ \
		.sandbox_fd = -1, .lock_fd = -1 \
	}
void work_fini(struct work *work);

/**
 * Opens the sandbox that the first argument names, takes its lock (flock(2)'s words) and, where
 * @read says so, reads its changes. Tells a story.
 */
[[nodiscard]] int work_open(
	struct invocation *invocation, int operation, bool read, struct work *ret_work);

/** The arguments behind the first as absolute paths and patterns. Tells a story. */
[[nodiscard]] int work_paths(struct invocation *invocation, struct strings *ret_paths);

/** Says for which paths there was nothing. -ENOENT with a story if that is all of them. */
[[nodiscard]] int work_check_paths(const struct apply_choice *choice, const struct strings *paths);

/** 'A', 'C', 'P' or 'D'. */
char change_letter(const struct caught *caught);

/** How many of each kind, as "2 added, 1 deleted"; "no changes". In the arena. */
const char *change_counts(const struct caught_list *list, const bool *chosen, struct arena *arena);

/** Prints a path of a sandbox: no control characters, which could steer the terminal. */
const char *change_printable(const char *path, struct arena *arena);

/** One line a conflict or refusal of what the choice leaves out, on standard error. */
void change_tell_obstacles(const struct caught_list *list, const struct strings *paths,
	bool conflicts, bool refusals, struct arena *arena);

/** `diff -u` of one change on standard output (change_text.c). Tells a story. */
[[nodiscard]] int change_print_text(
	const struct caught_list *list, const struct caught *caught, struct arena *arena);
