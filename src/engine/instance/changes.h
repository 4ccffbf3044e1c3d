// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What an overlay's upper directory changes of the layers below it
 * (Documentation/filesystems/overlayfs.rst): what is there is new or changed, a device 0:0 says
 * that something is gone.
 */

#include "base/arena.h"
#include "plan/plan.h"

struct change {
	char kind; /* 'A' added, 'C' changed, 'D' deleted */
	const char *path;
};

/**
 * Lists them sorted by path. @lowers: directories, topmost first. Paths in @hidden and what lies
 * below them are left out, and directories that changed for their sake alone. Tells a story.
 */
[[nodiscard]] int changes_list(int upper_fd, const struct strings *lowers,
	const struct strings *hidden, struct arena *arena, struct change **ret_changes,
	size_t *ret_count);
