// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A file that a verb writes for the person (--output): it has its name when it is whole, so that a
 * failure leaves neither half a file nor less than there was. What is no ordinary file, a terminal
 * or a FIFO, is written to as it is.
 */

#include "base/arena.h"

struct whole_file {
	int fd;
	const char *path, *temporary; /* temporary NULL: the path itself was opened */
};
#define WHOLE_FILE_NONE \
	{ \
		.fd = -1 \
	}

/** Opens for writing, and reading where that is possible. Tells a story. */
[[nodiscard]] int whole_file_open(
	const char *path, unsigned mode, struct arena *arena, struct whole_file *ret_file);

/** @r: how the writing went; returns it, or the error of giving the name. Closes. */
[[nodiscard]] int whole_file_finish(struct whole_file *file, int r);
