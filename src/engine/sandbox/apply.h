// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Changes become real. What is chosen is applied as a whole or not at all: first everything that
 * takes room or could fail is prepared (copies beside their places, where the upper directory lies
 * on another file system), then a journal says what is to be done, then names are exchanged, one
 * rename(2) a file. Who is killed in between leaves a journal, and the next command that takes the
 * sandbox's lock completes it, or takes it back where that cannot be done.
 *
 * What makes room for a change is kept in the sandbox's directory undo until the next apply, unless
 * it lies on another file system.
 *
 * Paths are walked by descriptor below the tree that the sandbox caught: no link is followed and no
 * mount point crossed on the way, so whatever links the program made, or another one makes
 * meanwhile, nothing outside the tree is touched. Devices and sockets are never applied; setuid and
 * setgid bits and capabilities of programs are taken off unless asked for.
 */

#include "engine/sandbox/caught.h"
#include "plan/plan.h"

enum apply_on_conflict {
	APPLY_REFUSE, /* nothing at all is applied */
	APPLY_SKIP,   /* what conflicts stays in the sandbox */
	APPLY_FORCE,  /* the sandbox's wins */
};

struct apply_request {
	/*
	 * Absolute paths: the change of that name and all below it. With * ? [ they are patterns
	 * (fnmatch(3)), of the last name where there is no slash. None: everything.
	 */
	struct strings paths;
	enum apply_on_conflict on_conflict;
	bool keep_setuid;
	bool discard; /* the choice is for discard_chosen(): what can never be applied too */
};

struct apply_choice {
	bool *chosen;                      /* of each item of the list */
	size_t count, conflicts, refusals; /* chosen; in the way of what was asked for */
	const char **unmatched;            /* paths for which there is no change */
	size_t unmatched_count;
};

/** What of the list a request means. Also chooses the new directories above what is chosen. */
void apply_choose(const struct caught_list *list, const struct apply_request *request,
	struct arena *arena, struct apply_choice *ret_choice);

struct apply_report {
	size_t applied; /* changes */
	bool can_undo;
};

/**
 * Applies. The caller has read the list under the exclusive lock. -ESTALE, with a story, where an
 * original changed in this moment; then, as after any other error, nothing has been applied. Where
 * even taking back failed the story says so, and the journal stays.
 */
[[nodiscard]] int apply_run(int sandbox_fd, struct caught_list *list,
	const struct apply_choice *choice, bool keep_setuid, struct apply_report *ret_report);

/**
 * Completes or takes back what a killed apply left; nothing where there is no journal. The caller
 * has the exclusive lock. Tells a story.
 */
[[nodiscard]] int apply_recover(int sandbox_fd, struct arena *arena);

/** Whether there is one that was killed. */
bool apply_is_unfinished(int sandbox_fd);

/**
 * Takes the last apply back: originals are in place again, the changes in the sandbox. -ENOENT if
 * there is none that can be; -ESTALE, where files changed since, unless forced. Tells a story.
 */
[[nodiscard]] int apply_undo(int sandbox_fd, bool force, struct arena *arena, size_t *ret_count);
