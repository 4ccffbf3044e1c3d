// SPDX-License-Identifier: Apache-2.0

/*
 * In: a list of operations. Out: a root, and this process in it.
 *
 * The new root is a directory of a tmpfs that is stacked on "/": absolute paths of this process
 * still begin at the host's root below it, so each operation sees the host as it is by path and
 * the new root by descriptor. One thing would lead from the host into the new root: ".." up to
 * "/", which arrives on top of the stack. So all sources are resolved before it is stacked, and
 * resolved paths have no "..".
 *
 * Destinations are resolved inside the new root, links and all, and used by descriptor.
 *
 * What can go wrong is the caller's: sources that are not there, destinations on something
 * read-only. The stories begin with bubblewrap's words, since programs look for them.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "rungs/sandbox/script_internal.h"
#include "walls/mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- sources ------------------------------------------------------------------------- */

static int resolve(const char **path, bool optional)
{
	if (!*path)
		return 0;
	char *resolved = realpath(*path, NULL);
	if (!resolved && (!optional || errno != ENOENT))
		return fail(-errno, "Can't find source path %s", *path);
	/* The process becomes another program or ends: nobody frees it. */
	if (resolved)
		*path = resolved;
	return 0;
}

/* A descriptor that was opened in the host's mount namespace cannot be mounted from itself. */
static int resolve_descriptor(struct sandbox_operation *operation)
{
	char target[PATH_MAX];
	ssize_t length = readlink(fd_path(operation->fd).text, target, sizeof(target) - 1);
	if (length < 0)
		return fail(-errno, "Can't find source path /proc/self/fd/%d", operation->fd);
	target[length] = '\0';
	operation->source = strdup(target);
	return operation->source ? 0 : fail(-ENOMEM, "resolve descriptor %d", operation->fd);
}

static int resolve_sources(struct sandbox_script *script)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < script->operation_count; i++) {
		struct sandbox_operation *operation = &script->operations[i];
		if (operation->kind == SANDBOX_BIND && operation->fd >= 0)
			r = resolve_descriptor(operation);
		else if (operation->kind == SANDBOX_BIND || operation->kind == SANDBOX_OVERLAY)
			r = resolve(&operation->source, operation->optional);
		if (r == 0)
			r = resolve(&operation->work, false);
		for (size_t n = 0; r == 0 && n < operation->layer_count; n++)
			r = resolve(&operation->layers[n], false);
	}
	return r;
}

/* ---- destinations --------------------------------------------------------------------- */

/* What is closed to a group or to others is not to be reached through an open parent. */
static mode_t parent_mode(int mode)
{
	mode_t parents = 0755;
	if (mode >= 0 && (mode & 0070) == 0)
		parents &= ~(mode_t)0050;
	if (mode >= 0 && (mode & 0007) == 0)
		parents &= ~(mode_t)0005;
	return parents;
}

int script_make_parents(const struct script_room *room, const char *destination, int mode)
{
	const char *slash = strrchr(destination, '/');
	autofree char *parents = strndup(destination, slash ? (size_t)(slash - destination) : 0);
	if (!parents)
		return fail(-ENOMEM, "Can't mkdir parents for %s", destination);
	int fd = fs_make_dirs_in(room->root_fd, *parents ? parents : "/", parent_mode(mode));
	return fd < 0 ? fail(fd, "Can't mkdir parents for %s", destination) : fd;
}

static int make_directory(const struct script_room *room, const struct sandbox_operation *operation)
{
	const char *destination = operation->destination;
	autoclose int parents = script_make_parents(room, destination, operation->mode);
	if (parents < 0)
		return parents;
	autoclose int fd = fs_make_dirs_in(room->root_fd, destination, (mode_t)operation->mode);
	return fd < 0 ? fail(fd, "Can't mkdir %s", destination) : 0;
}

int script_mount_point(const struct script_room *room, const char *destination, bool directory)
{
	int fd = directory ? fs_make_dirs_in(room->root_fd, destination, 0755)
			   : fs_make_file_in(room->root_fd, destination, 0444);
	if (fd >= 0)
		return fd;
	autoclose int parents = script_make_parents(room, destination, -1);
	if (parents < 0)
		return parents;
	return directory ? fail(fd, "Can't mkdir %s", destination)
			 : fail(fd, "Can't create file at %s", destination);
}

