// SPDX-License-Identifier: Apache-2.0

/*
 * criu demands a root that is a mount of its own, below nothing that covers it. On the host such a
 * mount would outlive a crash, so it stands in a namespace that only criu keeps alive.
 *
 * And criu is not to mount cgroup v2: options of that file system are the whole hierarchy's, so its
 * plain mount takes nsdelegate from the host (3.17, at dump and at restore), and with it what keeps
 * containers from their own limits. Given a "yard" in which the hierarchy is found, it mounts none.
 */

#include "rungs/container/criu_place.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"

#include <fcntl.h>
#include <sched.h>

/*
 * At dump a link to the hierarchy does. The processes that criu makes look into the yard from
 * another root, where a link would lead elsewhere: there it is a mount.
 */
static int make_yard(struct criu_place *place, struct arena *arena)
{
	const char *name = arena_format(arena, "%s/unified", place->yard); /* as criu calls v2 */
	if (place->root)
		return fs_make_dirs(name, 0700);
	int r = fs_make_dirs(place->yard, 0700);
	if (r == 0 && symlink(place->cgroups, name) < 0 && errno != EEXIST)
		r = fail(-errno, "create %s", name);
	return r;
}

int criu_place_make(int record_fd, const char *root_path, const struct cgroup_location *location,
	struct arena *arena, struct criu_place *ret_place)
{
	char state[4096];
	ssize_t length = readlink(fd_path(record_fd).text, state, sizeof(state) - 1);
	if (length < 0)
		return fail(-errno, "find the state directory");
	state[length] = '\0';
	struct criu_place place = {.root_path = root_path};
	int r = 0;
	if (root_path) {
		place.root = arena_format(arena, "%s/" CRIU_PLACE "/root", state);
		r = fs_make_dirs(place.root, 0700);
	}
	bool v2_alone = location->place_count == 1 && text_empty(location->places[0].controllers);
	if (r == 0 && v2_alone) {
		place.cgroups = location->places[0].mount_point;
		place.yard = arena_format(arena, "%s/" CRIU_PLACE "/cgroups", state);
		r = make_yard(&place, arena);
	}
	if (r < 0)
		return r;
	*ret_place = place;
	return 0;
}

/* The mounts at @path once more, on the directory @target. */
static int bind(const char *path, const char *target, unsigned recursive)
{
	autoclose int tree =
		kernel_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
	if (tree < 0)
		return fail(tree, "open %s", path);
	int r = kernel_move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
	struct mount_attr alone = {.propagation = MS_PRIVATE};
	if (r == 0)
		r = kernel_mount_setattr(tree, "", AT_EMPTY_PATH, &alone);
	return r < 0 ? fail(r, "bind %s on %s", path, target) : 0;
}

static int furnish(const struct criu_place *place)
{
	struct mount_attr slave = {.propagation = MS_SLAVE};
	int r = kernel_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave);
	if (r < 0)
		return fail(r, "cut the mount namespace off from the host's");
	r = bind(place->root_path, place->root, AT_RECURSIVE);
	if (r < 0 || !place->yard)
		return r;
	autofini(arena_fini) struct arena arena = {};
	return bind(place->cgroups, arena_format(&arena, "%s/unified", place->yard), 0);
}

static void way_back_fini(struct way_back *way)
{
	close_now(way->namespace_fd);
	close_now(way->root_fd);
	close_now(way->here_fd);
}

/* setns(2) takes a process to the namespace's own root; it was somewhere. */
int criu_place_leave(struct way_back *way)
{
	int r = 0;
	if (setns(way->namespace_fd, CLONE_NEWNS) < 0 || fchdir(way->root_fd) < 0 ||
		chroot(".") < 0 || fchdir(way->here_fd) < 0)
		r = fail(-errno, "return to the host's mount namespace");
	way_back_fini(way);
	return r;
}

int criu_place_enter(const struct criu_place *place, struct way_back *ret_way)
{
	struct way_back way = {
		.namespace_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC),
		.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.here_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	int r = 0;
	if (way.namespace_fd < 0 || way.root_fd < 0 || way.here_fd < 0)
		r = fail(-errno, "remember the host's mount namespace");
	else if (unshare(CLONE_NEWNS) < 0)
		r = fail(-errno, "make a mount namespace for criu");
	if (r < 0) {
		way_back_fini(&way);
		return r;
	}
	r = furnish(place);
	if (r < 0) {
		int back = criu_place_leave(&way);
		return back < 0 ? back : r;
	}
	*ret_way = way;
	return 0;
}
