// SPDX-License-Identifier: Apache-2.0

/*
 * /proc and /dev of a scripted sandbox.
 *
 * A procfs can be made anew only for a pid namespace of one's own; without one the host's is shown,
 * which is not more than the program can see anyway. What root could change there, of the whole
 * machine, is made read-only.
 *
 * /dev has the nodes that no program does without, as mounts of the host's, since a user namespace
 * makes none, and terminals of its own.
 */

#include "base/error.h"
#include "base/kernel.h"
#include "base/text.h"
#include "rungs/sandbox/script_internal.h"
#include "walls/mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- /proc ----------------------------------------------------------------------------- */

static int cover(int proc_fd, const char *name)
{
	if (faccessat(proc_fd, name, W_OK, 0) < 0)
		return errno == EACCES || errno == ENOENT || errno == EROFS ? 0 : -errno;
	autoclose int tree =
		kernel_open_tree(proc_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return tree;
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	int r = kernel_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes);
	return r < 0 ? r : kernel_move_mount(tree, "", proc_fd, name, MOVE_MOUNT_F_EMPTY_PATH);
}

static int open_proc(const struct sandbox_script *script)
{
	if (script->namespaces & CLONE_NEWPID || script->pidns_fd >= 0)
		return mount_new_filesystem("proc", "proc", NULL,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
	int fd = script_clone("/proc", false, false);
	return fd < 0 ? fail(fd, "the host's /proc") : fd;
}

int script_mount_proc(struct script_room *room, const struct sandbox_operation *operation)
{
	static const char *const covered[] = {"sys", "sysrq-trigger", "irq", "bus"};
	autoclose int point = script_mount_point(room, operation->destination, true);
	if (point < 0)
		return point;
	autoclose int fd = open_proc(room->script);
	if (fd < 0)
		return wrap(fd, "Can't mount proc on %s", operation->destination);
	int r = script_attach(room, fd, point);
	if (r < 0)
		return fail(r, "Can't mount proc on %s", operation->destination);
	for (size_t i = 0; r == 0 && i < array_length(covered); i++) {
		r = cover(fd, covered[i]);
		if (r < 0)
			r = fail(r, "Can't access %s/%s", operation->destination, covered[i]);
	}
	return r;
}

/* ---- /dev ------------------------------------------------------------------------------- */

/* One of the host's nodes on a file of the new /dev. */
static int show_node(int dev_fd, const char *name, const char *source)
{
	autoclose int file = openat(dev_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (file < 0)
		return fail(-errno, "Can't create file /dev/%s", name);
	autoclose int tree = script_clone(source, false, true);
	int r = tree < 0 ? tree
			 : kernel_move_mount(tree, "", dev_fd, name, MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(r, "Can't bind mount %s", source) : 0;
}

static int show_nodes(int dev_fd)
{
	static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
	for (size_t i = 0; i < array_length(nodes); i++) {
		char source[PATH_MAX];
		(void)snprintf(source, sizeof(source), "/dev/%s", nodes[i]);
		int r = show_node(dev_fd, nodes[i], source);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_links(int dev_fd)
{
	static const char *const links[][2] = {{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
		{"/proc/self/fd", "fd"}, {"/proc/kcore", "core"}, {"pts/ptmx", "ptmx"}};
	for (size_t i = 0; i < array_length(links); i++)
		if (symlinkat(links[i][0], dev_fd, links[i][1]) < 0)
			return fail(-errno, "Can't create symlink /dev/%s", links[i][1]);
	return 0;
}

static int make_terminals(int dev_fd)
{
	if (mkdirat(dev_fd, "shm", 0755) < 0 || mkdirat(dev_fd, "pts", 0755) < 0)
		return fail(-errno, "Can't create /dev/shm and /dev/pts");
	autoclose int fd = mount_new_filesystem("devpts", "devpts", "ptmxmode=0666,mode=620",
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (fd < 0)
		return wrap(fd, "Can't mount devpts on /dev/pts");
	int r = kernel_move_mount(fd, "", dev_fd, "pts", MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(r, "Can't mount devpts on /dev/pts") : 0;
}

int script_mount_devices(struct script_room *room, const struct sandbox_operation *operation)
{
	const char *destination = operation->destination;
	autofini(text_fini) struct text data = {};
	text_add(&data, "mode=0755");
	script_add_label(room->script, &data);
	autoclose int point = script_mount_point(room, destination, true);
	if (point < 0)
		return point;
	autoclose int fd = mount_new_filesystem(
		"tmpfs", "tmpfs", text_get(&data), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	int r = fd < 0 ? fd : script_attach(room, fd, point);
	if (r < 0)
		return wrap(r, "Can't mount tmpfs on %s", destination);
	r = show_nodes(fd);
	if (r == 0)
		r = make_links(fd);
	if (r == 0)
		r = make_terminals(fd);
	/* The terminal outside can be written to anyway; with a name here ttyname(3) finds it. */
	if (r == 0 && room->script->terminal)
		r = show_node(fd, "console", room->script->terminal);
	return r;
}
