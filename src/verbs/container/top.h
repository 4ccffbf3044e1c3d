// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The columns of `rung top`. */

#include "base/text.h"
#include "verbs/container/processes.h"

/** What columns need to know beside the process: names of users, and the time. */
struct top_view {
	int host_fd, root_fd;    /* roots where users have their names; -1 */
	char *uid_map, *gid_map; /* of the container's user namespace */
	double uptime_s;
	long ticks_per_s;
};

/** Never fails; what cannot be known stays a number. */
void top_view_open(struct top_view *view, pid_t first);
void top_view_fini(struct top_view *view);

struct top_column;

/** By its name ("pcpu") or AIX code ("%C"); NULL. */
const struct top_column *top_column_find(const char *name);
const char *top_column_title(const struct top_column *column);
void top_column_write(const struct top_column *column, const struct top_view *view,
	const struct process_view *process, struct text *out);
