// SPDX-License-Identifier: Apache-2.0

#include "engine/sandbox/kept.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/sandbox/caught_walk.h"
#include "engine/sandbox/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SNAPSHOTS "snapshots"
#define UNFINISHED "snapshots/.new"
#define RESTORED "restored"
#define TRASH "trash"

/* ---- throwing away
 * ------------------------------------------------------------------------------- */

/* Out of sight at once; what is left of it when we are killed goes next time. */
static int throw_away(int sandbox_fd, const char *name)
{
	int r = fs_remove_tree(sandbox_fd, TRASH);
	if (r < 0)
		return r;
	r = kernel_rename_new(sandbox_fd, name, sandbox_fd, TRASH);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(r, "put %s away", name);
	return fs_remove_tree(sandbox_fd, TRASH);
}

/* What belongs to changes that are no more. */
static int forget_undo(int sandbox_fd)
{
	return throw_away(sandbox_fd, "undo");
}

/* ---- whole trees
 * ------------------------------------------------------------------------------------ */

/* A copy of one tree: what was written, and what is known of the originals. */
static int copy_one_tree(int from_fd, const char *from, int to_fd, const char *to, bool empty)
{
	if (mkdirat(to_fd, to, 0700) < 0)
		return fail(-errno, "create %s", to);
	autoclose int source = openat(from_fd, from, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autoclose int target = openat(to_fd, to, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0 || target < 0)
		return fail(-errno, "open %s", from);
	int r = 0;
	struct stat about;
	if (empty) {
		if (mkdirat(target, "upper", 0700) < 0)
			return fail(-errno, "create upper");
		r = copy_directory_attributes(source, "upper", target, "upper", COPY_PLAIN);
		r = r < 0 ? fail(r, "attributes of upper") : 0;
	} else {
		r = copy_tree(source, "upper", target, "upper", COPY_EXACT);
		if (r == 0) {
			r = copy_entry(source, "base", target, "base", COPY_EXACT, &about);
			r = r < 0 && r != -ENOENT ? fail(r, "copy base") : 0;
		}
	}
	if (r == 0 && mkdirat(target, "work", 0700) < 0)
		r = fail(-errno, "create work");
	return r;
}

/* All trees of the sandbox below @from, or none of their changes where it is NULL. */
static int copy_trees(int sandbox_fd, const char *from, const char *to, struct arena *arena)
{
	struct sandbox_tree *trees;
	size_t count;
	struct stat about;
	int r = trees_read(sandbox_fd, arena, &trees, &count);
	if (r < 0)
		return r;
	if (mkdirat(sandbox_fd, to, 0700) < 0)
		return fail(-errno, "create %s", to);
	autoclose int target = openat(sandbox_fd, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int present = openat(sandbox_fd, "trees", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose int source =
		from ? openat(sandbox_fd, from, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (target < 0 || (from && source < 0) || (count && present < 0))
		return fail(-errno, "open the trees");
	for (size_t i = 0; r == 0 && i < count; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "%u", trees[i].number);
		/* A tree that came after the snapshot had no changes then. */
		bool known = from && faccessat(source, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		r = copy_one_tree(known ? source : present, name, target, name, !known);
	}
	if (r == 0 && from) {
		r = copy_entry(source, "since", target, "since", COPY_EXACT, &about);
		r = r < 0 && r != -ENOENT ? fail(r, "copy since") : 0;
	}
	if (r == 0 && syncfs(target) < 0)
		r = fail(-errno, "write the copy to the disk");
	return r;
}

static int replace_trees(int sandbox_fd, const char *from, struct arena *arena)
{
	int r = fs_remove_tree(sandbox_fd, RESTORED);
	if (r == 0)
		r = copy_trees(sandbox_fd, from, RESTORED, arena);
	if (r == 0) {
		r = kernel_rename_swap(sandbox_fd, RESTORED, sandbox_fd, "trees");
		if (r == -ENOENT)
			r = kernel_rename_new(sandbox_fd, RESTORED, sandbox_fd, "trees");
		if (r < 0)
			r = fail(r, "put the trees in place");
	}
	if (r < 0) {
		char *text = arena_strdup(arena, error_text());
		(void)fs_remove_tree(sandbox_fd, RESTORED);
		return error_adopt(r, text, "");
	}
	r = throw_away(sandbox_fd, RESTORED);
	return r < 0 ? r : forget_undo(sandbox_fd);
}

int discard_all(int sandbox_fd, struct arena *arena)
{
	return replace_trees(sandbox_fd, NULL, arena);
}

/* ---- snapshots
 * --------------------------------------------------------------------------------------- */

static int name_of(const char *name, struct arena *arena, const char **ret_path)
{
	if (!sandbox_name_is_valid(name)) {
		int r = refuse(-EINVAL, "\"%s\" cannot be a snapshot's name", name);
		hint("letters, digits and _.- behind a letter or digit");
		return r;
	}
	*ret_path = arena_format(arena, SNAPSHOTS "/%s", name);
	return 0;
}

int kept_create(int sandbox_fd, const char *name, struct arena *arena)
{
	const char *path;
	int r = name_of(name, arena, &path);
	if (r < 0)
		return r;
	if (faccessat(sandbox_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return refuse(-EEXIST, "there is a snapshot %s already", name);
	if (mkdirat(sandbox_fd, SNAPSHOTS, 0700) < 0 && errno != EEXIST)
		return fail(-errno, "create " SNAPSHOTS);
	r = fs_remove_tree(sandbox_fd, UNFINISHED);
	if (r == 0 && mkdirat(sandbox_fd, "trees", 0700) < 0 && errno != EEXIST)
		r = fail(-errno, "create trees");
	if (r == 0)
		r = copy_trees(sandbox_fd, "trees", UNFINISHED, arena);
	if (r == 0) {
		r = kernel_rename_new(sandbox_fd, UNFINISHED, sandbox_fd, path);
		r = r < 0 ? fail(r, "name the snapshot") : 0;
	}
	if (r < 0) {
		char *text = arena_strdup(arena, error_text());
		(void)fs_remove_tree(sandbox_fd, UNFINISHED);
		(void)error_adopt(r, text, "");
		return wrap(r, "snapshot %s", name);
	}
	return 0;
}

static int find_snapshot(
	int sandbox_fd, const char *name, struct arena *arena, const char **ret_path)
{
	int r = name_of(name, arena, ret_path);
	if (r == 0 && faccessat(sandbox_fd, *ret_path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		r = refuse(-ENOENT, "no such snapshot: %s", name);
	return r;
}

int kept_restore(int sandbox_fd, const char *name, struct arena *arena)
{
	const char *path;
	int r = find_snapshot(sandbox_fd, name, arena, &path);
	if (r == 0)
		r = replace_trees(sandbox_fd, path, arena);
	return r < 0 ? wrap(r, "restore %s", name) : 0;
}

int kept_remove(int sandbox_fd, const char *name, struct arena *arena)
{
	const char *path;
	int r = find_snapshot(sandbox_fd, name, arena, &path);
	return r < 0 ? r : throw_away(sandbox_fd, path);
}

int kept_list(int sandbox_fd, struct arena *arena, struct kept **ret_snapshots, size_t *ret_count)
{
	autoclose int fd = openat(sandbox_fd, SNAPSHOTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct caught_names names = {};
	int r = fd < 0 ? (errno == ENOENT ? 0 : -errno) : caught_names_read(fd, arena, &names);
	if (r < 0)
		return fail(r, "list the snapshots");
	struct kept *snapshots = arena_new(arena, struct kept, names.count + 1);
	size_t count = 0;
	for (size_t i = 0; i < names.count; i++)
		if (sandbox_name_is_valid(names.names[i]))
			snapshots[count++] = (struct kept){
				names.names[i], kernel_birth_time(fd, names.names[i])};
	*ret_snapshots = snapshots;
	*ret_count = count;
	return 0;
}