static bool same_directory(int a, int b)
{
	struct stat first, second;
	uint64_t first_mount = 0, second_mount = 0;
	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
	       first.st_dev == second.st_dev && kernel_mount_id(a, &first_mount) == 0 &&
	       kernel_mount_id(b, &second_mount) == 0 && first_mount == second_mount;
}

int script_attach(struct script_room *room, int mount_fd, int point_fd)
{
	bool is_root = same_directory(point_fd, room->root_fd);
	int r = kernel_move_mount(
		mount_fd, "", point_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (r < 0 || !is_root)
		return r;
	int fd = fcntl(mount_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	close_now(room->root_fd);
	room->root_fd = fd;
	return 0;
}

/* ---- binds ----------------------------------------------------------------------------- */

static int set_attributes(int tree_fd, bool readonly, bool devices)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID |
						    (readonly ? MOUNT_ATTR_RDONLY : 0u) |
						    (devices ? 0u : MOUNT_ATTR_NODEV)};
	return kernel_mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes);
}

int script_clone(const char *path, bool readonly, bool devices)
{
	autoclose int fd = kernel_open_tree(
		AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd < 0)
		return fd;
	int r = set_attributes(fd, readonly, devices);
	return r < 0 ? r : take_fd(fd);
}

/* A clone of "/" would have the new root on top of it once that is stacked there. */
static int clone_early(struct sandbox_script *script)
{
	for (size_t i = 0; i < script->operation_count; i++) {
		struct sandbox_operation *operation = &script->operations[i];
		if (operation->kind != SANDBOX_BIND || !text_equal(operation->source, "/"))
			continue;
		operation->tree_fd = script_clone("/", operation->readonly, operation->devices);
		if (operation->tree_fd < 0)
			return fail(operation->tree_fd, "Can't bind mount / on %s",
				operation->destination);
	}
	return 0;
}

static bool same_file(int a, int b)
{
	struct stat first, second;
	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
	       first.st_dev == second.st_dev;
}

static int bind(struct script_room *room, struct sandbox_operation *operation)
{
	const char *source = operation->source, *destination = operation->destination;
	autoclose int tree = operation->tree_fd >= 0 ? take_fd(operation->tree_fd)
						     : script_clone(source, operation->readonly,
							       operation->devices);
	if (tree == -ENOENT && operation->optional)
		return 0;
	struct stat status;
	if (tree < 0 || fstat(tree, &status) < 0)
		return fail(
			tree < 0 ? tree : -errno, "Can't bind mount %s on %s", source, destination);
	if (operation->fd >= 0 && !same_file(operation->fd, tree))
		return refuse(-ESTALE, "Race condition binding dirfd");
	autoclose int point = script_mount_point(room, destination, S_ISDIR(status.st_mode));
	if (point < 0)
		return point;
	int r = script_attach(room, tree, point);
	if (r == -EINVAL && !S_ISDIR(status.st_mode) && fstat(point, &status) == 0 &&
		S_ISDIR(status.st_mode))
		return fail(-EISDIR, "Can't create file at %s", destination);
	return r < 0 ? fail(r, "Can't bind mount %s on %s: Unable to mount source on destination",
			       source, destination)
		     : 0;
}

static int remount_readonly(
	const struct script_room *room, const struct sandbox_operation *operation)
{
	autoclose int fd = fs_find_in(room->root_fd, operation->destination, O_PATH);
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	int r = fd < 0 ? fd : kernel_mount_setattr(fd, "", AT_EMPTY_PATH, &attributes);
	return r < 0 ? fail(r, "Can't remount readonly on %s", operation->destination) : 0;
}

/* ---- new file systems --------------------------------------------------------------------- */

void script_add_label(const struct sandbox_script *script, struct text *data)
{
	if (script->file_label)
		text_format(data, "%scontext=\"%s\"", data->length ? "," : "", script->file_label);
}

static int mount_new(struct script_room *room, const struct sandbox_operation *operation,
	const char *type, const char *data, unsigned attributes)
{
	autoclose int point = script_mount_point(room, operation->destination, true);
	if (point < 0)
		return point;
	autoclose int fd = mount_new_filesystem(type, type, data, attributes);
	int r = fd < 0 ? fd : script_attach(room, fd, point);
	return r < 0 ? wrap(r, "Can't mount %s on %s", type, operation->destination) : 0;
}

