// SPDX-License-Identifier: Apache-2.0

/*
 * "tmpcopyup": a tmpfs, or a new volume, starts with what the image has at that place. Two
 * directory descriptors in, a copied tree out; links are copied as links and never followed, so an
 * image cannot make us read a host file into the container.
 */

#include "base/error.h"
#include "base/fs.h"
#include "walls/mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

/** Deeper trees are refused; each level holds two descriptors. */
#define DEPTH_MAX 256

static int copy_tree(int from_fd, int to_fd, int depth);

static int copy_attributes(int from_fd, int to_fd, const struct stat *about)
{
	if (fchown(to_fd, about->st_uid, about->st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	if (fchmod(to_fd, about->st_mode & 07777) < 0)
		return -errno;

	char names[4096], value[4096];
	ssize_t length = flistxattr(from_fd, names, sizeof(names));
	for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
		ssize_t size = fgetxattr(from_fd, name, value, sizeof(value));
		/* tmpfs refuses what it does not keep (user.*); that is the mount's nature. */
		if (size >= 0)
			(void)fsetxattr(to_fd, name, value, (size_t)size, 0);
	}
	struct timespec times[2] = {about->st_atim, about->st_mtim};
	return futimens(to_fd, times) < 0 ? -errno : 0;
}

/*
 * Two containers may fill one new volume at the same time: a file gets its name when it is whole,
 * and one that is there already is as good. Not all file systems have files without names.
 */
static int open_new(int to_dir, const char *name, bool *ret_nameless)
{
	int fd = openat(to_dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	*ret_nameless = fd >= 0;
	if (fd < 0)
		fd = openat(
			to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int give_name(int fd, int to_dir, const char *name)
{
	const struct fd_path path = fd_path(fd);
	if (linkat(AT_FDCWD, path.text, to_dir, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *about)
{
	autoclose int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (from < 0)
		return -errno;
	bool nameless;
	autoclose int to = open_new(to_dir, name, &nameless);
	if (to < 0)
		return to == -EEXIST ? 0 : to;
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 1 << 20);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
	}
	int r = copy_attributes(from, to, about);
	return r < 0 || !nameless ? r : give_name(to, to_dir, name);
}

static int copy_directory(
	int from_dir, int to_dir, const char *name, const struct stat *about, int depth)
{
	if (depth >= DEPTH_MAX)
		return -ELOOP;
	if (mkdirat(to_dir, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	autoclose int from =
		openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return -errno;
	autoclose int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -errno;
	int r = copy_tree(from, to, depth + 1);
	return r < 0 ? r : copy_attributes(from, to, about);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *about)
{
	char target[4096];
	ssize_t length = readlinkat(from_dir, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	if (symlinkat(target, to_dir, name) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fchownat(to_dir, name, about->st_uid, about->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		errno != EPERM && errno != EINVAL)
		return -errno;
	return 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth)
{
	struct stat about;
	if (fstatat(from_dir, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	switch (about.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from_dir, to_dir, name, &about);
	case S_IFDIR:
		return copy_directory(from_dir, to_dir, name, &about, depth);
	case S_IFLNK:
		return copy_link(from_dir, to_dir, name, &about);
	default:
		if (mknodat(to_dir, name, about.st_mode, about.st_rdev) < 0)
			return errno == EEXIST ? 0 : -errno;
		if (fchownat(to_dir, name, about.st_uid, about.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		return 0;
	}
}

static int copy_tree(int from_fd, int to_fd, int depth)
{
	int listing = fcntl(from_fd, F_DUPFD_CLOEXEC, 3);
	DIR *directory = listing < 0 ? NULL : fdopendir(listing);
	if (!directory) {
		int r = -errno;
		scope_close(&listing);
		return r;
	}
	int r = 0;
	struct dirent *entry;
	while (r == 0 && (entry = readdir(directory))) {
		if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
			continue;
		r = copy_entry(from_fd, to_fd, entry->d_name, depth);
		if (r < 0)
			r = fail(r, "%s", entry->d_name);
	}
	(void)closedir(directory);
	return r;
}

int mount_copy_up(int from_fd, int to_fd)
{
	struct stat about;
	if (fstat(from_fd, &about) < 0)
		return fail(-errno, "stat");
	int r = copy_tree(from_fd, to_fd, 0);
	if (r < 0)
		return r;
	r = copy_attributes(from_fd, to_fd, &about);
	return r < 0 ? fail(r, "copy attributes") : 0;
}
