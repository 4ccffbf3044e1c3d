// SPDX-License-Identifier: Apache-2.0
/*
 * Removing a tree that somebody else has made, perhaps while he is still at work in
 * it: every step is by descriptor and by one name, no link is followed, no mount
 * point is entered.
 *
 * A tree may be deeper than a process may have descriptors (a container makes one
 * with a loop of mkdir and cd), so below DEPTH_MAX a directory is not entered but
 * renamed up into the top one, which is then gone through once more.
 */
#include "base/fs.h"

#include "base/error.h"
#include "base/kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define DEPTH_MAX 100
#define PASSES_MAX 10000 /* so that somebody who keeps making files cannot keep us */

struct removal {
	int top_fd; /* where directories that are too deep go */
	unsigned depth;
	uint64_t moved; /* how many went there, for their names */
};

static int remove_directory(struct removal *removal, int parent_fd, const char *name);

static int open_named(int parent_fd, const char *name, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV,
	};
	int fd = kernel_openat2(parent_fd, name, &how);
	return fd == -EXDEV ? -EBUSY : fd;
}

/* A directory of ours may lack what deleting in it needs: Go's module cache is 0555. */
static int grant_ourselves(int parent_fd, const char *name)
{
	autoclose int place = open_named(parent_fd, name, O_PATH);
	if (place < 0)
		return place;
	return chmod(fd_path(place).text, 0700) < 0 ? -errno : 0;
}

static int open_directory(int parent_fd, const char *name)
{
	int fd = open_named(parent_fd, name, O_RDONLY);
	if (fd == -EACCES && grant_ourselves(parent_fd, name) == 0)
		fd = open_named(parent_fd, name, O_RDONLY);
	return fd;
}

/* @inside: dir_fd belongs to the tree, so its permissions do not matter any more. */
static int unlink_in(int dir_fd, bool inside, const char *name, int flags)
{
	int r = unlinkat(dir_fd, name, flags) < 0 ? -errno : 0;
	if (r == -EACCES && inside && fchmod(dir_fd, 0700) == 0)
		r = unlinkat(dir_fd, name, flags) < 0 ? -errno : 0;
	return r == -ENOENT ? 0 : r;
}

static int move_up(struct removal *removal, int dir_fd, const char *name)
{
	char there[48];
	(void)snprintf(there, sizeof(there), FS_TEMPORARY_PREFIX "deep-%llu",
		(unsigned long long)removal->moved++);
	int r = kernel_rename_new(dir_fd, name, removal->top_fd, there);
	/* To move a directory is also to write to it: its ".." changes. */
	if (r == -EACCES && grant_ourselves(dir_fd, name) == 0)
		r = kernel_rename_new(dir_fd, name, removal->top_fd, there);
	return r == -ENOENT ? 0 : r;
}

static int remove_entry(struct removal *removal, int dir_fd, const char *name)
{
	int r = unlink_in(dir_fd, true, name, 0);
	if (r != -EISDIR)
		return r;
	if (removal->depth < DEPTH_MAX)
		return remove_directory(removal, dir_fd, name);
	do {
		r = move_up(removal, dir_fd, name);
	} while (r == -EEXIST); /* a tree may hold our names already */
	return r;
}

/* Takes dir_fd. *ret_any: whether there was anything to remove. */
static int remove_content(struct removal *removal, int dir_fd, bool *ret_any)
{
	DIR *directory = fdopendir(dir_fd);
	if (!directory) {
		int r = -errno;
		(void)close(dir_fd);
		return r;
	}
	if (removal->depth == 1)
		removal->top_fd = dirfd(directory);
	int r = 0;
	struct dirent *entry;
	while (r == 0 && (errno = 0, entry = readdir(directory))) {
		if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
			continue;
		*ret_any = true;
		r = remove_entry(removal, dirfd(directory), entry->d_name);
	}
	if (r == 0 && !entry && errno)
		r = -errno;
	(void)closedir(directory);
	return r;
}

/*
 * Again as long as something was found: directories may have been moved up, and some
 * file systems skip entries when others are removed while they are listed.
 */
static int remove_directory(struct removal *removal, int parent_fd, const char *name)
{
	bool inside = removal->depth++ > 0;
	int r = -ENOTEMPTY;
	bool any = true;
	for (unsigned passes = 0; r == -ENOTEMPTY && any && passes < PASSES_MAX; passes++) {
		any = false;
		int fd = open_directory(parent_fd, name);
		r = fd < 0 ? fd : remove_content(removal, fd, &any);
		if (r == 0)
			r = unlink_in(parent_fd, inside, name, AT_REMOVEDIR);
	}
	removal->depth--;
	return r == -ENOENT ? 0 : r;
}

int fs_remove_tree(int dir_fd, const char *name)
{
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return fail(-errno, "remove %s", name);

	/* Only the last name must not be a mount point; the way to it may cross some. */
	const char *slash = strrchr(name, '/');
	autoclose int parent = -1;
	if (slash) {
		autofree char *path = strndup(name, (size_t)(slash - name) + 1);
		if (!path)
			return fail(-ENOMEM, "remove %s", name);
		parent = openat(dir_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0)
			return fail(-errno, "remove %s", name);
	}
	const char *last = slash ? slash + 1 : name;
	if (text_empty(last) || text_equal(last, ".") || text_equal(last, ".."))
		return fail(-EINVAL, "remove %s", name);
	struct removal removal = {.top_fd = -1};
	int r = remove_directory(&removal, slash ? parent : dir_fd, last);
	return r < 0 ? fail(r, "remove %s", name) : 0;
}
