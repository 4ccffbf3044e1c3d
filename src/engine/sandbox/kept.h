// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Whole states of a sandbox: forgetting changes, keeping a copy of all of them under a name, going
 * back to one. A snapshot is a copy that shares blocks where the file system can (FICLONE) and
 * nothing where it cannot, with every attribute of the overlay's; it is made under another name and
 * renamed when it is complete. Going back swaps the present trees with a copy of the snapshot's by
 * one rename(2). What is thrown away goes to the sandbox's directory trash first, which whoever
 * comes next empties, should this command be killed.
 *
 * Callers hold the exclusive lock.
 */

#include "engine/sandbox/apply.h"

struct kept {
	const char *name;
	struct timespec made;
};

/** By name. Tells a story. */
[[nodiscard]] int kept_list(
	int sandbox_fd, struct arena *arena, struct kept **ret_snapshots, size_t *ret_count);

/** -EEXIST if there is one of that name. Tells a story. */
[[nodiscard]] int kept_create(int sandbox_fd, const char *name, struct arena *arena);

/** The present changes are forgotten, the snapshot stays. Tells a story. */
[[nodiscard]] int kept_restore(int sandbox_fd, const char *name, struct arena *arena);

/** Tells a story. */
[[nodiscard]] int kept_remove(int sandbox_fd, const char *name, struct arena *arena);

/** Forgets all changes; trees, snapshots stay. Tells a story. */
[[nodiscard]] int discard_all(int sandbox_fd, struct arena *arena);

/** Forgets those chosen. One after the other: who is killed has forgotten some. Tells a story. */
[[nodiscard]] int discard_chosen(
	int sandbox_fd, struct caught_list *list, const struct apply_choice *choice);
