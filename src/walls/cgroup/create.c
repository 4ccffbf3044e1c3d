// SPDX-License-Identifier: Apache-2.0

/*
 * Making the cgroups and moving into them.
 *
 * In: a location. Out: directories whose controllers are ready for limits, and a
 * process in each. What was made is removed again if a later step fails; what
 * was there before stays.
 *
 * v2: before a cgroup can have memory.max, every cgroup above it has to share the
 * memory controller out (cgroup.subtree_control), from the root down. Usually
 * systemd has done so and one read of the parent tells it.
 *
 * v1 cpuset: a new cgroup has no CPUs and no memory nodes, and nobody can be
 * moved into it (ENOSPC); each new level takes over those of its parent.
 *
 * Somebody else's cgroup: a directory that exists and has processes is refused. One
 * that exists and is empty is used as it is: pods and tests prepare them.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "walls/cgroup/internal.h"
#include "walls/cgroup/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int open_mount(const struct cgroup_place *place)
{
	int fd =
		openat(AT_FDCWD, place->mount_point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "open cgroup mount %s", place->mount_point) : fd;
}

static int open_beneath(int mount_fd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	return kernel_openat2(mount_fd, path[0] == '\0' ? "." : path, &how);
}

/*
 * mkdir -p: the last component alone when its parent exists, else one after the
 * other. Counts the new ones from the end, as only a tail of a path can be new.
 */
static int make_components(int mount_fd, const char *path, size_t *ret_made)
{
	const char *below = path + 1;
	*ret_made = 0;
	if (mkdirat(mount_fd, below, 0755) == 0) {
		*ret_made = 1;
		return 0;
	}
	if (errno != ENOENT)
		return errno == EEXIST ? 0 : -errno;
	autofini(arena_fini) struct arena arena = {};
	char *walk = arena_strdup(&arena, below);
	for (char *c = walk;; c++) {
		if (*c != '/' && *c != '\0')
			continue;
		char kept = *c;
		*c = '\0';
		if (mkdirat(mount_fd, walk, 0755) == 0)
			(*ret_made)++;
		else if (errno != EEXIST)
			return -errno;
		*c = kept;
		if (kept == '\0')
			return 0;
	}
}

