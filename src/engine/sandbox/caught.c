// SPDX-License-Identifier: Apache-2.0

/*
 * The walk through an upper directory beside the tree it changes; see caught.h. In: two
 * directories. Out: a list. A directory of the upper that the host has too is merged with it unless
 * it, or one above it, is opaque; then each name of the host's that the upper lacks is a deletion.
 *
 * What equals the original in content and attributes is no change: programs rewrite files that they
 * only looked at, and copying up a file for a write that never came leaves one as well.
 */

#include "engine/sandbox/caught_walk.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* A directory of both sides that is being walked. */
struct place {
	int upper_fd, real_fd; /* real_fd -1: the host has none */
	const char *path;      /* "" at the top */
	unsigned depth;
	bool opaque, fresh;
	char opaqueness; /* its own */
};

static int walk_directory(struct caught_walk *walk, const struct place *place);

/* ---- names ----------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int caught_names_read(int directory_fd, struct arena *arena, struct caught_names *ret_names)
{
	int copy = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	if (!stream) {
		int r = -errno;
		scope_close(&copy);
		return r;
	}
	struct caught_names names = {};
	size_t room = 0;
	const struct dirent *entry;
	while ((errno = 0, entry = readdir(stream))) {
		if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
			continue;
		if (names.count == room) {
			const char **more = arena_new(arena, const char *, room = 2 * room + 32);
			if (names.count)
				memcpy(more, names.names, names.count * sizeof(*more));
			names.names = more;
		}
		names.names[names.count++] = arena_strdup(arena, entry->d_name);
	}
	int r = -errno;
	closedir(stream);
	if (names.count)
		qsort(names.names, names.count, sizeof(*names.names), compare_names);
	*ret_names = names;
	return r;
}

bool caught_names_have(const struct caught_names *names, const char *name)
{
	return names->count &&
	       bsearch(&name, names->names, names->count, sizeof(name), compare_names);
}

int caught_open_directory(int parent_fd, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	return kernel_openat2(parent_fd, name, &how);
}

/* ---- entries --------------------------------------------------------------------------------- */

static struct caught *add(struct caught_walk *walk, const struct caught *caught)
{
	struct caught_list *list = walk->list;
	if (list->count == list->room) {
		list->room = list->room * 2 + 64;
		struct caught *more = arena_new(list->arena, struct caught, list->room);
		if (list->count)
			memcpy(more, list->items, list->count * sizeof(*more));
		list->items = more;
	}
	list->items[list->count] = *caught;
	return &list->items[list->count++];
}

static void add_judged(struct caught_walk *walk, const struct place *place, const char *name,
	struct caught *caught)
{
	struct caught_measure inside = {};
	if (S_ISDIR(caught->was.st_mode) && !S_ISDIR(caught->now.st_mode)) {
		caught_measure(place->real_fd, name, &inside);
		caught->size_before = inside.bytes;
		caught->files_before = inside.names + 1;
	} else if (caught->was.st_mode) {
		caught->size_before =
			S_ISREG(caught->was.st_mode) ? (uint64_t)caught->was.st_size : 0;
		caught->files_before = 1;
	}
	caught_judge(walk, place->upper_fd, name, &inside, caught);
	add(walk, caught);
}

