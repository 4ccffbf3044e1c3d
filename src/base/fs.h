// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Files by descriptor. Paths below somebody else's tree are resolved once, by
 * openat2(2) inside that tree, and used by descriptor from then on
 * (CVE-2021-30465, CVE-2023-27561, CVE-2024-45310). All descriptors are
 * close-on-exec.
 */

#include "base/text.h"

#include <sys/stat.h>
#include <sys/types.h>

/** "/proc/self/fd/N", for the calls that take only paths. */
struct fd_path {
	char text[32];
};
struct fd_path fd_path(int fd);

/**
 * Opens path as seen from inside the tree at root_fd: ".." stops at the root,
 * absolute symbolic links start at it, magic links are refused (openat2,
 * RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS). Tells a story. Returns a descriptor.
 */
[[nodiscard]] int fs_open_in(int root_fd, const char *path, int flags, mode_t mode);

/** fs_open_in() without a story, for what need not exist. */
[[nodiscard]] int fs_find_in(int root_fd, const char *path, int flags);

/** fs_open_in() that refuses symbolic links, in the last component and on the way. */
[[nodiscard]] int fs_open_beneath(int dir_fd, const char *path, int flags, mode_t mode);

/**
 * mkdir -p inside the tree at root_fd, following links as fs_open_in() does; where a
 * link leads to nothing yet, that is made. What exists stays as it is. Returns an
 * O_PATH descriptor of the last directory; -ENOTDIR where a component is something
 * else. Tells a story.
 */
[[nodiscard]] int fs_make_dirs_in(int root_fd, const char *path, mode_t mode);

/**
 * An empty file, its parents as by fs_make_dirs_in() with mode 0755. Whatever exists under that
 * name stays, also what is no file. Returns an O_PATH descriptor. Tells a story.
 */
[[nodiscard]] int fs_make_file_in(int root_fd, const char *path, mode_t mode);

/** mkdir -p on an ordinary path of ours. 0 or negative errno; tells a story. */
[[nodiscard]] int fs_make_dirs(const char *path, mode_t mode);

/**
 * Reads a whole file of at most limit bytes. *ret_text is NUL-terminated and the
 * caller's to free; *ret_length may be NULL. -EFBIG above the limit. Tells no story.
 */
[[nodiscard]] int fs_read(
	int dir_fd, const char *path, size_t limit, char **ret_text, size_t *ret_length);
[[nodiscard]] int fs_read_fd(int fd, size_t limit, char **ret_text, size_t *ret_length);

/**
 * What a small file of the kernel's or of ours holds, by one read(2), NUL-terminated. Nothing is
 * allocated. Its length, or negative errno; -EFBIG when it might be longer. Tells no story.
 */
[[nodiscard]] int fs_read_small(int dir_fd, const char *path, char *buffer, size_t size);

/**
 * One write(2) of the whole text to an existing file, as /proc and cgroup files
 * want it; never creates or truncates. Tells no story. 0 or negative errno.
 */
[[nodiscard]] int fs_write_existing(int dir_fd, const char *path, const char *text);

/** All of buffer, over short writes and EINTR. Tells no story. */
[[nodiscard]] int fs_write_all(int fd, const void *buffer, size_t length);

/**
 * Makes dir_fd/name, which must not be there, and writes text to it: for a place that nobody reads
 * before its maker says so. The umask applies to mode. Tells a story; -EEXIST.
 */
[[nodiscard]] int fs_create(
	int dir_fd, const char *name, const void *text, size_t length, mode_t mode);

/** What fs_replace() calls its files before they are complete; left over only by a crash. */
#define FS_TEMPORARY_PREFIX ".rung-tmp-"

/**
 * Replaces dir_fd/name by text in one step: temporary name, then rename. Old or
 * new content is there at every instant. The umask applies to mode. Tells a story.
 */
[[nodiscard]] int fs_replace(
	int dir_fd, const char *name, const void *text, size_t length, mode_t mode);

/** Whether a directory lies on another mount than its parent; false also where it cannot be seen.
 */
bool fs_is_mount_point(const char *path);

/**
 * Removes dir_fd/name and everything below it, never following links and never
 * leaving the file system it starts on (mount points are -EBUSY, name itself
 * included). Any depth; directories of ours that lack permissions are given them.
 * -ENOENT is success. Tells a story.
 */
[[nodiscard]] int fs_remove_tree(int dir_fd, const char *name);