static int mount_tmpfs(struct script_room *room, const struct sandbox_operation *operation)
{
	autofini(text_fini) struct text data = {};
	text_format(&data, "mode=%#o", (unsigned)operation->mode);
	if (operation->size_bytes)
		text_format(&data, ",size=%llu", (unsigned long long)operation->size_bytes);
	script_add_label(room->script, &data);
	autoclose int parents = script_make_parents(room, operation->destination, operation->mode);
	if (parents < 0)
		return parents;
	return mount_new(
		room, operation, "tmpfs", text_get(&data), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

/* ---- files and links --------------------------------------------------------------------------
 */

static int copy(int from_fd, int to_fd)
{
	char bytes[16384];
	for (;;) {
		ssize_t n = read(from_fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		int r = fs_write_all(to_fd, bytes, (size_t)n);
		if (r < 0)
			return r;
	}
}

static int fill(struct sandbox_operation *operation, int to_fd)
{
	int r = copy(operation->fd, to_fd);
	close_now(operation->fd);
	return r < 0 ? fail(r, "Can't write data to file %s", operation->destination) : 0;
}

static int make_file(const struct script_room *room, struct sandbox_operation *operation)
{
	autoclose int parents = script_make_parents(room, operation->destination, operation->mode);
	if (parents < 0)
		return parents;
	autoclose int fd = fs_open_in(room->root_fd, operation->destination,
		O_WRONLY | O_CREAT | O_TRUNC, operation->mode < 0 ? 0666 : (mode_t)operation->mode);
	if (fd < 0)
		return fail(fd, "Can't create file %s", operation->destination);
	return fill(operation, fd);
}

/* The file lies where nobody sees it, and under its own name not for long. */
static int bind_data(struct script_room *room, struct sandbox_operation *operation)
{
	static const char name[] = "data";
	const char *destination = operation->destination;
	autoclose int parents = script_make_parents(room, destination, operation->mode);
	if (parents < 0)
		return parents;
	autoclose int file = openat(
		room->base_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0 || fchmod(file, operation->mode < 0 ? 0600 : (mode_t)operation->mode) < 0)
		return fail(-errno, "Can't create tmpfile for %s", destination);
	int r = fill(operation, file);
	if (r < 0)
		return r;
	autoclose int point = script_mount_point(room, destination, false);
	if (point < 0)
		return point;
	autoclose int tree =
		kernel_open_tree(room->base_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	r = tree < 0 ? tree : set_attributes(tree, operation->readonly, false);
	if (r == 0)
		r = script_attach(room, tree, point);
	(void)unlinkat(room->base_fd, name, 0);
	return r < 0 ? fail(r, "Can't bind mount data on %s", destination) : 0;
}

static int make_link(const struct script_room *room, const struct sandbox_operation *operation)
{
	const char *destination = operation->destination, *target = operation->source;
	const char *slash = strrchr(destination, '/');
	autoclose int parent = script_make_parents(room, destination, -1);
	if (parent < 0)
		return parent;
	const char *name = slash ? slash + 1 : destination;
	if (symlinkat(target, parent, name) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(-errno, "Can't make symlink at %s", destination);
	char existing[PATH_MAX];
	ssize_t length = readlinkat(parent, name, existing, sizeof(existing) - 1);
	if (length < 0 && errno == EINVAL)
		return refuse(-EEXIST,
			"Can't make symlink at %s: destination exists and is not a symlink",
			destination);
	if (length < 0)
		return fail(-errno,
			"Can't make symlink at %s: destination exists, and cannot read symlink "
			"target",
			destination);
	existing[length] = '\0';
	return text_equal(existing, target)
		       ? 0
		       : refuse(-EEXIST, "Can't make symlink at %s: existing destination is %s",
				 destination, existing);
}

static int change_mode(const struct script_room *room, const struct sandbox_operation *operation)
{
	autoclose int fd = fs_find_in(room->root_fd, operation->destination, O_PATH);
	int r = fd < 0 ? fd : chmod(fd_path(fd).text, (mode_t)operation->mode) < 0 ? -errno : 0;
	return r < 0 ? fail(r, "Can't chmod %#o %s", (unsigned)operation->mode,
			       operation->destination)
		     : 0;
}

/* ---- all of them
 * --------------------------------------------------------------------------------- */

static int carry_out(struct script_room *room, struct sandbox_operation *operation)
{
	switch (operation->kind) {
	case SANDBOX_BIND:
		return bind(room, operation);
	case SANDBOX_OVERLAY:
		return script_mount_overlay(room, operation);
	case SANDBOX_PROC:
		return script_mount_proc(room, operation);
	case SANDBOX_DEVICES:
		return script_mount_devices(room, operation);
	case SANDBOX_TMPFS:
		return mount_tmpfs(room, operation);
	case SANDBOX_MESSAGE_QUEUES:
		return mount_new(room, operation, "mqueue", NULL, 0);
	case SANDBOX_DIRECTORY:
		return make_directory(room, operation);
	case SANDBOX_FILE:
		return make_file(room, operation);
	case SANDBOX_DATA:
		return bind_data(room, operation);
	case SANDBOX_SYMBOLIC_LINK:
		return make_link(room, operation);
	case SANDBOX_REMOUNT_READONLY:
		return remount_readonly(room, operation);
	case SANDBOX_MODE:
		return change_mode(room, operation);
	case SANDBOX_HOST_NAME:
		break;
	}
	const char *name = operation->destination;
	return sethostname(name, strlen(name)) < 0 ? fail(-errno, "Can't set hostname to %s", name)
						   : 0;
}

/* ---- the room
 * ------------------------------------------------------------------------------------- */

static int prepare(struct script_room *room)
{
	struct mount_attr cut = {.propagation = MS_SLAVE};
	int r = kernel_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &cut);
	if (r < 0)
		return fail(r, "Failed to make / slave");
	r = resolve_sources(room->script);
	if (r == 0)
		r = clone_early(room->script);
	if (r < 0)
		return r;
	autofini(text_fini) struct text data = {};
	text_add(&data, "mode=0755");
	script_add_label(room->script, &data);
	room->base_fd = mount_new_filesystem(
		"tmpfs", "tmpfs", text_get(&data), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (room->base_fd < 0)
		return wrap(room->base_fd, "Failed to mount tmpfs");
	r = kernel_move_mount(room->base_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return fail(r, "Failed to mount tmpfs");
	if (mkdirat(room->base_fd, "root", 0755) < 0)
		return fail(-errno, "Creating newroot failed");
	room->root_fd =
		kernel_open_tree(room->base_fd, "root", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	r = room->root_fd < 0 ? room->root_fd
			      : kernel_move_mount(room->root_fd, "", room->base_fd, "root",
					MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(r, "setting up newroot bind") : 0;
}

/* Not rootfs_enter(), which would look for the namespace's root, and find ours on top of it. */
static int enter(const struct script_room *room)
{
	autoclose int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || fchdir(room->root_fd) < 0)
		return fail(-errno, "enter the root");
	int r = kernel_pivot_root(".", ".");
	if (r < 0)
		return fail(r, "pivot_root");
	struct mount_attr cut = {.propagation = MS_PRIVATE};
	r = kernel_mount_setattr(old, "", AT_EMPTY_PATH | AT_RECURSIVE, &cut);
	if (r < 0)
		return fail(r, "Failed to make old root rprivate");
	/* umount2(2) takes the topmost: first what was stacked on the old root, then that. */
	r = fchdir(old) < 0 ? -errno : kernel_umount(".", MNT_DETACH);
	if (r == 0)
		r = kernel_umount(".", MNT_DETACH);
	if (r < 0)
		return fail(r, "unmount old root");
	return chdir("/") < 0 ? fail(-errno, "enter the root") : 0;
}

int script_build_root(struct sandbox_script *script)
{
	struct script_room room = {.script = script, .base_fd = -1, .root_fd = -1};
	int r = prepare(&room);
	step("sources resolved");
	for (size_t i = 0; r == 0 && i < script->operation_count; i++) {
		r = carry_out(&room, &script->operations[i]);
		close_now(script->operations[i].fd);
	}
	step("operations carried out");
	if (r == 0)
		r = enter(&room);
	close_now(room.base_fd);
	close_now(room.root_fd);
	return r;
}
