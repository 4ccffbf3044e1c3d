// SPDX-License-Identifier: Apache-2.0

/*
 * What differs between a caught file and its original. Files are opened by their one name in a
 * directory that is open, never through a link, and never so that a FIFO could hold us.
 */

#include "engine/sandbox/caught_walk.h"

#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PIECE = 1 << 16, LIST_MAX = 1 << 16, VALUE_MAX = 1 << 16 };

static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t n = read(fd, buffer + length, size - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

static int same_bytes(int upper_fd, int real_fd, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	autoclose int upper = openat(upper_fd, name, flags);
	autoclose int real = upper < 0 ? -1 : openat(real_fd, name, flags);
	if (real < 0)
		return -errno;
	autofree char *a = malloc(PIECE), *b = malloc(PIECE);
	if (!a || !b)
		return -ENOMEM;
	for (;;) {
		ssize_t ours = read_all(upper, a, PIECE), theirs = read_all(real, b, PIECE);
		if (ours < 0 || theirs < 0)
			return (int)(ours < 0 ? ours : theirs);
		if (ours != theirs || memcmp(a, b, (size_t)ours) != 0)
			return 0;
		if (ours < PIECE)
			return 1;
	}
}

int caught_same_content(int upper_fd, int real_fd, const char *name, const struct stat *about)
{
	if (S_ISREG(about->st_mode)) {
		struct stat real;
		if (fstatat(real_fd, name, &real, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		return real.st_size == about->st_size ? same_bytes(upper_fd, real_fd, name) : 0;
	}
	if (S_ISLNK(about->st_mode)) {
		char a[PATH_MAX], b[PATH_MAX];
		ssize_t ours = readlinkat(upper_fd, name, a, sizeof(a));
		ssize_t theirs = readlinkat(real_fd, name, b, sizeof(b));
		return ours >= 0 && ours == theirs && memcmp(a, b, (size_t)ours) == 0;
	}
	return 1;
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* The last name is never followed; what is before it is a descriptor. */
static struct fd_path name_below(int directory_fd, const char *name, char out[static PATH_MAX])
{
	struct fd_path top = fd_path(directory_fd);
	(void)snprintf(out, PATH_MAX, "%s/%s", top.text, name);
	return top;
}

bool caught_is_overlay_attribute(const char *name)
{
	return text_starts(name, "user.overlay.") || text_starts(name, "trusted.overlay.");
}

/* What a person set, or a program for him; labels of the system's policies are its own business. */
static bool matters(const char *name)
{
	return !caught_is_overlay_attribute(name) &&
	       (text_starts(name, "user.") || text_starts(name, "system.posix_acl_") ||
		       text_equal(name, "security.capability"));
}

/* 1: every attribute of a has the same value at b. */
static int all_of(const char *a, const char *b)
{
	char names[4096];
	ssize_t length = llistxattr(a, names, sizeof(names));
	if (length <= 0)
		return length == 0 || errno == ENOTSUP ? 1 : 0;
	autofree char *ours = malloc(VALUE_MAX), *theirs = malloc(VALUE_MAX);
	if (!ours || !theirs)
		return -ENOMEM;
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		if (!matters(name))
			continue;
		ssize_t x = lgetxattr(a, name, ours, VALUE_MAX);
		ssize_t y = lgetxattr(b, name, theirs, VALUE_MAX);
		if (x != y || (x > 0 && memcmp(ours, theirs, (size_t)x) != 0))
			return 0;
	}
	return 1;
}

int caught_same_attributes(
	int upper_fd, int real_fd, const char *name, const struct stat *now, const struct stat *was)
{
	if (now->st_mode != was->st_mode || now->st_uid != was->st_uid ||
		now->st_gid != was->st_gid)
		return 0;
	char ours[PATH_MAX], theirs[PATH_MAX];
	(void)name_below(upper_fd, name, ours);
	(void)name_below(real_fd, name, theirs);
	int r = all_of(ours, theirs);
	return r > 0 ? all_of(theirs, ours) : r;
}

/* ---- what is the overlay's ------------------------------------------------------------------ */

bool caught_is_whiteout(int directory_fd, const char *name, const struct stat *about)
{
	if (S_ISCHR(about->st_mode))
		return about->st_rdev == 0;
	if (!S_ISREG(about->st_mode) || about->st_size != 0)
		return false;
	char path[PATH_MAX];
	(void)name_below(directory_fd, name, path);
	return lgetxattr(path, "user.overlay.whiteout", NULL, 0) >= 0 ||
	       lgetxattr(path, "trusted.overlay.whiteout", NULL, 0) >= 0;
}

char caught_opaqueness(int directory_fd)
{
	static const char *const names[] = {"user.overlay.opaque", "trusted.overlay.opaque"};
	for (size_t i = 0; i < array_length(names); i++) {
		char value;
		if (fgetxattr(directory_fd, names[i], &value, 1) == 1 &&
			(value == 'y' || value == 'x'))
			return value;
	}
	return 0;
}
