// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The tree that members are unpacked into: from the directory part of a name to a descriptor.
 *
 * Directories are resolved by openat2(2) inside the root (RESOLVE_IN_ROOT): ".." and absolute links
 * end there, whatever the archive has put on the way. What was resolved is kept, because an
 * archive's neighbours mostly lie in one directory: 30,000 files in 1,000 directories cost 1,000
 * resolutions. Whoever replaces a directory or a link calls tree_forget().
 */

#include "report.h"

#include <stdbool.h>
#include <stddef.h>

#define TREE_KEPT 64

struct tree_directory {
	char *path; /* NULL: free */
	int fd;     /* O_PATH */
	bool setgid;
};

struct tree {
	int root_fd;
	const char
		*overlay; /* "trusted.overlay." or "user.overlay."; NULL: no whiteouts are known */
	struct tree_directory kept[TREE_KEPT];
	unsigned newest, next;
};

/** The descriptor stays the caller's. */
void tree_init(struct tree *tree, int root_fd, const char *overlay);
void tree_fini(struct tree *tree);

/**
 * The directory of that path ("" is the root), made with its parents if it is missing (0755,
 * root's). A whiteout on the way becomes an opaque directory. Valid until the next call. Tells a
 * story.
 */
[[nodiscard]] int tree_directory(
	struct tree *tree, const char *path, size_t length, const struct tree_directory **ret);

/** The same without making anything: -ENOENT, -ENOTDIR tell no story. */
[[nodiscard]] int tree_find(
	struct tree *tree, const char *path, size_t length, const struct tree_directory **ret);

/** Directories may be others now. */
void tree_forget(struct tree *tree);

/** True for a character device 0:0, overlayfs' sign that a name is gone. */
struct stat;
bool tree_is_whiteout(const struct stat *about);

/** Makes a directory hide what is below it: overlay's opaque attribute. Tells a story. */
[[nodiscard]] int tree_make_opaque(const struct tree *tree, int parent_fd, const char *name);

/** The length of the directory part of a path without the slash, and where its name begins. */
size_t tree_split(const char *path, const char **ret_name);
