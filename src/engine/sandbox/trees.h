// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The directory of a named sandbox and the trees of the host whose writes it catches.
 *
 * Below <data>/sandbox/<NAME>/ are
 *
 * - lock: shared while a program runs in it, exclusive for who changes what it holds
 *
 * - trees.json: [{"path":"/home/u","number":0}]
 *
 * - trees/0/upper and trees/0/work: the overlay's directories; upper is what was written
 *
 * - trees/0/base: what the originals were like when runs ended (base.h)
 *
 * - trees/since: when the runs began of whose changes base does not know yet
 *
 * - journal, undo: of apply (apply.h); snapshots, trash: see kept.h
 *
 * A run: sandbox_open(), sandbox_lock(LOCK_SH), trees_add() for each tree, trees_begin(), the
 * program, trees_end(), then the lock is closed. Who dies in between loses nothing: what base lacks
 * is judged more strictly.
 */

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

#define TREES_SINCE "trees/since"

struct sandbox_tree {
	const char *path; /* of the host; absolute, without "." and ".." */
	unsigned number;
};

/** Letters, digits and _.- behind a letter or digit, at most 64 bytes. */
bool sandbox_name_is_valid(const char *name);

/**
 * The directory of the sandbox of that name, which is made where @create says so. -ENOENT, or
 * -EINVAL for what cannot be a name. Tells a story. Returns a descriptor.
 */
[[nodiscard]] int sandbox_open(const char *name, bool create);

/**
 * Takes the lock: @operation is LOCK_SH or LOCK_EX of flock(2), with LOCK_NB where waiting is no
 * answer (-EWOULDBLOCK, with a story: it is in use). An apply that was killed is first completed or
 * taken back. Returns the descriptor that holds the lock until it is closed. Tells a story.
 */
[[nodiscard]] int sandbox_lock(int sandbox_fd, int operation);

/** The trees, in the order in which they came; none where no program has run yet. Tells a story. */
[[nodiscard]] int trees_read(
	int sandbox_fd, struct arena *arena, struct sandbox_tree **ret_trees, size_t *ret_count);

/**
 * The tree of this path, which must be a directory: what is there, or a new one with an empty upper
 * directory of the original's mode. Two at once get different numbers. Tells a story.
 */
[[nodiscard]] int trees_add(
	int sandbox_fd, const char *path, struct arena *arena, struct sandbox_tree *ret_tree);

/** The name of a tree's directory below the sandbox's: "trees/0/upper"; part: "upper", "work" … */
struct tree_name {
	char text[40];
};
struct tree_name tree_name(unsigned number, const char *part);

/** A program is about to run: writes down when, for the question whether an original has changed
 * since. Tells a story. */
[[nodiscard]] int trees_begin(int sandbox_fd);

/**
 * It has ended: remembers what the originals of its changes are like now, unless another program
 * still runs here. @lock_fd is what sandbox_lock() returned. Tells a story.
 */
[[nodiscard]] int trees_end(int sandbox_fd, int lock_fd);
