// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Writing bytes that will become a blob. A blob gets its name when it is on disk, and hundreds of
 * megabytes that go there at once are waited for by everybody: 0.4 s of a pull of 2.4 s. So the
 * kernel is asked to begin with each piece as soon as it is complete, while the next ones are still
 * being inflated; nothing waits for that here, and the sync at the end finds little left to do.
 */

#include <stddef.h>
#include <stdint.h>

struct keep {
	int fd;
	uint64_t size;  /* of what is in the file */
	uint64_t begun; /* up to here writing it out was begun */
};

/** Appends bytes to the file. Returns a negative errno, without a story. */
[[nodiscard]] int keep_add(struct keep *keep, const void *bytes, size_t length);
