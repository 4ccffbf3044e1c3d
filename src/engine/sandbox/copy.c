// SPDX-License-Identifier: Apache-2.0

#include "engine/sandbox/copy.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/caught_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NAMES_MAX = 1 << 16, VALUE_MAX = 1 << 16, PIECE = 1 << 17 };
#define CAPABILITY "security.capability"

/* Only the last name is resolved, and the calls used with this follow no link. */
struct place_path {
	char text[PATH_MAX];
};

static void place_path(int directory_fd, const char *name, struct place_path *ret_path)
{
	(void)snprintf(
		ret_path->text, sizeof(ret_path->text), "%s/%s", fd_path(directory_fd).text, name);
}

/* ---- content
 * -------------------------------------------------------------------------------------- */

static int copy_piecewise(int from, int to, off_t start, off_t end)
{
	autofree char *buffer = malloc(PIECE);
	if (!buffer)
		return -ENOMEM;
	while (start < end) {
		size_t want = end - start < PIECE ? (size_t)(end - start) : PIECE;
		ssize_t n = pread(from, buffer, want, start);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = pwrite(to, buffer + done, (size_t)(n - done), start + done);
			if (w < 0 && errno != EINTR)
				return -errno;
			done += w > 0 ? w : 0;
		}
		start += n;
	}
	return 0;
}

static int copy_range(int from, int to, off_t start, off_t end)
{
	while (start < end) {
		off_t in = start, out = start;
		ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - start), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
			return -errno;
		/* Between file systems, on old kernels, from files that pretend to be empty. */
		if (n <= 0)
			return copy_piecewise(from, to, start, end);
		start += n;
	}
	return 0;
}

