// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Ownership by scope: what a function acquires is released where the name ends,
 * what it hands on is taken by name.
 *
 *	autofree char *text = read_it();
 *	autoclose int fd = open(...);
 *	*ret_fd = take_fd(fd);
 *	return take(text);
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void scope_free(void *pointer)
{
	free(*(void **)pointer);
}

/** Closes *fd if it is open and keeps errno, so that clean-up never hides a cause. */
static inline void scope_close(const int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		(void)close(*fd);
		errno = saved;
	}
}

/* maybe_unused: to be released is a use; gcc knows that, clang does not. */
#define autofree [[maybe_unused, gnu::cleanup(scope_free)]]
#define autoclose [[maybe_unused, gnu::cleanup(scope_close)]]
/** autofini(arena_fini) struct arena a = {}; */
#define autofini(function) [[maybe_unused, gnu::cleanup(function)]]

#define take(pointer) \
	({ \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL; \
		taken_; \
	})

#define take_fd(fd) \
	({ \
		int taken_ = (fd); \
		(fd) = -1; \
		taken_; \
	})

/** Closes fd now and forgets it. */
#define close_now(fd) \
	do { \
		int closing_ = take_fd(fd); \
		scope_close(&closing_); \
	} while (0)

#define array_length(array) (sizeof(array) / sizeof((array)[0]))