static int walk_subdirectory(struct caught_walk *walk, const struct place *place, const char *name,
	struct caught *caught)
{
	const bool merged = S_ISDIR(caught->was.st_mode);
	autoclose int upper = caught_open_directory(place->upper_fd, name, O_RDONLY);
	autoclose int real = merged ? caught_open_directory(place->real_fd, name, O_PATH) : -1;
	if (upper < 0 || place->depth >= CAUGHT_DEEPEST) {
		caught->refusal = upper < 0 ? REFUSAL_UNREADABLE : REFUSAL_DEEP;
		add(walk, caught);
		return 0;
	}
	if (real == -EXDEV)
		caught->conflict = CONFLICT_MOUNT;
	if (!merged) {
		caught->kind = caught->was.st_mode ? CAUGHT_CHANGED : CAUGHT_ADDED;
		add_judged(walk, place, name, caught);
	} else if (real < 0 || caught_same_attributes(place->upper_fd, place->real_fd, name,
				       &caught->now, &caught->was) == 0) {
		caught->kind = CAUGHT_ATTRIBUTES;
		add(walk, caught);
	}
	const char opaqueness = caught_opaqueness(upper);
	const struct place inner = {
		.upper_fd = upper,
		.real_fd = real,
		.path = caught->path,
		.depth = place->depth + 1,
		.opaque = place->opaque || opaqueness == 'y',
		.fresh = !merged,
		.opaqueness = opaqueness,
	};
	return walk_directory(walk, &inner);
}

static void walk_file(struct caught_walk *walk, const struct place *place, const char *name,
	struct caught *caught)
{
	const mode_t type = caught->now.st_mode & S_IFMT;
	if (type == S_IFCHR || type == S_IFBLK)
		caught->refusal = REFUSAL_DEVICE;
	else if (type == S_IFSOCK)
		caught->refusal = REFUSAL_SOCKET;
	caught->kind = caught->was.st_mode ? CAUGHT_CHANGED : CAUGHT_ADDED;
	if (caught->refusal) {
		add(walk, caught);
		return;
	}
	if (type == (caught->was.st_mode & S_IFMT) &&
		caught_same_content(place->upper_fd, place->real_fd, name, &caught->now) > 0 &&
		caught->now.st_size == caught->was.st_size) {
		if (caught_same_attributes(
			    place->upper_fd, place->real_fd, name, &caught->now, &caught->was) > 0)
			return;
		caught->kind = CAUGHT_ATTRIBUTES;
	}
	add_judged(walk, place, name, caught);
}

