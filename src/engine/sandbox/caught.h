// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What programs changed in a sandbox: the difference between a tree of the host and the upper
 * directory of the overlay that caught the writes (Documentation/filesystems/overlayfs.rst: a
 * device 0:0, or an empty file with the attribute overlay.whiteout, says that a name is gone; a
 * directory with overlay.opaque hides all that lies below it).
 *
 * The upper directory was written by a program that nobody trusts, the tree belongs to a person who
 * goes on working in it: both are walked by descriptor, no link is followed, no mount point of the
 * host entered.
 */

#include "base/arena.h"
#include "engine/sandbox/trees.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

enum caught_kind {
	CAUGHT_ADDED,
	CAUGHT_CHANGED,    /* other content, another target, another type */
	CAUGHT_ATTRIBUTES, /* only mode, owner or extended attributes */
	CAUGHT_DELETED,    /* of a directory: with all that is in it */
};

/** Why the host's file is not what the program saw, or may not be. */
enum caught_conflict {
	CONFLICT_NONE,
	CONFLICT_CHANGED,   /* changed since */
	CONFLICT_APPEARED,  /* was not there, now it is */
	CONFLICT_GONE,      /* was there, now it is not */
	CONFLICT_INSIDE,    /* something in the directory that is to go */
	CONFLICT_MOUNT,     /* another file system is mounted there now */
	CONFLICT_DIRECTORY, /* what is above it is no directory any more */
};

/** Why a change can never become real. */
enum caught_refusal {
	REFUSAL_NONE,
	REFUSAL_DEVICE,
	REFUSAL_SOCKET,
	REFUSAL_UNREADABLE, /* a directory that we may not look into */
	REFUSAL_REDIRECT,   /* an overlay made with redirect_dir or metacopy */
	REFUSAL_DEEP,       /* deeper than we go */
};

struct caught {
	const char *path; /* below the tree; "" for the tree's own directory */
	unsigned tree;    /* index in struct caught_list */
	enum caught_kind kind;
	enum caught_conflict conflict;
	enum caught_refusal refusal;
	struct stat now, was;    /* st_mode 0: not there */
	struct timespec changed; /* the original, last; of a directory that goes: anything in it */
	uint64_t size_before;    /* of files: in bytes; of deleted directories: all files in them */
	uint32_t files_before;   /* how many names a deletion takes away */
	bool opaque_above;       /* lies in a directory that hides the host's */
	bool fresh_above;        /* lies in a directory that is new itself */
	bool whiteout;           /* a deletion that has a name in the upper directory */
};

struct caught_tree {
	struct sandbox_tree tree;
	int upper_fd, real_fd;
};

struct caught_list {
	struct caught_tree *trees;
	size_t tree_count;
	struct caught *items; /* by tree, then in the order of a tree walk: parents first */
	size_t count, room;
	struct arena *arena;
};

/** Closes what is open; the strings are the arena's. */
void caught_fini(struct caught_list *list);

/** All changes of a sandbox. Tells a story. */
[[nodiscard]] int caught_read(int sandbox_fd, struct arena *arena, struct caught_list *ret_list);

/** One tree given by its two directories (absolute paths); @since: when its programs began, 0: not
 * known. Tells a story. */
[[nodiscard]] int caught_read_tree(const char *upper, const char *real, struct timespec since,
	struct arena *arena, struct caught_list *ret_list);

/** "changed since the sandbox copied it" */
const char *caught_conflict_text(enum caught_conflict conflict);
const char *caught_refusal_text(enum caught_refusal refusal);

/** The host's path of a change, in the arena. */
const char *caught_path(const struct caught_list *list, const struct caught *caught);

/** Whether this entry of an upper directory (no directory itself) says that the name is gone. */
bool caught_is_whiteout(int directory_fd, const char *name, const struct stat *about);

/** Whether it hides what lies below: 'y', or 'x' (only: it holds whiteouts by attribute), or 0. */
char caught_opaqueness(int directory_fd);

/** Whether an extended attribute is the overlay's own. */
bool caught_is_overlay_attribute(const char *name);
