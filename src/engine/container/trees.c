// SPDX-License-Identifier: Apache-2.0

/*
 * The container's files before anything is mounted: its users must be known to make the plan. An
 * overlay is asked layer by layer, the way the kernel will: the topmost layer that has the name
 * decides; a whiteout (character device 0:0) says that it is not there.
 *
 * Links are followed by hand, because one may lead to a file of another layer.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#define LINKS_MAX 8

void run_trees_fini(struct run_trees *trees)
{
	for (size_t i = 0; i < trees->count; i++)
		close_now(trees->fds[i]);
	trees->count = 0;
}

static int add(struct run_trees *trees, const char *path, bool must_exist)
{
	if (trees->count == array_length(trees->fds))
		return refuse(-E2BIG, "the image has more than %zu layers", trees->count);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && !must_exist)
		return 0;
	if (fd < 0)
		return fail(-errno, "root %s", path);
	trees->fds[trees->count++] = fd;
	return 0;
}

int run_trees_open(
	const struct run_request *request, const char *rootfs, struct run_trees *ret_trees)
{
	autofini(run_trees_fini) struct run_trees trees = {};
	char upper[4096];
	(void)snprintf(upper, sizeof(upper), "%s/upper", request->layer->directory);
	int r = run_is_host(request) ? 0 : add(&trees, upper, false);
	for (size_t i = 0; r == 0 && request->image && i < request->lowers.count; i++)
		r = add(&trees, request->lowers.items[i], true);
	if (r == 0 && rootfs)
		r = add(&trees, rootfs, true);
	if (r < 0)
		return r;
	*ret_trees = trees;
	trees.count = 0;
	return 0;
}

static bool is_whiteout(const struct stat *about)
{
	return S_ISCHR(about->st_mode) && about->st_rdev == 0;
}

static bool is_opaque(int fd)
{
	char value[8];
	const struct fd_path path = fd_path(fd);
	return getxattr(path.text, "trusted.overlay.opaque", value, sizeof(value)) == 1 ||
	       getxattr(path.text, "user.overlay.opaque", value, sizeof(value)) == 1;
}

/* Whether this layer hides what lower ones have at or above @path. */
static bool hides(int tree, const char *path)
{
	char part[4096];
	for (const char *c = path + 1; c && *c;) {
		const char *slash = strchr(c, '/');
		size_t length = slash ? (size_t)(slash - path) : strlen(path);
		if (length >= sizeof(part))
			return false;
		memcpy(part, path, length);
		part[length] = '\0';
		autoclose int fd = fs_open_beneath(tree, part + 1, O_PATH | O_NOFOLLOW, 0);
		struct stat about;
		error_clear();
		if (fd < 0 || fstat(fd, &about) < 0)
			return fd == -ENOTDIR;
		if (is_whiteout(&about) || (S_ISDIR(about.st_mode) && is_opaque(fd)))
			return true;
		c = slash ? slash + 1 : NULL;
	}
	return false;
}

/* The target of a link at @path, as a path from the root; false if it is none. */
static bool follow(int tree, const char *path, char next[static 4096])
{
	char target[2048];
	ssize_t length = readlinkat(tree, path + 1, target, sizeof(target) - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	size_t above = (size_t)(strrchr(path, '/') - path);
	int n = target[0] == '/' ? snprintf(next, 4096, "%s", target)
				 : snprintf(next, 4096, "%.*s/%s", (int)above, path, target);
	return n > 0 && n < 4096;
}

/* O_PATH descriptor and the tree it is in. */
static int find(const struct run_trees *trees, const char *path, unsigned links_left)
{
	for (size_t i = 0; i < trees->count; i++) {
		autoclose int fd = fs_open_in(trees->fds[i], path, O_PATH | O_NOFOLLOW, 0);
		error_clear();
		struct stat about;
		if (fd >= 0 && fstat(fd, &about) == 0) {
			if (is_whiteout(&about))
				return -ENOENT;
			if (!S_ISLNK(about.st_mode))
				return take_fd(fd);
			char next[4096];
			bool follows = follow(trees->fds[i], path, next);
			return follows && links_left ? find(trees, next, links_left - 1) : -ELOOP;
		}
		if (hides(trees->fds[i], path))
			return -ENOENT;
	}
	return -ENOENT;
}

int run_trees_read(const struct run_trees *trees, const char *path, size_t limit, char **ret_text)
{
	autoclose int found = find(trees, path, LINKS_MAX);
	if (found < 0)
		return found;
	struct stat about;
	if (fstat(found, &about) < 0 || !S_ISREG(about.st_mode))
		return -EINVAL;
	const struct fd_path name = fd_path(found);
	autoclose int fd = open(name.text, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fs_read_fd(fd, limit, ret_text, NULL);
}

bool run_trees_stat(const struct run_trees *trees, const char *path, struct stat *ret_about)
{
	autoclose int found = find(trees, path, LINKS_MAX);
	return found >= 0 && fstat(found, ret_about) == 0;
}
