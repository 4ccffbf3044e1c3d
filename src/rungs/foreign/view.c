// SPDX-License-Identifier: Apache-2.0

/*
 * Where the runtime works. Always in a mount namespace of its own, so that the container's root,
 * an overlay, is mounted nowhere on the host; for an ordinary user in the container's user
 * namespace as its root, since no runtime knows where our layers' ids come from.
 *
 * On a host with cgroup v1 and an empty v2 beside it that v2 is not shown: crun starts nothing when
 * it sees both ("cgroups in hybrid mode not supported"), and for a v1 container it is of no use.
 */

#include "base/error.h"
#include "base/kernel.h"
#include "rungs/foreign/internal.h"
#include "walls/mounts.h"
#include "walls/namespaces.h"
#include "walls/rootfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define CGROUPS "/sys/fs/cgroup"
#define BESIDE "unified"

/* ---- before the fork ------------------------------------------------------------------------- */

static int open_users(const struct plan *plan, pid_t inside)
{
	char path[48];
	const char *joined = plan->namespaces[PLAN_NS_USER].path;
	if (inside == 0 && !joined)
		return userns_open(&plan->uid_maps, &plan->gid_maps);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)inside);
	int fd = open(inside ? path : joined, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "open the container's user namespace") : fd;
}

int view_open(const struct plan *plan, pid_t inside, struct foreign_view *ret_view)
{
	struct foreign_view view = {.plan = plan, .users_fd = -1};
	if (foreign_owns_users(plan)) {
		view.users_fd = open_users(plan, inside);
		if (view.users_fd < 0)
			return view.users_fd;
	}
	*ret_view = view;
	return 0;
}

void view_fini(struct foreign_view *view)
{
	close_now(view->users_fd);
}

/* ---- in the child ---------------------------------------------------------------------------- */

static int enter_users(int fd)
{
	if (setns(fd, CLONE_NEWUSER) < 0)
		return fail(-errno, "enter the container's user namespace");
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return fail(-errno, "drop additional groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return fail(-errno, "become root in the container's user namespace");
	return 0;
}

/* One hierarchy, or a link to one ("cpu" to "cpu,cpuacct"), into the view. */
static int show(int from, int view, const struct dirent *entry)
{
	const char *name = entry->d_name;
	if (entry->d_type == DT_LNK) {
		char target[256];
		ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
		if (length < 0)
			return -errno;
		target[length] = '\0';
		return symlinkat(target, view, name) < 0 ? -errno : 0;
	}
	if (entry->d_type != DT_DIR || name[0] == '.' || text_equal(name, BESIDE))
		return 0;
	autoclose int tree = kernel_open_tree(from, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return tree;
	if (mkdirat(view, name, 0555) < 0)
		return -errno;
	return kernel_move_mount(tree, "", view, name, MOVE_MOUNT_F_EMPTY_PATH);
}

static int show_all(DIR *top, int view)
{
	const struct dirent *entry;
	int r = 0;
	while (r == 0 && (entry = readdir(top)))
		r = show(dirfd(top), view, entry);
	return r < 0 ? fail(r, "show the control groups without v2") : 0;
}

static void directory_fini(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

static int cover_hybrid(void)
{
	struct statfs about;
	if (statfs(CGROUPS, &about) < 0 || (unsigned long)about.f_type == CGROUP2_SUPER_MAGIC ||
		statfs(CGROUPS "/" BESIDE, &about) < 0 ||
		(unsigned long)about.f_type != CGROUP2_SUPER_MAGIC)
		return 0;
	autofini(directory_fini) DIR *top = opendir(CGROUPS);
	autoclose int view = mount_new_filesystem("tmpfs", "tmpfs", "mode=0755",
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (!top || view < 0)
		return top ? view : fail(-errno, "open " CGROUPS);
	/* Mounts can only be put into what is attached. */
	int r = kernel_move_mount(view, "", AT_FDCWD, CGROUPS, MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? fail(r, "cover " CGROUPS) : show_all(top, view);
}

static int mount_ours(const struct foreign_view *view, struct mount_room *room, size_t index)
{
	const struct plan_mount *mount = &view->plan->mounts[index];
	autoclose int fd = mount_open(view->plan, mount, room);
	int r = fd < 0 ? fd : mount_attach(mount, room, fd);
	if (r < 0)
		return wrap(r, "mount %s", mount->destination);
	if (strspn(mount->destination, "/") != strlen(mount->destination))
		return 0;
	close_now(room->root_fd);
	room->root_fd = take_fd(fd);
	return 0;
}

static int mount_root(const struct foreign_view *view)
{
	struct mount_room room = {.root_fd = rootfs_attach(view->plan),
		.user_namespace = view->users_fd >= 0,
		.mount_label = view->plan->mount_label};
	int r = room.root_fd < 0 ? room.root_fd : 0;
	for (size_t i = 0; r == 0 && i < view->roots->ours_count; i++)
		r = mount_ours(view, &room, view->roots->ours[i]);
	close_now(room.root_fd);
	return r;
}

int view_enter(const struct foreign_view *view)
{
	int r = view->users_fd >= 0 ? enter_users(view->users_fd) : 0;
	if (r == 0 && unshare(CLONE_NEWNS) < 0)
		r = fail(-errno, "create a mount namespace");
	if (r < 0)
		return r;
	struct mount_attr cut = {.propagation = MS_SLAVE};
	r = kernel_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &cut);
	if (r < 0)
		return fail(r, "cut the mount namespace off from the host's");
	r = cover_hybrid();
	return r == 0 && view->roots ? mount_root(view) : r;
}
