// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Unit files of systemd: read with the place of every word, written with its quotes. */

#include "base/text.h"
#include "plan/plan.h"

/** One KEY=VALUE, where it stands. */
struct unit_entry {
	const char *section, *key, *value;
	unsigned line;
};

struct unit_file {
	const char *path, *name; /* name: "web.container" */
	const char *stem;        /* "web" */
	const char *kind;        /* "container" */
	struct unit_entry *entries;
	size_t count;
};

/**
 * Reads a file by systemd.syntax(7): sections, comments, lines that go on behind a backslash.
 * -EINVAL with a story "FILE:LINE: …".
 */
[[nodiscard]] int unit_read(const char *path, struct arena *arena, struct unit_file *ret_file);

/** The last value of a key, NULL where it is not there. */
const char *unit_value(const struct unit_file *file, const char *section, const char *key);

/** "FILE:LINE: …"; returns -EINVAL. */
[[gnu::format(printf, 3, 4)]] int unit_refuse(
	const struct unit_file *file, unsigned line, const char *format, ...);

/** Splits a value into words, quotes and backslashes as in systemd's command lines. */
[[nodiscard]] int unit_split(const struct unit_file *file, const struct unit_entry *entry,
	struct arena *arena, struct strings *ret_words);

/** A word of ExecStart=: quoted where it must be; "%" and "$" lose their meaning unless
 * @specifiers. */
void unit_add_word(struct text *out, const char *word, bool specifiers);

/** The path of this rung, for ExecStart=, with the --root and --state it was started with. */
void unit_add_program(struct text *out, struct arena *arena);
