// SPDX-License-Identifier: Apache-2.0

/* Writing early; see keep.h. */

#include "keep.h"

#include "base/fs.h"

#include <fcntl.h>

#define PIECE_BYTES ((uint64_t)8 << 20)

int keep_add(struct keep *keep, const void *bytes, size_t length)
{
	int r = fs_write_all(keep->fd, bytes, length);
	if (r < 0)
		return r;
	keep->size += length;
	uint64_t ready = keep->size - keep->begun;
	if (ready < PIECE_BYTES)
		return 0;
	/* A file system that cannot (ESPIPE, ENOSYS) does all of it at the end. */
	(void)sync_file_range(keep->fd, (off_t)keep->begun, (off_t)ready, SYNC_FILE_RANGE_WRITE);
	keep->begun = keep->size;
	return 0;
}
