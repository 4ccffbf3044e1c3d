// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The process that reads foreign archives gives up what it does not need before it reads the first
 * byte (DESIGN, rule 8): files outside of the trees it was given (Landlock), system calls that have
 * nothing to do with files and threads (seccomp), capabilities that files do not need, and the way
 * back (no_new_privs). What is left to somebody who takes it over: to write wrong files into a tree
 * that is thrown away or verified, and its open descriptors.
 */

#include <stdbool.h>
#include <stddef.h>

struct confine_tree {
	int fd; /* a directory; -1: none */
	bool write;
};

/**
 * Joins the user namespace (-1: none) as its root, then locks the door. Landlock is left out where
 * the kernel has none that knows links between directories (before 5.19). Tells a story.
 */
[[nodiscard]] int confine(int user_namespace_fd, const struct confine_tree *trees, size_t count);
