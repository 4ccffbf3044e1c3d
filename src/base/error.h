// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Errors: the number is for the caller, the words are for the person.
 *
 * Every fallible function returns >= 0 or a negative errno. The place that
 * first sees an error names what it was doing with fail() or refuse(); each
 * caller that knows more puts one frame in front with wrap(). Only the command
 * line prints the story:
 *
 *	rung: start web: write uid_map of 4711: Operation not permitted
 *	hint: add a line for this user to /etc/subuid
 *
 * The story is kept per thread in a fixed buffer, so telling it cannot fail.
 * A function that handles an error itself calls error_clear(), so that an old
 * story is never told about a new failure.
 */

#include <stddef.h>

/** Longest story kept, in bytes; longer ones lose their innermost end. */
#define ERROR_TEXT_MAX 4096

/**
 * Starts a story: "<text>: <strerror(-r)>".
 * @r: negative errno; 0 or a positive value is a bug and told as EIO.
 * Returns r, so that `return fail(-errno, "open %s", path);` reads naturally.
 */
[[gnu::format(printf, 2, 3)]] int fail(int r, const char *format, ...);

/** Like fail(), but the text says it all: no strerror() is appended. */
[[gnu::format(printf, 2, 3)]] int refuse(int r, const char *format, ...);

/** Puts "<text>: " in front of the present story (starts one if there is none). Returns r. */
[[gnu::format(printf, 2, 3)]] int wrap(int r, const char *format, ...);

/** Tells what the person can do; printed on a line of its own. The first hint of a story stays. */
[[gnu::format(printf, 1, 2)]] void hint(const char *format, ...);

/** The present story, "" if there is none. Valid until the next call of this file's functions. */
const char *error_text(void);

/** The present hint, "" if there is none. */
const char *error_hint(void);

/** Takes over a story told by another process (see rungs/container). Returns r. */
int error_adopt(int r, const char *text, const char *hint_text);

/**
 * The exit status that the present story stands for by the shell's convention: 126, the program
 * cannot be executed; 127, it was not found; 0 for all other stories. wrap() keeps it.
 */
void error_set_exit_status(int status);
int error_exit_status(void);

void error_clear(void);

/*
 * That these return negative numbers is told to the compiler as well: without it gcc takes
 * `if (r < 0) return r;` after a call that failed this way for something that may not happen,
 * and warns of out-parameters that were left alone.
 */
static inline int error_negative(int r)
{
	if (r >= 0)
		__builtin_unreachable();
	return r;
}
#define fail(...) error_negative(fail(__VA_ARGS__))
#define refuse(...) error_negative(refuse(__VA_ARGS__))
#define wrap(...) error_negative(wrap(__VA_ARGS__))
