// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What an apply is about to do, written down before it does it. A line of words and a list of
 * steps:
 *
 *	rung-apply 1 <id> <setuid> <steps>\n
 *	<kind> <flags> <tree> <new inode> <old inode> <old time> <new time> <above>\t<path>\0
 *
 * Which of three files of the sandbox it is in says how far the apply had come when it was killed:
 *
 *	journal.new   files are being prepared: they are removed, and nothing has happened
 *	journal       everything is prepared: it is completed; if that cannot be, taken back
 *	journal.back  it is being taken back
 *
 * undo/journal belongs to the last one that was completed.
 */

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define JOURNAL_NEW "journal.new"
#define JOURNAL "journal"
#define JOURNAL_BACK "journal.back"
#define JOURNAL_UNDO "undo/journal"
#define JOURNAL_TEMPORARY "journal.tmp" /* one that is being written */

enum step_kind {
	STEP_PUT,        /* a file, link or FIFO takes the name; an old one makes room */
	STEP_DIRECTORY,  /* a directory does */
	STEP_DELETE,     /* the old one goes */
	STEP_ATTRIBUTES, /* a directory gets its mode, owner and attributes */
	STEP_KINDS,
};

enum step_flags {
	/* The new one is a copy beside its place; otherwise the upper directory's own file moves.
	 */
	STEP_COPIED = 1 << 0,
	STEP_HAD_OLD = 1 << 1,
	/* The old one goes to a name beside its place, for the undo directory is too far away. */
	STEP_OLD_BESIDE = 1 << 2,
	STEP_FLAGS_END = 1 << 3,
};

struct step {
	enum step_kind kind;
	unsigned flags;
	unsigned tree; /* its number */
	uint64_t new_inode, old_inode;
	struct timespec old_changed; /* st_ctim of what makes room: otherwise it is another one */
	struct timespec new_changed; /* of what was put, when the apply was complete */
	/* How much of the path names the directory that temporary names are in. */
	uint32_t temporary_length;
	const char *path; /* below the tree; "" never */
};

struct journal {
	char id[17]; /* in the names of temporary files */
	bool keep_setuid;
	struct step *steps;
	size_t count;
};

/** Reads one; -EINVAL with a story for what is none. */
[[nodiscard]] int journal_parse(
	const char *bytes, size_t length, struct arena *arena, struct journal *ret_journal);

/** -ENOENT without a story where there is none. */
[[nodiscard]] int journal_read(
	int sandbox_fd, const char *name, struct arena *arena, struct journal *ret_journal);

/** Writes it, to the disk, under this name, in one step. Tells a story. */
[[nodiscard]] int journal_write(int sandbox_fd, const char *name, const struct journal *journal);

/** Another name, that is: another state; on the disk when it returns. Tells a story. */
[[nodiscard]] int journal_rename(int sandbox_fd, const char *from, const char *to);
