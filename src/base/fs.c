// SPDX-License-Identifier: Apache-2.0
#include "base/fs.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/kernel.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

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
		.mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0,
		.resolve = resolve,
	};
	int fd = -EAGAIN;
	for (int tries = 0; fd == -EAGAIN && tries < 128; tries++)
		fd = kernel_openat2(dir_fd, path, &how);
	return fd;
}

int fs_find_in(int root_fd, const char *path, int flags)
{
	return open_resolved(root_fd, path, flags, 0, IN_ROOT);
}

int fs_open_in(int root_fd, const char *path, int flags, mode_t mode)
{
	int fd = open_resolved(root_fd, path, flags, mode, IN_ROOT);
	return fd < 0 ? fail(fd, "open %s", path) : fd;
}

int fs_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
	int fd = open_resolved(
		dir_fd, path, flags | O_NOFOLLOW, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return fd < 0 ? fail(fd, "open %s", path) : fd;
}

#define LINKS_MAX 40 /* what the kernel follows in one path */

static int make_below(int root_fd, const char *path, mode_t type, mode_t mode, unsigned links_left);

/*
 * A link that leads nowhere yet, as /var/run → /run in an image without /run: what it
 * leads to is made, inside the tree. -EINVAL if the name is no link.
 */
static int make_target(int root_fd, int parent_fd, const char *name, const char *parent_path,
	mode_t type, mode_t mode, unsigned links_left)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(parent_fd, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	if (links_left == 0)
		return -ELOOP;
	target[length] = '\0';

	autofini(text_fini) struct text path = {};
	if (target[0] != '/')
		text_format(&path, "%s/", parent_path);
	text_add(&path, target);
	autoclose int there = open_resolved(root_fd, text_get(&path), O_PATH, 0, IN_ROOT);
	if (there != -ENOENT)
		return there < 0 ? there : 0;
	return make_below(root_fd, text_get(&path), type, mode, links_left - 1);
}

/*
 * One name, S_IFDIR or S_IFREG, in a parent that is resolved by descriptor: a link
 * swapped in meanwhile can move the result within the tree but not out of it. What
 * is made is never opened, so a FIFO swapped in cannot hold us.
 */
static int make_one(int root_fd, char *path, mode_t type, mode_t mode, unsigned links_left)
{
	char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (text_empty(name) || text_equal(name, ".") || text_equal(name, ".."))
		return type == S_IFDIR ? 0 : -EISDIR;
	const char *parent_path = "/";
	if (slash) {
		*slash = '\0';
		parent_path = path;
	}
	autoclose int parent = open_resolved(root_fd, text_empty(parent_path) ? "/" : parent_path,
		O_PATH | O_DIRECTORY, 0, IN_ROOT);
	int r = parent < 0 ? parent : 0;
	if (r == 0)
		r = type == S_IFDIR ? mkdirat(parent, name, mode)
				    : mknodat(parent, name, S_IFREG | mode, 0);
	if (r == -1)
		r = -errno;
	if (r == -EEXIST) {
		autoclose int there = open_resolved(parent, name, O_PATH | O_NOFOLLOW, 0, IN_ROOT);
		struct stat status;
		r = 0;
		if (there >= 0 && fstat(there, &status) == 0 && S_ISLNK(status.st_mode))
			r = make_target(root_fd, parent, name, parent_path, type, mode, links_left);
	}
	if (slash)
		*slash = '/';
	return r;
}

/* The last name alone, most often; else the directories on the way first. What exists stays. */
static int make_below(int root_fd, const char *path, mode_t type, mode_t mode, unsigned links_left)
{
	char walk[PATH_MAX];
	size_t length = strlen(path);
	if (length >= sizeof(walk))
		return -ENAMETOOLONG;
	memcpy(walk, path, length + 1);
	int last = make_one(root_fd, walk, type, mode, links_left);
	if (last != -ENOENT)
		return last;
	for (char *c = walk + (walk[0] == '/'); *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		int r = make_one(root_fd, walk, S_IFDIR, type == S_IFDIR ? mode : 0755, links_left);
		if (r < 0)
			return r;
		*c = '/';
	}
	return make_one(root_fd, walk, type, mode, links_left);
}

