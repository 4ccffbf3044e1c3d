// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A collection of ways out of a sandbox. Each is a function that tries one for real and says how
 * it ended; attempts.h lists them all. What they are after is "the world", which the tests build
 * outside: files with a secret, and a bystander (bystander.c) with sockets, shared memory and a
 * process of its own. How to find those things is told in words (name=value), never found out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Stands in every file, variable, message and key that nobody inside may see. */
#define SECRET "secret of the host"

/** What is written wherever nobody inside may write. */
#define SCRIBBLE "the attacker was here"

/** Descriptors that a careless starter leaves open; see starter.c. */
enum { LEFT_DIRECTORY = 40, LEFT_NAMESPACE, LEFT_PROGRAM, LEFT_SECRET, LEFT_NETWORK };

enum verdict {
	HELD,
	ESCAPED,
	DONE,       /* the kernel took it: whether it reached the outside is seen there */
	IMPOSSIBLE, /* this kernel or machine does not have it at all */
};

typedef enum verdict attempt_function(void);

/** What the tests told of the world; ends the program when they did not. */
const char *world(const char *name);
long world_number(const char *name);

/** A path below the directory of the world. Of the last few calls each has a buffer of its own. */
const char *in_world(const char *below);

/** printf() into one of those buffers. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Verdicts with a reason; held() and impossible() add what errno says, when it says something. */
enum verdict held(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum verdict escaped(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum verdict done(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum verdict impossible(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Escaped when the secret can be read there. @directory as in openat(2). */
enum verdict read_secret(int directory, const char *path);
enum verdict read_secret_from(int fd, const char *what);
enum verdict find_secret(const void *bytes, size_t size, const char *what);

/** Escaped when the file can be overwritten with the scribble. */
enum verdict scribble(const char *path);

/** Escaped when @path can be opened for writing; nothing is written. */
enum verdict open_to_write(const char *path);

/**
 * Of a call with senseless arguments: escaped when the kernel looked at them, held when it had
 * refused before that.
 */
enum verdict reached(long result, const char *what);

/** The same for a call of which some kernels are built without. */
enum verdict reached_if_built(long result, const char *what);

/** True when a user namespace could be entered, where one has every capability. */
bool enter_user_namespace(int other_namespaces);

/** Waits for a child; true when it exited with 0. */
bool child_succeeded(pid_t child);

int run_bystander(const char *top);
int run_starter(char **words);

#define ATTEMPT(name, needs, what) attempt_function attempt_##name;
#include "attempts.h"
#undef ATTEMPT