static int walk_entry(struct caught_walk *walk, const struct place *place, const char *name)
{
	struct arena *arena = walk->list->arena;
	struct caught caught = {
		.path = *place->path ? arena_format(arena, "%s/%s", place->path, name)
				     : arena_strdup(arena, name),
		.tree = walk->tree,
		.opaque_above = place->opaque,
		.fresh_above = place->fresh,
	};
	if (fstatat(place->upper_fd, name, &caught.now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(-errno, "look at %s", caught.path);
	if (place->real_fd < 0 ||
		fstatat(place->real_fd, name, &caught.was, AT_SYMLINK_NOFOLLOW) < 0)
		caught.was = (struct stat){};
	if (S_ISDIR(caught.now.st_mode))
		return walk_subdirectory(walk, place, name, &caught);
	bool by_attribute = place->opaqueness == 'x' && S_ISREG(caught.now.st_mode);
	if ((S_ISCHR(caught.now.st_mode) || by_attribute) &&
		caught_is_whiteout(place->upper_fd, name, &caught.now)) {
		caught.now = (struct stat){};
		caught.kind = CAUGHT_DELETED;
		caught.whiteout = true;
		if (caught.was.st_mode)
			add_judged(walk, place, name, &caught);
		return 0;
	}
	walk_file(walk, place, name, &caught);
	return 0;
}

/* In an opaque directory: what the host has and the upper directory has not. */
static int walk_hidden(
	struct caught_walk *walk, const struct place *place, const struct caught_names *present)
{
	struct caught_names names;
	struct arena *arena = walk->list->arena;
	int r = caught_names_read(place->real_fd, arena, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		if (caught_names_have(present, names.names[i]))
			continue;
		struct caught caught = {
			.path = arena_format(arena, "%s/%s", place->path, names.names[i]),
			.tree = walk->tree,
			.kind = CAUGHT_DELETED,
			.opaque_above = true,
		};
		if (fstatat(place->real_fd, names.names[i], &caught.was, AT_SYMLINK_NOFOLLOW) == 0)
			add_judged(walk, place, names.names[i], &caught);
	}
	return r < 0 ? fail(r, "list %s", place->path) : 0;
}

static int walk_directory(struct caught_walk *walk, const struct place *place)
{
	struct caught_names names = {};
	int r = caught_names_read(place->upper_fd, walk->list->arena, &names);
	if (r < 0)
		return fail(r, "list the changes in /%s", place->path);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = walk_entry(walk, place, names.names[i]);
	if (r == 0 && place->opaque && place->real_fd >= 0)
		r = walk_hidden(walk, place, &names);
	return r;
}

/* ---- trees ------------------------------------------------------------------------------------
 */

static int walk_tree(struct caught_walk *walk)
{
	struct caught_tree *tree = &walk->list->trees[walk->tree];
	struct place top = {.upper_fd = tree->upper_fd, .real_fd = tree->real_fd, .path = ""};
	top.opaqueness = caught_opaqueness(tree->upper_fd);
	if (top.opaqueness == 'y')
		return refuse(-EINVAL, "%s: its upper directory is opaque", tree->tree.path);
	int r = walk_directory(walk, &top);
	return r < 0 ? wrap(r, "changes of %s", tree->tree.path) : 0;
}

/* The path is the person's own; from here on everything is by descriptor. */
static int open_real(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "open %s", path) : fd;
}

int caught_read(int sandbox_fd, struct arena *arena, struct caught_list *ret_list)
{
	struct sandbox_tree *trees;
	size_t count;
	struct timespec since;
	int r = trees_read(sandbox_fd, arena, &trees, &count);
	if (r == 0)
		r = base_since(sandbox_fd, &since);
	if (r < 0)
		return r;
	struct caught_list list = {
		.trees = arena_new(arena, struct caught_tree, count + 1), .arena = arena};
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct tree_name upper = tree_name(trees[i].number, "upper");
		struct caught_tree *tree = &list.trees[list.tree_count++];
		*tree = (struct caught_tree){trees[i], -1, -1};
		tree->upper_fd = openat(
			sandbox_fd, upper.text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (tree->upper_fd < 0) {
			r = fail(-errno, "open %s", upper.text);
			break;
		}
		tree->real_fd = r = open_real(trees[i].path);
		struct caught_walk walk = {.list = &list, .tree = (unsigned)i, .since = since};
		if (r >= 0)
			r = base_read(sandbox_fd, trees[i].number, arena, &walk.base);
		if (r == 0)
			r = walk_tree(&walk);
	}
	if (r < 0)
		caught_fini(&list);
	else
		*ret_list = list;
	return r;
}

int caught_read_tree(const char *upper, const char *real, struct timespec since,
	struct arena *arena, struct caught_list *ret_list)
{
	struct caught_list list = {
		.trees = arena_new(arena, struct caught_tree, 1), .tree_count = 1, .arena = arena};
	list.trees[0] = (struct caught_tree){{arena_strdup(arena, real), 0}, -1, -1};
	list.trees[0].upper_fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = list.trees[0].upper_fd < 0 ? fail(-errno, "open %s", upper) : open_real(real);
	if (r >= 0) {
		list.trees[0].real_fd = r;
		struct caught_walk walk = {.list = &list, .since = since};
		r = walk_tree(&walk);
	}
	if (r < 0)
		caught_fini(&list);
	else
		*ret_list = list;
	return r < 0 ? r : 0;
}

void caught_fini(struct caught_list *list)
{
	for (size_t i = 0; i < list->tree_count; i++) {
		close_now(list->trees[i].upper_fd);
		close_now(list->trees[i].real_fd);
	}
	list->tree_count = 0;
}

const char *caught_path(const struct caught_list *list, const struct caught *caught)
{
	const char *top = list->trees[caught->tree].tree.path;
	return arena_format(list->arena, "%s/%s", text_equal(top, "/") ? "" : top, caught->path);
}