/* The common case is that it exists; only otherwise is the path walked. */
static int make_and_open(int root_fd, const char *path, mode_t type, mode_t mode)
{
	int flags = O_PATH | (type == S_IFDIR ? O_DIRECTORY : 0);
	int fd = open_resolved(root_fd, path, flags, 0, IN_ROOT);
	if (fd != -ENOENT || text_empty(path))
		return fd;
	int r = make_below(root_fd, path, type, mode, LINKS_MAX);
	return r < 0 ? r : open_resolved(root_fd, path, flags, 0, IN_ROOT);
}

int fs_make_dirs_in(int root_fd, const char *path, mode_t mode)
{
	int fd = make_and_open(root_fd, path, S_IFDIR, mode);
	return fd < 0 ? fail(fd, "create directory %s", path) : fd;
}

int fs_make_file_in(int root_fd, const char *path, mode_t mode)
{
	int fd = make_and_open(root_fd, path, S_IFREG, mode);
	return fd < 0 ? fail(fd, "create file %s", path) : fd;
}

/* mkdir(2) that accepts a directory that is there, or a link to one, and nothing else. */
static int make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return 0;
	int r = -errno;
	struct stat status;
	if (r == -EEXIST)
		r = stat(path, &status) < 0 ? -errno : S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
	return r;
}

int fs_make_dirs(const char *path, mode_t mode)
{
	int r = make_dir(path, mode);
	if (r == -ENOENT && !text_empty(path)) {
		autofree char *walk = strdup(path);
		if (!walk)
			return fail(-ENOMEM, "create directory %s", path);
		r = 0;
		for (char *c = walk + 1; r == 0 && *c; c++) {
			if (*c != '/')
				continue;
			*c = '\0';
			r = make_dir(walk, mode);
			*c = '/';
		}
		if (r == 0)
			r = make_dir(path, mode);
	}
	return r < 0 ? fail(r, "create directory %s", path) : 0;
}

/*
 * Most files fit into what is on the stack anyway; then exactly what they need is allocated, as
 * fresh pages cost more than reading does.
 */
int fs_read_fd(int fd, size_t limit, char **ret_text, size_t *ret_length)
{
	char small[4096];
	autofree char *large = NULL;
	char *bytes = small;
	size_t room = sizeof(small), length = 0;
	for (;;) {
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
		char *larger = realloc(large, room + 1);
		if (!larger)
			return -ENOMEM;
		if (bytes == small)
			memcpy(larger, small, length);
		bytes = large = larger;
	}
	if (bytes == small) {
		large = malloc(length + 1);
		if (!large)
			return -ENOMEM;
		memcpy(large, small, length);
	}
	large[length] = '\0';
	*ret_text = take(large);
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

int fs_read_small(int dir_fd, const char *path, char *buffer, size_t size)
{
	autoclose int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	ssize_t n;
	do {
		n = read(fd, buffer, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	buffer[n] = '\0';
	return (int)n;
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
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		rest += n;
		length -= (size_t)n;
	}
	return 0;
}

int fs_create(int dir_fd, const char *name, const void *text, size_t length, mode_t mode)
{
	autoclose int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return fail(-errno, "create %s", name);
	int r = fs_write_all(fd, text, length);
	if (r == 0)
		return 0;
	(void)unlinkat(dir_fd, name, 0);
	return fail(r, "write %s", name);
}

/*
 * The temporary name is new (O_EXCL), so that one planted in a shared directory is
 * neither followed nor used; it is short, so that any name can be replaced.
 */
int fs_replace(int dir_fd, const char *name, const void *text, size_t length, mode_t mode)
{
	char temporary[40];
	autoclose int fd = -EEXIST;
	for (int tries = 0; fd == -EEXIST && tries < 16; tries++) {
		uint64_t chance;
		if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
			chance = (uint64_t)clock_monotonic_ms();
		(void)snprintf(temporary, sizeof(temporary), FS_TEMPORARY_PREFIX "%016llx",
			(unsigned long long)chance + (unsigned)tries);
		fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			mode);
		if (fd < 0)
			fd = -errno;
	}
	if (fd < 0)
		return fail(fd, "write %s", name);
	int r = fs_write_all(fd, text, length);
	if (r == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, temporary, 0);
		return fail(r, "write %s", name);
	}
	return 0;
}

bool fs_is_mount_point(const char *path)
{
	uint64_t own = 0, parents = 0;
	autoclose int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int parent = fd < 0 ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return parent >= 0 && kernel_mount_id(fd, &own) == 0 &&
	       kernel_mount_id(parent, &parents) == 0 && own != parents;
}
