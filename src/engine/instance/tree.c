// SPDX-License-Identifier: Apache-2.0

/*
 * How to stand where a container's files can be seen. See tree.h.
 *
 *	runs, we are root          /proc/PID/root is all it takes
 *	runs, an ordinary user     its user namespace first: outside of it nothing of it may be
 *opened does not run               a mount namespace of our own (as an ordinary user: in a user
 *	                           namespace of the container's maps), its overlay and volumes in it
 */

#include "engine/instance/tree.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/places.h"
#include "engine/container/idmap.h"
#include "engine/image/image.h"
#include "engine/instance/internal.h"
#include "walls/mounts.h"
#include "walls/namespaces.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- namespaces ---------------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
	struct stat first, second;
	return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_ino == second.st_ino &&
	       first.st_dev == second.st_dev;
}

/* As its root; groups of the host's mean nothing there. */
static int join_user_namespace(int fd)
{
	if (setns(fd, CLONE_NEWUSER) < 0)
		return fail(-errno, "enter the user namespace of the container");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return fail(-errno, "become root of the container's user namespace");
	(void)setgroups(0, NULL); /* denied where only one id is mapped */
	return 0;
}

static int enter_maps(const struct plan_id_maps *uids, const struct plan_id_maps *gids)
{
	autoclose int fd = userns_open(uids, gids);
	return fd < 0 ? fd : join_user_namespace(fd);
}

int instance_enter_owner(struct arena *arena)
{
	struct plan_id_maps uids, gids;
	if (geteuid() == 0)
		return 0;
	run_map_ids(arena, &uids, &gids);
	return enter_maps(&uids, &gids);
}

/* ---- one that runs ----------------------------------------------------------------------------
 */

static int open_running(const struct instance *instance, struct instance_tree *tree)
{
	char root[48], user[48];
	(void)snprintf(root, sizeof(root), "/proc/%d/root", (int)instance->state.pid);
	(void)snprintf(user, sizeof(user), "/proc/%d/ns/user", (int)instance->state.pid);
	bool foreign = !same_file(user, "/proc/self/ns/user");
	autoclose int namespace = foreign ? open(user, O_RDONLY | O_CLOEXEC) : -1;
	if (foreign && namespace < 0)
		return fail(-errno, "open %s", user);
	if (foreign && geteuid() != 0) {
		int r = join_user_namespace(namespace);
		if (r < 0)
			return r;
		close_now(namespace);
	}
	tree->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->root_fd < 0)
		return fail(-errno, "open the root of container %s", instance->name);
	tree->user_namespace_fd = take_fd(namespace);
	tree->running = true;
	return 0;
}

/* ---- one that does not run ----------------------------------------------------------------------
 */

static int find_image(
	const struct instance *instance, struct arena *arena, struct run_request *request)
{
	if (!instance->image_id[0])
		return 0;
	autofini(store_fini) struct store store = STORE_NONE;
	struct image *image = arena_new(arena, struct image, 1);
	int r = store_open(places_data(arena), &store);
	if (r == 0)
		r = image_find(&store, instance->image_id, arena, image);
	if (r == 0)
		r = image_lowers(&store, image, arena, &request->lowers);
	request->image = image;
	return r;
}

/* Volumes and binds; not what the kernel makes up, nor rung's own little files. */
static bool is_wanted(const struct plan_mount *mount, const struct instance_tree *tree)
{
	bool overlay = mount->type && text_equal(mount->type, "overlay");
	if ((!overlay && !mount_is_bind(mount)) || text_equal(mount->destination, "/") ||
		text_starts(mount->destination, "/dev/"))
		return false;
	return overlay || !mount->source || !text_starts(mount->source, tree->layer.directory);
}

static int attach(const struct plan *plan, const struct plan_mount *mount, int root_fd)
{
	const struct mount_room room = {.root_fd = root_fd, .user_namespace = geteuid() != 0};
	autoclose int fd = mount_open(plan, mount, &room);
	return fd < 0 ? fd : mount_attach(mount, &room, fd);
}

static int attach_volumes(const struct plan *plan, const struct instance_tree *tree)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		if (!is_wanted(&plan->mounts[i], tree))
			continue;
		int r = attach(plan, &plan->mounts[i], tree->root_fd);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Mounts of ours must not reach the host's namespace, whatever it shares with others. */
static int leave_mount_namespace(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return fail(-errno, "make a mount namespace");
	const struct mount_attr private = {.propagation = MS_PRIVATE};
	int r = kernel_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private);
	return r < 0 ? fail(r, "cut a mount namespace off") : 0;
}