static int copy_content(int from, int to, off_t size)
{
	if (size == 0)
		return 0;
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (ftruncate(to, size) < 0)
		return -errno;
	for (off_t at = 0; at < size;) {
		off_t data = lseek(from, at, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : copy_range(from, to, at, size);
		off_t hole = lseek(from, data, SEEK_HOLE);
		int r = copy_range(from, to, data, hole < 0 || hole > size ? size : hole);
		if (r < 0 || hole < 0)
			return r;
		at = hole;
	}
	return 0;
}

/* ---- attributes
 * ------------------------------------------------------------------------------------ */

static bool is_wanted(const char *name, enum copy_manner manner)
{
	if (manner == COPY_EXACT)
		return true;
	if (text_equal(name, CAPABILITY))
		return manner == COPY_SETUID;
	return text_starts(name, "user.") ? !caught_is_overlay_attribute(name)
					  : text_starts(name, "system.posix_acl_");
}

static int copy_one_attribute(
	const char *from, const char *to, const char *name, enum copy_manner manner)
{
	autofree char *value = malloc(VALUE_MAX);
	if (!value)
		return -ENOMEM;
	ssize_t length = lgetxattr(from, name, value, VALUE_MAX);
	if (length < 0)
		return errno == ENODATA ? 0 : -errno;
	if (lsetxattr(to, name, value, (size_t)length, 0) == 0)
		return 0;
	/* What only the system may set, or the other file system has not, is not the file's own. */
	bool own = text_starts(name, "user.") || text_starts(name, "system.");
	if (own && errno != ENOTSUP)
		return -errno;
	return own && manner == COPY_EXACT && caught_is_overlay_attribute(name) ? -errno : 0;
}

static int list_attributes(const char *path, char **ret_names, size_t *ret_length)
{
	char small[256];
	ssize_t length = llistxattr(path, small, sizeof(small));
	if (length == 0 || (length < 0 && (errno == ENOTSUP))) {
		*ret_length = 0;
		return 0;
	}
	if (length < 0 && errno != ERANGE)
		return -errno;
	autofree char *names = malloc(NAMES_MAX);
	if (!names)
		return -ENOMEM;
	length = llistxattr(path, names, NAMES_MAX);
	if (length < 0)
		return -errno;
	*ret_names = take(names);
	*ret_length = (size_t)length;
	return 0;
}

static int copy_extended(const char *from, const char *to, enum copy_manner manner)
{
	autofree char *names = NULL;
	size_t length = 0;
	int r = list_attributes(from, &names, &length);
	for (size_t at = 0; r == 0 && at < length; at += strlen(names + at) + 1)
		if (is_wanted(names + at, manner))
			r = copy_one_attribute(from, to, names + at, manner);
	return r;
}

/* What the one has and the other has not. */
static int remove_extended(const char *from, const char *to, enum copy_manner manner)
{
	autofree char *names = NULL;
	size_t length = 0;
	int r = list_attributes(to, &names, &length);
	for (size_t at = 0; r == 0 && at < length; at += strlen(names + at) + 1)
		if (is_wanted(names + at, manner) && lgetxattr(from, names + at, NULL, 0) < 0 &&
			errno == ENODATA && lremovexattr(to, names + at) < 0 && errno != ENODATA)
			r = -errno;
	return r;
}

static mode_t mode_of(const struct stat *about, enum copy_manner manner)
{
	mode_t mode = about->st_mode & 07777;
	return manner == COPY_PLAIN && !S_ISDIR(about->st_mode)
		       ? mode & ~(mode_t)(S_ISUID | S_ISGID)
		       : mode;
}

/* chown(2) takes away setuid bits and capabilities, so it comes first. */
static int copy_attributes(int from_fd, const char *from, int to_fd, const char *to,
	const struct stat *about, enum copy_manner manner)
{
	struct place_path source, target;
	struct stat present;
	place_path(from_fd, from, &source);
	place_path(to_fd, to, &target);
	if (fstatat(to_fd, to, &present, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if ((present.st_uid != about->st_uid || present.st_gid != about->st_gid) &&
		fchownat(to_fd, to, about->st_uid, about->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	int r = 0;
	if (!S_ISLNK(about->st_mode)) {
		/* By descriptor: fchmodat(2) would follow a link that is swapped in. */
		autoclose int fd = openat(to_fd, to, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &present) < 0)
			return -errno;
		if ((present.st_mode & S_IFMT) != (about->st_mode & S_IFMT))
			return -ESTALE;
		if ((present.st_mode & 07777) != mode_of(about, manner) &&
			chmod(fd_path(fd).text, mode_of(about, manner)) < 0)
			return -errno;
	}
	r = copy_extended(source.text, target.text, manner);
	const struct timespec times[] = {about->st_atim, about->st_mtim};
	if (r == 0 && utimensat(to_fd, to, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

int copy_directory_attributes(
	int from_fd, const char *from, int to_fd, const char *to, enum copy_manner manner)
{
	struct stat about;
	struct place_path source, target;
	if (fstatat(from_fd, from, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(about.st_mode))
		return -ENOTDIR;
	place_path(from_fd, from, &source);
	place_path(to_fd, to, &target);
	int r = remove_extended(source.text, target.text, manner);
	return r < 0 ? r : copy_attributes(from_fd, from, to_fd, to, &about, manner);
}

bool copy_has_privileges(int directory_fd, const char *name, const struct stat *about)
{
	struct place_path path;
	if (!S_ISREG(about->st_mode))
		return false;
	if (about->st_mode & (S_ISUID | S_ISGID))
		return true;
	place_path(directory_fd, name, &path);
	return lgetxattr(path.text, CAPABILITY, NULL, 0) >= 0;
}

int copy_strip_overlay(int directory_fd, const char *name)
{
	struct place_path path;
	autofree char *names = NULL;
	size_t length = 0;
	place_path(directory_fd, name, &path);
	int r = list_attributes(path.text, &names, &length);
	for (size_t at = 0; r == 0 && at < length; at += strlen(names + at) + 1)
		if (caught_is_overlay_attribute(names + at) &&
			lremovexattr(path.text, names + at) < 0 && errno != ENODATA)
			r = -errno;
	return r;
}

/* ---- files
 * ------------------------------------------------------------------------------------------ */

/* A file of ours may lack what reading needs: the mode is lent to it for as long as the open takes.
 */
static int open_source(int directory_fd, const char *name, const struct stat *about)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(directory_fd, name, flags);
	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	autoclose int place = openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0 || chmod(fd_path(place).text, (about->st_mode & 07777) | S_IRUSR) < 0)
		return -EACCES;
	fd = openat(directory_fd, name, flags);
	int r = fd < 0 ? -errno : fd;
	(void)chmod(fd_path(place).text, about->st_mode & 07777);
	return r;
}

static int copy_file(int from_fd, const char *from, int to_fd, const char *to, struct stat *about)
{
	autoclose int source = open_source(from_fd, from, about);
	if (source < 0)
		return source;
	if (fstat(source, about) < 0)
		return -errno;
	if (!S_ISREG(about->st_mode))
		return -ESTALE;
	autoclose int target =
		openat(to_fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return target < 0 ? -errno : copy_content(source, target, about->st_size);
}

static int copy_link(int from_fd, const char *from, int to_fd, const char *to)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from_fd, from, target, sizeof(target));
	if (length < 0 || length == sizeof(target))
		return length < 0 ? -errno : -ENAMETOOLONG;
	target[length] = '\0';
	return symlinkat(target, to_fd, to) < 0 ? -errno : 0;
}

int copy_entry(int from_fd, const char *from, int to_fd, const char *to, enum copy_manner manner,
	struct stat *ret_about)
{
	struct stat about;
	if (fstatat(from_fd, from, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	bool whiteout = S_ISCHR(about.st_mode) && about.st_rdev == 0;
	int r;
	if (S_ISREG(about.st_mode))
		r = copy_file(from_fd, from, to_fd, to, &about);
	else if (S_ISLNK(about.st_mode))
		r = copy_link(from_fd, from, to_fd, to);
	else if (S_ISFIFO(about.st_mode) ||
		 (manner == COPY_EXACT && (whiteout || S_ISSOCK(about.st_mode))))
		r = mknodat(to_fd, to, (about.st_mode & S_IFMT) | 0600, 0) < 0 ? -errno : 0;
	else
		return -EXDEV;
	if (r == -EEXIST)
		return r;
	if (r == 0 && !whiteout)
		r = copy_attributes(from_fd, from, to_fd, to, &about, manner);
	if (r == 0 && fstatat(to_fd, to, ret_about, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(to_fd, to, 0);
	return r;
}

/* ---- trees
 * ------------------------------------------------------------------------------------------- */

static int copy_directory(int from_fd, const char *from, int to_fd, const char *to,
	enum copy_manner manner, unsigned depth);

static int copy_inside(int source, int target, enum copy_manner manner, unsigned depth)
{
	autofini(arena_fini) struct arena arena = {};
	struct caught_names names;
	int r = caught_names_read(source, &arena, &names);
	if (r < 0)
		return fail(r, "list a directory");
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		struct stat about;
		const char *name = names.names[i];
		if (fstatat(source, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(-errno, "%s", name);
		if (S_ISDIR(about.st_mode)) {
			r = copy_directory(source, name, target, name, manner, depth + 1);
			continue;
		}
		r = copy_entry(source, name, target, name, manner, &about);
		r = r == -EXDEV ? 0 : r < 0 ? fail(r, "%s", name) : r;
	}
	return r;
}

static int copy_directory(int from_fd, const char *from, int to_fd, const char *to,
	enum copy_manner manner, unsigned depth)
{
	if (depth > CAUGHT_DEEPEST)
		return fail(-ELOOP, "%s", from);
	autoclose int source =
		openat(from_fd, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0)
		return fail(-errno, "%s", from);
	if (mkdirat(to_fd, to, 0700) < 0)
		return fail(-errno, "create %s", to);
	autoclose int target = openat(to_fd, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return fail(-errno, "%s", to);
	int r = copy_inside(source, target, manner, depth);
	if (r < 0)
		return wrap(r, "%s", from);
	r = copy_directory_attributes(from_fd, from, to_fd, to, manner);
	return r < 0 ? fail(r, "attributes of %s", from) : 0;
}

int copy_tree(int from_fd, const char *from, int to_fd, const char *to, enum copy_manner manner)
{
	return copy_directory(from_fd, from, to_fd, to, manner, 0);
}
