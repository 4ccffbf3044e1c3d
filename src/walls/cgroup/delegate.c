// SPDX-License-Identifier: Apache-2.0

/*
 * Where an ordinary user may have cgroups.
 *
 * Root owns the hierarchies. An ordinary user owns what systemd delegated, and
 * may move a process only within it: the kernel wants write permission on the
 * cgroup.procs of the nearest common ancestor of the old and the new place
 * (cgroups(7), "Delegation"). So the place is looked for upwards from our own
 * cgroup: whatever is found is such an ancestor.
 *
 * v2 adds that a cgroup with processes of its own cannot share out controllers
 * ("no internal processes"). Our own cgroup always has one: us. Hence the search
 * starts at its parent, which under user@UID.service is typically app.slice, empty of
 * processes and the user's. Only a container without limits is put below our own cgroup. The
 * caller's processes are never moved out of the way: they are not ours.
 *
 * From a login session (session-N.scope) there is no such ancestor; the user's
 * systemd can help there (--systemd-cgroup), and the message says so.
 */

#include "base/fs.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>

static bool writable(int directory_fd)
{
	return faccessat(directory_fd, ".", W_OK, AT_EACCESS) == 0 &&
	       faccessat(directory_fd, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

static int open_path(const struct hierarchy *hierarchy, const char *path)
{
	struct cgroup_place place = {hierarchy->controllers, hierarchy->mount_point, path};
	struct cgroup_directory directory;
	int r = cgroup_directory_open(&place, &directory);
	return r < 0 ? r : directory.fd;
}

/* Cuts the last component off; false at the root. */
static bool to_parent(char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash || path[1] == '\0')
		return false;
	slash[slash == path] = '\0';
	return true;
}

static bool has_processes(int directory_fd)
{
	autoclose int fd = openat(directory_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char byte;
	return fd < 0 || read(fd, &byte, 1) != 0;
}

bool cgroup_path_writable(const struct hierarchy *hierarchy, const char *path)
{
	/* Root, nearly always: one question, and no walk. */
	if (faccessat(AT_FDCWD, hierarchy->mount_point, W_OK, AT_EACCESS) == 0)
		return true;
	autofini(arena_fini) struct arena arena = {};
	char *walk = arena_strdup(&arena, path);
	for (;;) {
		autoclose int fd = open_path(hierarchy, walk);
		if (fd >= 0)
			return writable(fd);
		if (fd != -ENOENT || !to_parent(walk))
			return false;
	}
}

int cgroup_delegated_base(
	const struct hierarchy *hierarchy, bool limits, struct arena *arena, const char **ret_base)
{
	if (faccessat(AT_FDCWD, hierarchy->mount_point, W_OK, AT_EACCESS) == 0) {
		*ret_base = "";
		return 0;
	}
	bool v2 = hierarchy->controllers[0] == '\0';
	autoclose int own = open_path(hierarchy, hierarchy->own_path);
	bool own_writable = own >= 0 && writable(own);
	char *walk = arena_strdup(arena, hierarchy->own_path);
	while (v2 && to_parent(walk)) {
		autoclose int fd = open_path(hierarchy, walk);
		if (fd < 0 || !writable(fd))
			break;
		if (limits && has_processes(fd))
			continue;
		*ret_base = text_equal(walk, "/") ? "" : walk;
		return 0;
	}
	if (!own_writable)
		return -EACCES;
	if (v2 && limits)
		return -EBUSY;
	*ret_base = text_equal(hierarchy->own_path, "/") ? "" : hierarchy->own_path;
	return 0;
}

/* The first line of /proc/self/uid_map that holds this id: "inside outside count". */
static bool map_line(unsigned long id, unsigned long *ret_outside, unsigned long *ret_count)
{
	autofree char *map = NULL;
	if (fs_read(AT_FDCWD, "/proc/self/uid_map", 64UL * 1024, &map, NULL) < 0)
		return false;
	char *at = map;
	for (;;) {
		char *end;
		unsigned long inside = strtoul(at, &end, 10);
		if (end == at)
			return false;
		unsigned long outside = strtoul(end, &end, 10), count = strtoul(end, &end, 10);
		if (id >= inside && id - inside < count) {
			*ret_outside = outside + (id - inside);
			*ret_count = count;
			return true;
		}
		at = end;
	}
}

bool in_user_namespace(void)
{
	unsigned long outside, count;
	return map_line(0, &outside, &count) ? outside != 0 || count != UINT32_MAX : true;
}

uid_t outer_user(void)
{
	unsigned long outside, count;
	return map_line(geteuid(), &outside, &count) ? (uid_t)outside : geteuid();
}