void cgroup_place_unmake(const struct cgroup_place *place, size_t made)
{
	autoclose int mount_fd =
		open(place->mount_point, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofini(arena_fini) struct arena arena = {};
	char *walk = arena_strdup(&arena, place->path + 1);
	if (mount_fd < 0)
		return;
	for (; made > 0; made--) {
		(void)unlinkat(mount_fd, walk, AT_REMOVEDIR);
		char *slash = strrchr(walk, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}

static int has_process(int dir_fd, void *context)
{
	autoclose int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char byte;
	if (fd >= 0 && read(fd, &byte, 1) > 0)
		*(bool *)context = true;
	return 0;
}

static int check_existing(const struct cgroup_place *place, int directory_fd)
{
	bool occupied = false;
	int r = cgroup_walk(directory_fd, has_process, &occupied);
	if (r < 0)
		return wrap(r, "look into cgroup %s%s", place->mount_point, place->path);
	if (!occupied)
		return 0;
	r = refuse(-EBUSY, "cgroup %s%s exists and has processes in it", place->mount_point,
		place->path);
	hint("another container uses this cgroupsPath; choose another one");
	return r;
}

static int inherit_file(int parent_fd, int child_fd, const char *file)
{
	char value[4096];
	autoclose int child = openat(child_fd, file, O_RDWR | O_CLOEXEC);
	if (child < 0)
		return -errno;
	ssize_t n = read(child, value, sizeof(value));
	if (n < 0)
		return -errno;
	if (n > 1) /* more than a line feed: it has its own */
		return 0;
	autoclose int parent = openat(parent_fd, file, O_RDONLY | O_CLOEXEC);
	n = parent < 0 ? -1 : read(parent, value, sizeof(value));
	if (n < 0)
		return -errno;
	return pwrite(child, value, (size_t)n, 0) < 0 ? -errno : 0;
}

/* From the root down, as a child may only have what its parent has. */
static int fill_cpuset(int mount_fd, const char *path)
{
	autofini(arena_fini) struct arena arena = {};
	char *walk = arena_strdup(&arena, path + 1);
	autoclose int parent = open_beneath(mount_fd, "");
	if (parent < 0)
		return parent;
	for (char *c = walk;; c++) {
		if (*c != '/' && *c != '\0')
			continue;
		char kept = *c;
		*c = '\0';
		autoclose int child = open_beneath(mount_fd, walk);
		int r = child < 0 ? child : inherit_file(parent, child, "cpuset.cpus");
		if (r == 0)
			r = inherit_file(parent, child, "cpuset.mems");
		*c = kept;
		if (r < 0 || kept == '\0')
			return r;
		close_now(parent);
		parent = take_fd(child);
	}
}

/* v2: which of the container's controllers have no v1 hierarchy in this location. */
static unsigned left_to_v2(const struct cgroup_location *location, unsigned mask)
{
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (cgroup_v1_place(location, (enum cgroup_controller)c))
			mask &= ~CONTROLLER_BIT(c);
	return mask;
}

static int make_below(int mount_fd, const struct cgroup_place *place, size_t *ret_made)
{
	int r = make_components(mount_fd, place->path, ret_made);
	if (r < 0) {
		r = fail(r, "create cgroup %s%s", place->mount_point, place->path);
		if (r == -EROFS)
			hint("%s is mounted read-only", place->mount_point);
		return r;
	}
	if (controllers_hold(place->controllers, "cpuset")) {
		r = fill_cpuset(mount_fd, place->path);
		if (r < 0)
			return fail(r, "give CPUs and memory nodes to cgroup %s%s",
				place->mount_point, place->path);
	}
	return 0;
}

int cgroup_place_make(const struct cgroup_place *place, size_t *ret_made)
{
	autoclose int mount_fd = open_mount(place);
	return mount_fd < 0 ? mount_fd : make_below(mount_fd, place, ret_made);
}

/* What the cgroups above this one have to share out; they exist by now. */
static int share_v2(int mount_fd, const struct cgroup_location *location,
	const struct cgroup_place *place, const struct plan_resources *resources)
{
	unsigned unified = 0;
	int r = cgroup_unified_controllers(resources, &unified);
	if (r < 0)
		return r;
	unsigned required = left_to_v2(location, cgroup_required(resources)) | unified;
	unsigned wanted =
		required | left_to_v2(location, cgroup_wanted(resources) | cgroup_accounting());
	return cgroup_share_controllers(mount_fd, place, wanted, required);
}

static int make_and_keep(struct cgroup_location *location, const struct plan_resources *resources,
	size_t index, size_t *ret_made)
{
	const struct cgroup_place *place = &location->places[index];
	autoclose int mount_fd = open_mount(place);
	if (mount_fd < 0)
		return mount_fd;
	int r = make_below(mount_fd, place, ret_made);
	if (r == 0 && place_is_v2(place))
		r = share_v2(mount_fd, location, place, resources);
	if (r < 0)
		return r;
	int fd = open_beneath(mount_fd, place->path + 1);
	if (fd < 0)
		return fail(fd, "open cgroup %s%s", place->mount_point, place->path);
	location->directory_fds[index] = fd;
	return *ret_made == 0 ? check_existing(place, fd) : 0;
}

void cgroup_close(struct cgroup_location *location)
{
	for (size_t i = 0; location->directory_fds && i < location->place_count; i++)
		close_now(location->directory_fds[i]);
	location->directory_fds = NULL;
}

int cgroup_create(struct cgroup_location *location, const struct plan *plan, struct arena *arena)
{
	if (location->manager != CGROUP_CGROUPFS)
		return 0;
	size_t made[HIERARCHIES_MAX] = {};
	if (location->place_count > HIERARCHIES_MAX)
		return refuse(-EINVAL, "more than %d cgroup hierarchies", HIERARCHIES_MAX);
	location->directory_fds = arena_new(arena, int, location->place_count + 1);
	for (size_t i = 0; i < location->place_count; i++)
		location->directory_fds[i] = -1;
	for (size_t i = 0; i < location->place_count; i++) {
		int r = make_and_keep(location, &plan->resources, i, &made[i]);
		if (r < 0) {
			cgroup_close(location);
			for (size_t k = i + 1; k > 0; k--)
				cgroup_place_unmake(&location->places[k - 1], made[k - 1]);
			return r;
		}
	}
	return 0;
}

int cgroup_open_for_clone(const struct cgroup_location *location)
{
	const struct cgroup_place *place = cgroup_v2_place(location);
	if (!place || location->manager != CGROUP_CGROUPFS)
		return -1;
	struct cgroup_directory directory;
	int r = cgroup_directory_of(location, place, &directory);
	if (r == 0) {
		r = fcntl(directory.fd, F_DUPFD_CLOEXEC, 3);
		r = r < 0 ? -errno : r;
		cgroup_directory_fini(&directory);
	}
	if (r < 0) /* -1 is taken for "none" */
		return fail(
			r == -1 ? -EACCES : r, "open cgroup %s%s", place->mount_point, place->path);
	return r;
}

static int enter_directory(const struct cgroup_directory *directory, pid_t pid)
{
	const struct cgroup_place *place = directory->place;
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	int r = fs_write_existing(directory->fd, "cgroup.procs", text);
	if (r == 0)
		return 0;
	r = fail(r, "move process %d into cgroup %s%s", (int)pid, place->mount_point, place->path);
	switch (r) {
	case -EACCES:
	case -EPERM:
		hint("the kernel wants write permission on the nearest common ancestor of the old "
		     "and the new cgroup; use --systemd-cgroup");
		break;
	case -EOPNOTSUPP:
	case -EBUSY:
		hint("this cgroup is threaded, or shares controllers out to cgroups below it: it "
		     "cannot have processes of its own (cgroup v2)");
		break;
	default:
		break;
	}
	return r;
}

int cgroup_place_enter(const struct cgroup_place *place, pid_t pid)
{
	struct cgroup_directory directory;
	int r = cgroup_directory_open(place, &directory);
	if (r < 0)
		return fail(r, "open cgroup %s%s", place->mount_point, place->path);
	r = enter_directory(&directory, pid);
	cgroup_directory_fini(&directory);
	return r;
}

int cgroup_enter(const struct cgroup_location *location, const struct plan *plan, pid_t pid,
	bool cloned_into)
{
	if (location->manager == CGROUP_SYSTEMD) {
		int r = cgroup_systemd_enter(location, plan, pid);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < location->place_count; i++) {
		const struct cgroup_place *place = &location->places[i];
		if (place_is_v2(place) && (cloned_into || cgroup_is_scope(location)))
			continue;
		struct cgroup_directory directory;
		int r = cgroup_directory_of(location, place, &directory);
		if (r < 0)
			return fail(r, "open cgroup %s%s", place->mount_point, place->path);
		r = enter_directory(&directory, pid);
		cgroup_directory_fini(&directory);
		if (r < 0)
			return r;
	}
	return 0;
}
