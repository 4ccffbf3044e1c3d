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

static int open_inside(int root_fd, const char *path, int flags)
{
	return open_resolved(
		root_fd, path, O_PATH | flags, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/** As the kernel, which says ELOOP after that many links. */
#define LINKS_MAX 40

/*
 * A link that leads nowhere (an image's resolv.conf to the /run of a running system): the path
 * without it, which is walked from the root again. The caller frees it; NULL: no link.
 */
static char *path_past_link(int parent_fd, const char *name, const char *parent, const char *rest)
{
	char target[4096];
	ssize_t length = readlinkat(parent_fd, name, target, sizeof(target) - 1);
	if (length <= 0)
		return NULL;
	target[length] = '\0';
	autofini(text_fini) struct text path = {};
	if (target[0] != '/')
		text_format(&path, "%s/", parent);
	text_format(&path, "%s/%s", target, rest);
	return strdup(text_get(&path));
}

static bool leads_nowhere(int root_fd, const char *path)
{
	autoclose int fd = open_inside(root_fd, path, 0);
	return fd == -ENOENT;
}

static int make_dirs(int root_fd, const char *path, mode_t mode, unsigned links);

/*
 * One component below a parent that exists. mkdirat() on the resolved parent, so a link swapped
 * in meanwhile can move the result within the tree but not out of it. 1: the rest was made, too,
 * behind a link.
 */
static int make_prefix(int root_fd, char *prefix, const char *rest, mode_t mode, unsigned links)
{
	char *slash = strrchr(prefix, '/');
	const char *name = slash ? slash + 1 : prefix;
	if (text_empty(name) || text_equal(name, ".") || text_equal(name, ".."))
		return 0;
	if (slash)
		*slash = '\0';
	const char *above = slash && *prefix ? prefix : ".";
	autoclose int parent = open_inside(root_fd, above, O_DIRECTORY);
	if (parent < 0)
		return parent;
	autofree char *past = NULL;
	if (mkdirat(parent, name, mode) < 0) {
		if (errno != EEXIST)
			return -errno;
		past = path_past_link(parent, name, slash ? prefix : "", rest);
	}
	if (slash)
		*slash = '/';
	if (!past || !leads_nowhere(root_fd, prefix))
		return 0;
	if (links == 0)
		return -ELOOP;
	int r = make_dirs(root_fd, past, mode, links - 1);
	return r < 0 ? r : 1;
}

static int make_dirs(int root_fd, const char *path, mode_t mode, unsigned links)
{
	autofree char *walk = strdup(path);
	if (!walk)
		return -ENOMEM;
	for (char *c = walk + (walk[0] == '/');; c++) {
		if (*c != '/' && *c != '\0')
			continue;
		char kept = *c;
		*c = '\0';
		int r = make_prefix(root_fd, walk, kept ? c + 1 : "", mode, links);
		if (r != 0 || kept == '\0')
			return r < 0 ? r : 0;
		*c = kept;
	}
}

/* The common case is that the directory exists; only then is the path walked by prefixes. */
int fs_make_dirs_in(int root_fd, const char *path, mode_t mode)
{
	int fd = open_inside(root_fd, path, O_DIRECTORY);
	if (fd != -ENOENT)
		return fd < 0 ? fail(fd, "open directory %s", path) : fd;
	int r = make_dirs(root_fd, path, mode, LINKS_MAX);
	if (r < 0)
		return fail(r, "create directory %s", path);
	fd = open_inside(root_fd, path, O_DIRECTORY);
	return fd < 0 ? fail(fd, "open directory %s", path) : fd;
}

static int make_file(int root_fd, const char *path, mode_t mode, unsigned links)
{
	autofree char *above = strdup(path);
	if (!above)
		return -ENOMEM;
	char *slash = strrchr(above, '/');
	const char *name = path;
	if (slash) {
		name += slash + 1 - above;
		*slash = '\0';
	}
	bool deep = slash && *above;
	int r = deep ? make_dirs(root_fd, above, 0755, links) : 0;
	if (r < 0)
		return r;
	autoclose int parent = open_inside(root_fd, deep ? above : ".", O_DIRECTORY);
	if (parent < 0)
		return parent;
	autoclose int made =
		openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (made >= 0 || errno != EEXIST)
		return made >= 0 ? 0 : -errno;
	autofree char *past = path_past_link(parent, name, deep ? above : "", "");
	if (!past)
		return 0;
	past[strlen(past) - 1] = '\0'; /* a slash: nothing follows */
	return links == 0 ? -ELOOP : make_file(root_fd, past, mode, links - 1);
}

int fs_make_file_in(int root_fd, const char *path, mode_t mode)
{
	int fd = open_inside(root_fd, path, 0);
	if (fd != -ENOENT)
		return fd < 0 ? fail(fd, "open %s", path) : fd;
	int r = make_file(root_fd, path, mode, LINKS_MAX);
	if (r < 0)
		return fail(r, "create %s", path);
	fd = open_inside(root_fd, path, 0);
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
