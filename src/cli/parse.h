// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Private to src/cli: how argv becomes an invocation. */

#include "cli/verb.h"

/** One option on the command line. */
struct given_option {
	const struct option *option;
	uint16_t offset; /* of the field in the invocation's options */
};

/** The command line, read from left to right. */
struct words {
	char **next, **end;
};

enum parse_end {
	PARSE_DONE,  /* all words are read */
	PARSE_INNER, /* a word that is no option stands at words->next, and the verb is a noun */
	PARSE_HELP,  /* --help */
};

/** An invocation of verb inside outer (NULL at the program) with its defaults. */
struct invocation *invocation_new(
	struct arena *arena, const struct verb *verb, struct invocation *outer, const char *words);

/**
 * Reads options and arguments of the invocation's verb. Returns enum parse_end,
 * or -EINVAL with a story and a hint.
 */
[[nodiscard]] int parse_words(struct invocation *invocation, struct words *words);

/** Whether there are too few or too many arguments, and whether options conflict. 0 or -EINVAL. */
[[nodiscard]] int parse_check(const struct invocation *invocation);

/** A row, the invocation whose options it fills, and the offset there. */
struct found {
	const struct option *option;
	struct invocation *owner;
	uint16_t offset;
};

/**
 * Looks in the verb first, then in the nouns around it. name is NULL for a letter;
 * ret may be NULL.
 */
bool find_option(struct invocation *invocation, const char *name, size_t length, char letter,
	struct found *ret);

/** Whether the value may stand in the next word. */
bool option_takes_word(const struct option *option);

/** Stores the value of a found option and notes that it was given. 0 or -EINVAL with a story. */
[[nodiscard]] int option_use(const struct found *found, const char *named, const char *value);

/** How many arguments the text of verb.arguments asks for; most is SIZE_MAX for "...". */
struct argument_range {
	size_t least, most;
};
struct argument_range argument_range(const char *arguments);

/** The verb of that name in a noun, NULL if there is none. */
const struct verb *verb_find(const struct verb *noun, const char *name);

/** The invocation that the NULL-terminated words name, unread; NULL with a story if there is none.
 */
struct invocation *invocation_of_words(const struct invocation *program, const char *const words[]);

/**
 * Stores value into the field at target. value is NULL where the option came
 * without one. named: how the person wrote the option. 0 or -EINVAL with a story.
 */
[[nodiscard]] int option_store(struct arena *arena, const struct option *option, void *target,
	const char *named, const char *value);

/** Whether comma-separated names hold name. */
bool names_hold(const char *names, const char *name, size_t length);
