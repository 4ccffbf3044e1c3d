// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Remembered answers: one readable file for each program that asked, in
 * $XDG_CONFIG_HOME/rung/permissions (~/.config/rung/permissions). /usr/bin/vim's is "usr:bin:vim":
 *
 *	# What the program may do, as answered "always" or "never". One answer a line.
 *	program /usr/bin/vim
 *	allow read=/home/u/letters
 *	deny net=example.org:443
 *
 * A person may edit or remove it at any time. Written by rung-door, read by it and by
 * `rung sandbox permissions`.
 */

#include "plan/permission.h"

struct memory {
	const char *program; /* its absolute path */
	const char *file;    /* where its answers are kept */
	struct permissions answers;
};

/** The directory of all of them. -ENOENT with a story when there is no home directory. */
[[nodiscard]] int memory_directory(struct arena *arena, const char **ret_path);

/** The file for a program (an absolute path), which need not exist. Tells a story. */
[[nodiscard]] int memory_file_of(const char *program, struct arena *arena, const char **ret_path);

/** Reads the text of such a file. -EINVAL with a story that names the line. @name is for it. */
[[nodiscard]] int memory_parse(
	const char *text, const char *name, struct arena *arena, struct memory *ret);

/** The file's answers; a missing file holds none. Tells a story. */
[[nodiscard]] int memory_read(const char *file, struct arena *arena, struct memory *ret);

/**
 * Adds an answer, in place of an earlier one to the same word. Others may do so at the same time.
 * -EINVAL for what does not fit a line (a path with a line feed). Tells a story.
 */
[[nodiscard]] int memory_add(
	const char *file, const char *program, const struct permission *answer);

/**
 * Forgets the answer to a word ("read=/home/u/letters"); NULL: all, with the file. Returns how
 * many there were. Tells a story.
 */
[[nodiscard]] int memory_forget(const char *file, const char *word);

/** All that is remembered, sorted by program. Files that cannot be read are named by a warning. */
[[nodiscard]] int memory_list(struct arena *arena, struct memory **ret, size_t *ret_count);
