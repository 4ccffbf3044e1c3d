// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Profiles: what a program may have, written down once (rung-profile(5)).
 *
 * A profile is a text file NAME.profile; pieces that several profiles share are NAME.include. They
 * are looked for in ~/.config/rung/profiles, /etc/rung/profiles and share/rung/profiles, in this
 * order, the first one found holds; NAME.local of the first two is read behind it.
 *
 * Here is what those see who run a program. How the text is read is in profile_text.h.
 */

#include "base/arena.h"
#include "plan/permission.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** 0: not limited. Units are those of --memory, --cpus, --pids, --time and --disk. */
struct profile_limits {
	uint64_t memory_bytes;
	int64_t cpus_billionths;
	uint64_t pids;
	int64_t time_ns;
	uint64_t disk_bytes;
};

/** What becomes of what it writes outside of its write grants. */
enum profile_writes {
	PROFILE_WRITES_UNSAID,
	PROFILE_WRITES_DISCARD,
	PROFILE_WRITES_KEEP,
	PROFILE_WRITES_ASK
};

/** Whether the files that its command line names are granted. */
enum profile_arguments { PROFILE_ARGUMENTS_NONE, PROFILE_ARGUMENTS_READ, PROFILE_ARGUMENTS_WRITE };

/** Which line a permission comes from. */
struct profile_origin {
	const char *file;
	unsigned line;
	const char *written; /* the word as it stands there: "read=?~/.config/x" */
	bool missing;        /* its path is not there (only in profile_show()) */
};

/** All in the arena that it was read into. */
struct profile {
	const char *name;
	const char *path;    /* of the file */
	const char *summary; /* one line, "" without one */
	struct permissions permissions;
	const struct profile_origin *origins; /* one for each permission */
	struct profile_limits limits;
	enum profile_writes writes;
	enum profile_arguments arguments;
	const char *const *directories; /* its own, which profile_make_directories() makes */
	size_t directory_count;
};

/**
 * The profile for a program, by the last part of its path, or of what that is a link to.
 * 0; -ENOENT without a story when there is none; other errors with one that names file and line.
 */
[[nodiscard]] int profile_for_program(
	const char *program_path, struct arena *arena, struct profile *ret_profile);

/** The same by its name; with a "/" in it, the file of that path. Tells a story, also of -ENOENT.
 */
[[nodiscard]] int profile_find(const char *name, struct arena *arena, struct profile *ret_profile);

/**
 * For people: the same as it was written, with what this machine lacks, and never an error
 * because of that.
 */
[[nodiscard]] int profile_show(const char *name, struct arena *arena, struct profile *ret_profile);

/**
 * Makes the profile's own directories ("write=+~/.mozilla") where they are missing, 0700, and only
 * in the home directory. To be called as the person, before the walls go up. Tells a story.
 */
[[nodiscard]] int profile_make_directories(const struct profile *profile);

/**
 * "arguments read" and "arguments write": adds a permission for each existing file that an
 * argument names (also "--option=FILE"). A directory is granted as a tree unless it is the home
 * directory or holds it; that is warned of.
 */
void profile_grant_arguments(const struct profile *profile, const char *const *arguments,
	size_t count, struct arena *arena, struct permissions *permissions);
