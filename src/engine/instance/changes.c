// SPDX-License-Identifier: Apache-2.0

/*
 * Changes of an upper directory. In: its descriptor and the layers below. Out: a sorted list.
 *
 * Whether a name is new is asked of the lower layers one by one, as the kernel would: the topmost
 * layer that knows the name decides, a whiteout or an opaque directory on the way ends the search.
 * Everything is opened below the descriptors without following links.
 */

#include "engine/instance/changes.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { DEEPEST = 512 };

struct walk {
	struct arena *arena;
	const struct strings *hidden;
	int *lower_fds;
	size_t lower_count;
	struct change *items;
	size_t count, room;
};

static bool is_whiteout(const struct stat *about)
{
	return S_ISCHR(about->st_mode) && about->st_rdev == 0;
}

static bool is_opaque(int fd)
{
	char value;
	const struct fd_path path = fd_path(fd);
	return (getxattr(path.text, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y') ||
	       (getxattr(path.text, "user.overlay.opaque", &value, 1) == 1 && value == 'y');
}

/* What one layer says of a path: 1 it is there, 0 ask the next one, -1 it is not there. */
static int ask_layer(int layer_fd, const char *path, struct stat *ret_about)
{
	autofree char *part = strdup(path);
	for (char *slash = part; slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		autoclose int fd = fs_open_beneath(layer_fd, part, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0)
			return fd == -ENOTDIR ? -1 : 0;
		struct stat about;
		if (fstat(fd, &about) < 0 || is_whiteout(&about))
			return -1;
		if (!slash) {
			*ret_about = about;
			return 1;
		}
		if (!S_ISDIR(about.st_mode))
			return -1;
		/* Lower layers are hidden behind it; what it has not is nowhere. */
		bool opaque = is_opaque(fd);
		*slash = '/';
		if (opaque) {
			autoclose int last =
				fs_open_beneath(layer_fd, path, O_PATH | O_NOFOLLOW, 0);
			if (last < 0 || fstat(last, ret_about) < 0 || is_whiteout(ret_about))
				return -1;
			return 1;
		}
	}
	return 0;
}

static bool find_below(const struct walk *walk, const char *path, struct stat *ret_about)
{
	for (size_t i = 0; i < walk->lower_count; i++) {
		int r = ask_layer(walk->lower_fds[i], path + 1, ret_about);
		error_clear();
		if (r != 0)
			return r > 0;
	}
	return false;
}

static bool is_hidden(const struct walk *walk, const char *path)
{
	for (size_t i = 0; i < walk->hidden->count; i++)
		if (text_equal(walk->hidden->items[i], path))
			return true;
	return false;
}

static void add(struct walk *walk, char kind, const char *path)
{
	if (walk->count == walk->room) {
		walk->room = walk->room * 2 + 64;
		struct change *more = arena_new(walk->arena, struct change, walk->room);
		if (walk->count)
			memcpy(more, walk->items, walk->count * sizeof(*more));
		walk->items = more;
	}
	walk->items[walk->count++] = (struct change){kind, path};
}

static int walk_directory(
	struct walk *walk, int fd, const char *path, unsigned depth, unsigned *ret_hidden);

static int walk_entry(struct walk *walk, int directory_fd, const char *name, const char *path,
	unsigned depth, unsigned *hidden)
{
	struct stat about, below;
	if (is_hidden(walk, path)) {
		(*hidden)++;
		return 0;
	}
	if (fstatat(directory_fd, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(-errno, "look at %s", path);
	bool was_there = find_below(walk, path, &below);
	if (is_whiteout(&about)) {
		if (was_there)
			add(walk, 'D', path);
		return 0;
	}
	if (!S_ISDIR(about.st_mode)) {
		add(walk, was_there ? 'C' : 'A', path);
		return 0;
	}
	autoclose int inner =
		openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return fail(-errno, "open %s", path);
	size_t before = walk->count;
	unsigned inner_hidden = 0;
	add(walk, was_there ? 'C' : 'A', path);
	int r = walk_directory(walk, take_fd(inner), path, depth + 1, &inner_hidden);
	/* Nobody would call it changed for what is hidden in it. */
	if (r == 0 && inner_hidden && walk->count == before + 1 &&
		(!was_there || below.st_mode == about.st_mode)) {
		walk->count = before;
		(*hidden)++;
	}
	return r;
}

/* Takes over the descriptor. */
static int walk_directory(
	struct walk *walk, int fd, const char *path, unsigned depth, unsigned *ret_hidden)
{
	DIR *stream = depth < DEEPEST ? fdopendir(fd) : NULL;
	if (!stream) {
		int r = depth < DEEPEST ? -errno : -ELOOP;
		scope_close(&fd);
		return fail(r, "open %s", path);
	}
	int r = 0;
	const struct dirent *entry;
	while (r == 0 && (entry = readdir(stream))) {
		if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
			continue;
		const char *inner = arena_format(walk->arena, "%s/%s", path, entry->d_name);
		r = walk_entry(walk, dirfd(stream), entry->d_name, inner, depth, ret_hidden);
	}
	closedir(stream);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

int changes_list(int upper_fd, const struct strings *lowers, const struct strings *hidden,
	struct arena *arena, struct change **ret_changes, size_t *ret_count)
{
	struct walk walk = {.arena = arena,
		.hidden = hidden,
		.lower_fds = arena_new(arena, int, lowers->count + 1)};
	unsigned hidden_count = 0;
	int r = 0;
	for (; walk.lower_count < lowers->count && r == 0; walk.lower_count++) {
		const char *path = lowers->items[walk.lower_count];
		walk.lower_fds[walk.lower_count] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (walk.lower_fds[walk.lower_count] < 0) {
			r = fail(-errno, "open layer %s", path);
			break;
		}
	}
	int copy = r == 0 ? openat(upper_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (r == 0)
		r = copy < 0 ? fail(-errno, "open the changes")
			     : walk_directory(&walk, copy, "", 0, &hidden_count);
	for (size_t i = 0; i < walk.lower_count; i++)
		scope_close(&walk.lower_fds[i]);
	if (r < 0)
		return r;
	if (walk.count)
		qsort(walk.items, walk.count, sizeof(*walk.items), compare);
	*ret_changes = walk.items;
	*ret_count = walk.count;
	return 0;
}