static int mount_root(const struct plan *plan, struct instance_tree *tree)
{
	const struct mount_room room = {.root_fd = AT_FDCWD};
	const struct plan_mount *root = NULL;
	for (size_t i = 0; i < plan->mount_count && !root; i++)
		if (text_equal(plan->mounts[i].destination, "/"))
			root = &plan->mounts[i];
	if (!root)
		return refuse(-EINVAL, "the container has no root of its own");
	autoclose int fd = mount_open(plan, root, &room);
	if (fd < 0)
		return fd;
	int r = kernel_move_mount(fd, "", AT_FDCWD, tree->layer.merged, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return fail(r, "mount the root of the container");
	tree->root_fd = open(tree->layer.merged, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return tree->root_fd < 0 ? fail(-errno, "open %s", tree->layer.merged) : 0;
}

static int enter_plan(const struct plan *plan, struct instance_tree *tree)
{
	bool own = plan->uid_maps.count > 0;
	int r = 0;
	if (geteuid() != 0 && own) {
		r = enter_maps(&plan->uid_maps, &plan->gid_maps);
	} else if (own) {
		tree->user_namespace_fd = userns_open(&plan->uid_maps, &plan->gid_maps);
		r = tree->user_namespace_fd < 0 ? tree->user_namespace_fd : 0;
	}
	return r < 0 ? r : leave_mount_namespace();
}

static int open_stopped(
	const struct instance *instance, struct arena *arena, struct instance_tree *tree)
{
	autofini(plan_fini) struct plan plan = {};
	struct run_request request = {};
	int r = instance_load_request(instance, arena, &request);
	if (r == 0)
		r = find_image(instance, arena, &request);
	if (r < 0)
		return r;
	run_layer_in(instance->directory, instance->id, arena, &tree->layer);
	r = run_layer_open(&tree->layer);
	request.layer = &tree->layer;
	if (r == 0)
		r = run_plan(&request, &plan);
	if (r == 0)
		r = enter_plan(&plan, tree);
	if (r == 0)
		r = mount_root(&plan, tree);
	return r == 0 ? attach_volumes(&plan, tree) : r;
}

/* ---- both
 * ----------------------------------------------------------------------------------------- */

int instance_tree_open(
	struct instance *instance, struct arena *arena, struct instance_tree *ret_tree)
{
	struct instance_tree tree = INSTANCE_TREE_NONE;
	int r = 0;
	if (!instance_is_alive(instance)) {
		tree.lock_fd = instance_lock(instance);
		r = tree.lock_fd < 0 ? tree.lock_fd : instance_reload(instance, arena);
	}
	if (r == -ENOENT)
		return refuse(r, "container %s is gone", instance->name);
	if (r == 0)
		r = instance_is_alive(instance) && instance->state.pid > 0
			    ? open_running(instance, &tree)
			    : open_stopped(instance, arena, &tree);
	if (r < 0) {
		instance_tree_fini(&tree);
		return wrap(r, "files of container %s", instance->name);
	}
	if (tree.running)
		close_now(tree.lock_fd);
	*ret_tree = tree;
	return 0;
}

void instance_tree_fini(struct instance_tree *tree)
{
	close_now(tree->root_fd);
	close_now(tree->user_namespace_fd);
	run_layer_fini(&tree->layer);
	close_now(tree->lock_fd);
}

int instance_lowers(const struct instance *instance, struct arena *arena, struct strings *ret_paths)
{
	struct run_request request = {};
	int r = find_image(instance, arena, &request);
	if (r < 0)
		return wrap(r, "image of container %s", instance->name);
	if (instance->rootfs[0]) {
		const char **paths = arena_new(arena, const char *, 1);
		paths[0] = instance->rootfs;
		request.lowers = (struct strings){paths, 1};
	}
	*ret_paths = request.lowers;
	return 0;
}

/* One that was never started has changed nothing, and has no place for changes yet. */
static const char *upper_path(const struct instance *instance, struct arena *arena)
{
	const char *upper = arena_format(arena, "%s/layer/upper", instance->directory);
	return access(upper, F_OK) == 0 ? upper : NULL;
}

/* A directory without a name: nothing is in it, and nothing can get into it. */
static int open_nothing(struct arena *arena)
{
	const char *state = places_state("", arena);
	int r = fs_make_dirs(state, 0700);
	if (r < 0)
		return r;
	char *path = arena_format(arena, "%s/.empty-XXXXXX", state);
	int fd = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return fail(-errno, "create %s", path);
	(void)rmdir(path);
	return fd;
}

int instance_open_upper(const struct instance *instance, struct arena *arena)
{
	const char *path = upper_path(instance, arena);
	if (!path)
		return open_nothing(arena);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "changes of container %s", instance->name) : fd;
}

/* ---- without what is mounted ------------------------------------------------------------------
 */

/* Colons part layers, commas options (walls/overlay.c reads it again). */
static void add_layer(const char *path, struct text *out)
{
	bool comma = strchr(path, ',');
	text_add(out, comma ? "\"" : "");
	for (const char *c = path; *c; c++) {
		if (*c == ':' || *c == '\\')
			text_add(out, "\\");
		text_add_bytes(out, c, 1);
	}
	text_add(out, comma ? "\"" : "");
}

int instance_open_stack(const struct instance *instance, struct arena *arena)
{
	struct strings lowers;
	int r = instance_lowers(instance, arena, &lowers);
	if (r < 0)
		return r;
	if (lowers.count == 0) {
		r = refuse(
			-EINVAL, "container %s has the running system as its root", instance->name);
		hint("only containers of an image or of --rootfs can be packed as a whole");
		return r;
	}
	bool host_root = run_is_host_root();
	const char *upper = upper_path(instance, arena);
	r = instance_enter_owner(arena);
	if (r == 0 && !host_root)
		r = leave_mount_namespace();
	if (r < 0)
		return r;
	const struct plan plan = {};
	const struct mount_room room = {.root_fd = -1};
	if (!upper && lowers.count == 1) { /* an overlay wants two */
		const struct plan_mount bind = {.destination = "/",
			.source = lowers.items[0],
			.type = "bind",
			.bind = true,
			.attributes_set = MOUNT_ATTR_RDONLY};
		return mount_open(&plan, &bind, &room);
	}
	autofini(text_fini) struct text data = {};
	text_add(&data, "lowerdir=");
	if (upper)
		add_layer(upper, &data);
	for (size_t i = 0; i < lowers.count; i++) {
		text_add(&data, upper || i ? ":" : "");
		add_layer(lowers.items[i], &data);
	}
	text_add(&data, host_root ? "" : ",userxattr");
	const struct plan_mount mount = {.destination = "/",
		.source = "overlay",
		.type = "overlay",
		.data = text_get(&data),
		.attributes_set = MOUNT_ATTR_RDONLY};
	return mount_open(&plan, &mount, &room);
}
