// SPDX-License-Identifier: Apache-2.0

/*
 * In: a mount of type cgroup or cgroup2. Out: what the container sees at /sys/fs/cgroup. It gets
 * the host's shape (v2 alone, or v1 hierarchies side by side), because the programs inside look for
 * the files that this kernel has. All hierarchies are shown, those too that the container is not
 * in: Java's virtual machine takes no notice of its memory limit where one of cpu, cpuset, cpuacct
 * and memory is missing.
 */

#include "walls/cgroup/mount.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"

#include <fcntl.h>

struct view {
	const struct cgroup_location *location;
	const struct plan_mount *mount;
	const struct mount_room *room;
	bool own_namespace;
	unsigned attributes;
};

static const char *our_path(const struct view *view, const struct hierarchy *hierarchy)
{
	for (size_t i = 0; i < view->location->place_count; i++)
		if (text_equal(view->location->places[i].controllers, hierarchy->controllers))
			return view->location->places[i].path;
	return hierarchy->own_path;
}

/* Without a namespace of its own a container must not be able to write to its parents' files. */
static int open_bound(const struct view *view, const struct hierarchy *hierarchy)
{
	autofini(text_fini) struct text source = {};
	text_format(&source, "%s%s", hierarchy->mount_point, our_path(view, hierarchy));
	autoclose int tree =
		kernel_open_tree(AT_FDCWD, text_get(&source), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return fail(tree, "bind %s", text_get(&source));
	struct mount_attr attributes = {.attr_set = view->attributes};
	int r = kernel_mount_setattr(tree, "", AT_EMPTY_PATH, &attributes);
	return r < 0 ? fail(r, "bind %s", text_get(&source)) : take_fd(tree);
}

static int open_view(const struct view *view, const struct hierarchy *hierarchy)
{
	bool v2 = hierarchy->controllers[0] == '\0';
	if (!view->own_namespace)
		return open_bound(view, hierarchy);
	autofini(text_fini) struct text options = {};
	if (text_starts(hierarchy->controllers, "name="))
		text_format(&options, "none,%s", hierarchy->controllers);
	else
		text_add(&options, hierarchy->controllers);
	int fd = mount_new_filesystem(
		v2 ? "cgroup2" : "cgroup", "cgroup", text_get(&options), view->attributes);
	/* In a user namespace that does not own the cgroup namespace, a bind shows the same. */
	if (fd == -EPERM || fd == -EBUSY) {
		error_clear();
		return open_bound(view, hierarchy);
	}
	return fd;
}

static int mount_v2(const struct view *view, const struct hierarchies *found)
{
	const struct hierarchy *hierarchy = hierarchy_with(found, "");
	if (!hierarchy || !hierarchy->mount_point)
		return refuse(-ENODEV, "there is no cgroup2 file system here");
	autoclose int fd = open_view(view, hierarchy);
	return fd < 0 ? fd : mount_attach(view->mount, view->room, fd);
}

/* The directory's name is that of the host's mount point: "cpu,cpuacct", "systemd", "unified". */
static int mount_hierarchy(const struct view *view, const struct hierarchy *hierarchy, int top_fd)
{
	const char *slash = strrchr(hierarchy->mount_point, '/');
	const char *name = slash + 1;
	if (mkdirat(top_fd, name, 0755) < 0)
		return fail(-errno, "create %s", name);
	autoclose int fd = open_view(view, hierarchy);
	if (fd < 0)
		return fd;
	autoclose int target = openat(top_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return fail(-errno, "open %s", name);
	int r = kernel_move_mount(
		fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? fail(r, "mount the hierarchy %s", name) : 0;
}

/* "cpu" and "cpuacct" next to "cpu,cpuacct", as distributions have them. */
static int link_names(const struct hierarchy *hierarchy, int top_fd)
{
	const char *list = hierarchy->controllers;
	const char *name = strrchr(hierarchy->mount_point, '/') + 1;
	if (!strchr(list, ','))
		return 0;
	autofree char *copy = strdup(list);
	char *rest = copy, *one;
	while (rest && (one = strsep(&rest, ",")))
		if (!text_equal(one, name) && symlinkat(name, top_fd, one) < 0 && errno != EEXIST)
			return fail(-errno, "link %s", one);
	return 0;
}

static int mount_v1(const struct view *view, const struct hierarchies *found)
{
	autoclose int top = mount_new_filesystem("tmpfs", "tmpfs", "mode=755",
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (top < 0)
		return top;
	struct plan_mount tmpfs = *view->mount;
	tmpfs.tmpcopyup = false;
	tmpfs.propagation = 0;
	int r = mount_attach(&tmpfs, view->room, top);
	for (size_t i = 0; r == 0 && i < found->count; i++) {
		if (!found->items[i].mount_point)
			continue;
		r = mount_hierarchy(view, &found->items[i], top);
		if (r == 0)
			r = link_names(&found->items[i], top);
	}
	if (r < 0)
		return r;
	struct mount_attr attributes = {.attr_set = view->attributes & MOUNT_ATTR_RDONLY};
	r = kernel_mount_setattr(top, "", AT_EMPTY_PATH, &attributes);
	return r < 0 ? fail(r, "make the cgroup view read-only") : 0;
}

int cgroup_mount(const struct cgroup_location *location, const struct plan *plan,
	const struct plan_mount *mount, const struct mount_room *room)
{
	autofini(arena_fini) struct arena arena = {};
	struct hierarchies here;
	const struct hierarchies *found = location->found;
	if (!found) {
		int r = cgroup_detect(EVERY_HIERARCHY, &arena, &here);
		if (r < 0)
			return r;
		found = &here;
	}
	struct view view = {
		.location = location,
		.mount = mount,
		.room = room,
		.own_namespace = plan->namespaces[PLAN_NS_CGROUP].wanted,
		.attributes = (unsigned)(mount->attributes_set | mount->recursive_set),
	};
	if (!view.own_namespace)
		view.attributes |= MOUNT_ATTR_RDONLY;
	if (found->only_v2 || text_equal(mount->type, "cgroup2"))
		return mount_v2(&view, found);
	return mount_v1(&view, found);
}
