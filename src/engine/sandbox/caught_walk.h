// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Between the files that read what was caught: caught.c walks, caught_compare.c says what differs,
 * caught_judge.c whether the original is still what it was. */

#include "engine/sandbox/base.h"
#include "engine/sandbox/caught.h"

/** Deeper trees are not walked: two descriptors a level, of the 1024 that a process has. */
enum { CAUGHT_DEEPEST = 200 };

struct caught_walk {
	struct caught_list *list;
	unsigned tree;
	struct base base;
	struct timespec since;
};

/** The names in a directory but "." and "..", sorted. Takes no descriptor. */
struct caught_names {
	const char **names;
	size_t count;
};
[[nodiscard]] int caught_names_read(
	int directory_fd, struct arena *arena, struct caught_names *ret_names);
bool caught_names_have(const struct caught_names *names, const char *name);

/** Opens a subdirectory: no link, no mount point (-EXDEV). Tells no story. */
[[nodiscard]] int caught_open_directory(int parent_fd, const char *name, int flags);

/** Whether two files of one type hold the same bytes, or two links the same target. */
[[nodiscard]] int caught_same_content(
	int upper_fd, int real_fd, const char *name, const struct stat *about);

/** Whether mode, owner and extended attributes (but the overlay's) are the same. */
[[nodiscard]] int caught_same_attributes(int upper_fd, int real_fd, const char *name,
	const struct stat *now, const struct stat *was);

/** All that is in a directory of the host. */
struct caught_measure {
	uint64_t bytes;
	uint32_t names;
	struct timespec newest;
	bool crosses, unknown; /* a mount point, a directory that cannot be read is in it */
};
void caught_measure(int parent_fd, const char *name, struct caught_measure *ret_measure);

/** Sets caught->conflict. @upper_fd: the directory that holds its name; inside: of deletions. */
void caught_judge(const struct caught_walk *walk, int upper_fd, const char *name,
	const struct caught_measure *inside, struct caught *caught);
