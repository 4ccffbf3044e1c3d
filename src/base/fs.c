// SPDX-License-Identifier: Apache-2.0
#include "base/fs.h"

#include "base/error.h"
#include "base/kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

struct fd_path fd_path(int fd)
{
	struct fd_path path;
	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

/* A link renamed under us makes openat2() give up with EAGAIN; a few tries are the answer. */
static int open_resolved(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = resolve,
	};
	int fd = -EAGAIN;
	for (int tries = 0; fd == -EAGAIN && tries < 128; tries++)
		fd = kernel_openat2(dir_fd, path, &how);
	return fd;
}

int fs_open_in(int root_fd, const char *path, int flags, mode_t mode)
{
	int fd = open_resolved(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? fail(fd, "open %s", path) : fd;
}

int fs_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
	int fd = open_resolved(
		dir_fd, path, flags | O_NOFOLLOW, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd < 0 ? fail(fd, "open %s", path) : fd;
}

/*
 * The common case is that the directory exists; only then is the path walked by
 * prefixes. Each prefix is made by mkdirat() on the resolved parent, so a link
 * swapped in meanwhile can move the result within the tree but not out of it.
 */
static int make_prefix(int root_fd, char *prefix, mode_t mode)
{
	char *slash = strrchr(prefix, '/');
	const char *name = slash ? slash + 1 : prefix;
	if (text_empty(name) || text_equal(name, ".") || text_equal(name, ".."))
		return 0;

	autoclose int parent = -1;
	if (slash) {
		*slash = '\0';
		parent = open_resolved(root_fd, text_empty(prefix) ? "." : prefix,
			O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		*slash = '/';
		if (parent < 0)
			return parent;
	}
	if (mkdirat(slash ? parent : root_fd, name, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int fs_make_dirs_in(int root_fd, const char *path, mode_t mode)
{
	int fd = open_resolved(
		root_fd, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd != -ENOENT)
		return fd < 0 ? fail(fd, "open directory %s", path) : fd;

	autofree char *walk = strdup(path);
	if (!walk)
		return fail(-ENOMEM, "create directory %s", path);
	for (char *c = walk + (walk[0] == '/');; c++) {
		if (*c != '/' && *c != '\0')
			continue;
		char kept = *c;
		*c = '\0';
		int r = make_prefix(root_fd, walk, mode);
		if (r < 0)
			return fail(r, "create directory %s", walk);
		*c = kept;
		if (kept == '\0')
			break;
	}
	fd = open_resolved(
		root_fd, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? fail(fd, "open directory %s", path) : fd;
}

int fs_make_file_in(int root_fd, const char *path, mode_t mode)
{
	int fd = open_resolved(root_fd, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd != -ENOENT)
		return fd < 0 ? fail(fd, "open %s", path) : fd;

	autofree char *walk = strdup(path);
	if (!walk)
		return fail(-ENOMEM, "create %s", path);
	char *slash = strrchr(walk, '/');
	autoclose int parent = -1;
	if (slash && slash != walk) {
		*slash = '\0';
		parent = fs_make_dirs_in(root_fd, walk, 0755);
	} else {
		parent = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	}
	if (parent < 0)
		return parent == -1 ? fail(-errno, "create %s", path) : parent;
	autoclose int made = open_resolved(parent, slash ? slash + 1 : walk, O_CREAT | O_RDONLY,
		mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (made < 0)
		return fail(made, "create %s", path);
	fd = open_resolved(root_fd, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? fail(fd, "open %s", path) : fd;
}

int fs_make_dirs(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return fail(-errno, "create directory %s", path);
	autofree char *walk = strdup(path);
	if (!walk)
		return fail(-ENOMEM, "create directory %s", path);
	for (char *c = walk + 1;; c++) {
		if (*c != '/' && *c != '\0')
			continue;
		char kept = *c;
		*c = '\0';
		if (mkdir(walk, mode) < 0 && errno != EEXIST)
			return fail(-errno, "create directory %s", walk);
		*c = kept;
		if (kept == '\0')
			return 0;
	}
}

int fs_read_fd(int fd, size_t limit, char **ret_text, size_t *ret_length)
{
	size_t room = 4096, length = 0;
	autofree char *bytes = malloc(room + 1);
	for (;;) {
		if (!bytes)
			return -ENOMEM;
		ssize_t n = read(fd, bytes + length, room - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
		if (length > limit)
			return -EFBIG;
		if (length < room)
			continue;
		room *= 4;
		char *larger = realloc(bytes, room + 1);
		if (!larger)
			return -ENOMEM;
		bytes = larger;
	}
	bytes[length] = '\0';
	*ret_text = take(bytes);
	if (ret_length)
		*ret_length = length;
	return 0;
}

int fs_read(int dir_fd, const char *path, size_t limit, char **ret_text, size_t *ret_length)
{
	autoclose int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return fs_read_fd(fd, limit, ret_text, ret_length);
}

int fs_write_existing(int dir_fd, const char *path, const char *text)
{
	autoclose int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	size_t length = strlen(text);
	ssize_t n;
	do {
		n = write(fd, text, length);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

int fs_write_all(int fd, const void *buffer, size_t length)
{
	for (const char *rest = buffer; length > 0;) {
		ssize_t n = write(fd, rest, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		rest += n;
		length -= (size_t)n;
	}
	return 0;
}

int fs_replace(int dir_fd, const char *name, const void *text, size_t length, mode_t mode)
{
	char temporary[256];
	int n = snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return fail(-ENAMETOOLONG, "write %s", name);
	autoclose int fd =
		openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return fail(-errno, "create %s", temporary);
	int r = fs_write_all(fd, text, length);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, temporary, 0);
		return fail(r, "write %s", name);
	}
	return 0;
}

/* Depth is bounded by the open-file limit, which a tree that deep has to respect as well. */
static int remove_content(int dir_fd)
{
	DIR *directory = fdopendir(dir_fd); /* owns dir_fd from here on */
	if (!directory) {
		int r = -errno;
		(void)close(dir_fd);
		return r;
	}
	int r = 0;
	struct dirent *entry;
	while (r == 0 && (entry = readdir(directory))) {
		if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(directory), entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM) {
			r = -errno;
			break;
		}
		struct open_how how = {
			.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV,
		};
		int below = kernel_openat2(dirfd(directory), entry->d_name, &how);
		r = below < 0 ? (below == -EXDEV ? -EBUSY : below) : remove_content(below);
		if (r == 0 && unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR) < 0)
			r = -errno;
	}
	(void)closedir(directory);
	return r;
}

int fs_remove_tree(int dir_fd, const char *name)
{
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return fail(-errno, "remove %s", name);
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : remove_content(fd);
	if (r == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r < 0 && r != -ENOENT ? fail(r, "remove %s", name) : 0;
}
