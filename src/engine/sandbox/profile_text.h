// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A profile as it is written: statements, one a line.
 *
 *	# comment
 *	summary TEXT
 *	program NAME...                 file names, with * ? [] as in the shell
 *	include NAME
 *	allow|deny|ask WORD[=VALUE]     see plan/permission.h
 *	limit memory|cpus|pids|time|disk VALUE
 *	writes discard|keep|ask
 *	arguments read|write
 *
 * A path begins with /, ~/ or a variable: ${HOME}, ${DOWNLOADS}, … It may have a mark in front: "?"
 * leaves the line out where there is no such path; "+" (write= alone) is a directory of the
 * program's own, which is made. "\" takes the meaning from the next character; " #" begins a
 * comment.
 */

#include "engine/sandbox/profile.h"

#include "base/text.h"

enum profile_word {
	PROFILE_BLANK, /* an empty line, or a comment alone */
	PROFILE_SUMMARY,
	PROFILE_PROGRAM,
	PROFILE_INCLUDE,
	PROFILE_PERMISSION,
	PROFILE_LIMIT,
	PROFILE_WRITES,
	PROFILE_ARGUMENTS,
};

enum profile_limit {
	PROFILE_LIMIT_MEMORY,
	PROFILE_LIMIT_CPUS,
	PROFILE_LIMIT_PIDS,
	PROFILE_LIMIT_TIME,
	PROFILE_LIMIT_DISK,
};

/** "memory", "cpus", …; ends with NULL. */
extern const char *const profile_limit_names[];
/** By their enum; the first is NULL. */
extern const char *const profile_writes_names[];
extern const char *const profile_arguments_names[];

struct profile_statement {
	enum profile_word word;
	unsigned line;
	const char *value;   /* what stands behind the word; words separated by single blanks */
	const char *comment; /* without "#"; NULL: none */
	/* PROFILE_PERMISSION; value is the word with neither mark nor answer */
	enum permission_answer answer;
	enum permission_kind kind;
	char mark; /* '?', '+' or 0 */
	/* PROFILE_LIMIT: in the units of struct profile_limits */
	enum profile_limit limit;
	uint64_t amount;
	/* PROFILE_WRITES and PROFILE_ARGUMENTS: the number in their enum */
	int choice;
};

struct profile_text {
	const char *file;
	struct profile_statement *statements;
	size_t count;
};

/** Largest file, and the longest chain of includes. */
#define PROFILE_SIZE_MAX (256u << 10)
#define PROFILE_DEPTH_MAX 16

/**
 * Reads a text. -EINVAL with a story that begins "FILE:LINE: ". Paths are checked for their form
 * alone. @file is kept, not copied.
 */
[[nodiscard]] int profile_parse(const char *text, size_t length, const char *file,
	struct arena *arena, struct profile_text *ret_text);

/**
 * Is told of a line that cannot be read; the story is error_text(). Negative ends the reading with
 * that, 0 goes on without the line.
 */
typedef int profile_refusal(unsigned line, int r, void *context);

/** The same, for those who want to hear of each bad line. */
[[nodiscard]] int profile_parse_on(const char *text, size_t length, const char *file,
	struct arena *arena, profile_refusal *refused, void *context,
	struct profile_text *ret_text);

/** The same as text again, which reads as the same. */
void profile_print(const struct profile_text *profile, struct text *out);

/** One statement, without the line's end. */
void profile_print_statement(const struct profile_statement *statement, struct text *out);

/** Adds a statement at the end. */
void profile_text_add(struct profile_text *profile, const struct profile_statement *statement,
	struct arena *arena);

/**
 * For those who write profiles (import, --learn): the permission as a statement, paths in the home
 * directory as "~/". NULL home: paths stay.
 */
struct profile_statement profile_statement_of(
	const struct permission *permission, const char *home, struct arena *arena);

/** Letters, digits and "._+@-", no "." or "-" in front, at most 100: what names a profile. */
bool profile_name_good(const char *name);

/** The next of the words separated by blanks; NULL at the end. *cursor begins at the value. */
const char *profile_next_word(const char **cursor, struct arena *arena);
