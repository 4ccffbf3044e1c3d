// SPDX-License-Identifier: Apache-2.0

/*
 * In: the new root, before it is entered. Out: its /dev.
 *
 * /dev must be a real directory of the root: through a symbolic link the nodes would be made
 * wherever the image points (CVE-2026-41579, CVE-2026-47766). So the path to each node is opened
 * without following links.
 */

#include "walls/devices.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>

static const struct plan_device default_devices[] = {
	{.type = 'c', .path = "/dev/null", .major = 1, .minor = 3, .has_mode = true, .mode = 0666},
	{.type = 'c', .path = "/dev/zero", .major = 1, .minor = 5, .has_mode = true, .mode = 0666},
	{.type = 'c', .path = "/dev/full", .major = 1, .minor = 7, .has_mode = true, .mode = 0666},
	{.type = 'c',
		.path = "/dev/random",
		.major = 1,
		.minor = 8,
		.has_mode = true,
		.mode = 0666},
	{.type = 'c',
		.path = "/dev/urandom",
		.major = 1,
		.minor = 9,
		.has_mode = true,
		.mode = 0666},
	{.type = 'c', .path = "/dev/tty", .major = 5, .minor = 0, .has_mode = true, .mode = 0666},
};

static const struct {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"core", "/proc/kcore"},
	{"ptmx", "pts/ptmx"},
};

static mode_t node_type(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

/** Opens the directory of an absolute path below the root, making what is missing, no links. */
static int open_parent(int root_fd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	const char *start = path + strspn(path, "/");
	*ret_name = slash + 1;
	int here = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	while (here >= 0 && start < *ret_name) {
		size_t length = strcspn(start, "/");
		char part[NAME_MAX + 1];
		autoclose int above = here;
		if (length >= sizeof(part))
			return fail(-ENAMETOOLONG, "create %s", path);
		memcpy(part, start, length);
		part[length] = '\0';
		/* Nobody needs it, and openat(2) would climb out of the root. */
		if (text_equal(part, ".."))
			return refuse(-EINVAL, "device %s: its path has \"..\" in it", path);
		if (mkdirat(above, part, 0755) < 0 && errno != EEXIST)
			return fail(-errno, "create the directory of %s", path);
		here = openat(above, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (here < 0 && (errno == ELOOP || errno == ENOTDIR))
			return refuse(-EPERM,
				"device %s: \"%s\" in the image is not a real directory", path,
				part);
		start += length + strspn(start + length, "/");
	}
	return here < 0 ? fail(-errno, "open the directory of %s", path) : here;
}

static bool same_node(int directory, const char *name, const struct plan_device *device)
{
	struct stat about;
	if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) < 0 ||
		(about.st_mode & S_IFMT) != node_type(device->type))
		return false;
	return device->type == 'p' ||
	       about.st_rdev == makedev((unsigned)device->major, (unsigned)device->minor);
}

static int make_node(int directory, const char *name, const struct plan_device *device)
{
	mode_t mode = device->has_mode ? device->mode : 0666;
	dev_t number = makedev((unsigned)device->major, (unsigned)device->minor);
	if (mknodat(directory, name, node_type(device->type) | mode, number) < 0)
		return -errno;
	if ((device->uid || device->gid) &&
		fchownat(directory, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* The host's own node under the same name, on top of an empty file or what is there. */
static int bind_node(int directory, const char *name, const struct plan_device *device)
{
	autoclose int tree = kernel_open_tree(
		AT_FDCWD, device->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	struct stat about;
	if (tree < 0)
		return tree;
	if (fstat(tree, &about) < 0)
		return -errno;
	if ((about.st_mode & S_IFMT) != node_type(device->type) ||
		about.st_rdev != makedev((unsigned)device->major, (unsigned)device->minor))
		return -ENXIO;
	if (mknodat(directory, name, S_IFREG | 0666, 0) == 0)
		return kernel_move_mount(tree, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH);
	if (errno != EEXIST)
		return -errno;
	if (same_node(directory, name, device))
		return 0;
	autoclose int there =
		openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return there < 0 ? -errno
			 : kernel_move_mount(tree, "", there, "",
				   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* The directory that the last node went to: nearly always the next one goes there too. */
struct workplace {
	int root_fd;
	bool bind;
	const char *path; /* the last node's */
	int fd;           /* its directory; -1 before the first */
};

static void workplace_fini(struct workplace *place)
{
	close_now(place->fd);
}

static int workplace_move(struct workplace *place, const char *path, const char **ret_name)
{
	size_t length = (size_t)(strrchr(path, '/') + 1 - path);
	if (place->fd >= 0 && strncmp(place->path, path, length) == 0 &&
		!strchr(place->path + length, '/')) {
		*ret_name = path + length;
		return 0;
	}
	int fd = open_parent(place->root_fd, path, ret_name);
	if (fd < 0)
		return fd;
	close_now(place->fd);
	place->fd = fd;
	place->path = path;
	return 0;
}

static int make_device(struct workplace *place, const struct plan_device *device)
{
	const char *name;
	int r = workplace_move(place, device->path, &name);
	if (r < 0)
		return r;
	r = place->bind ? -EPERM : make_node(place->fd, name, device);
	if (r == -EEXIST && !same_node(place->fd, name, device)) {
		if (unlinkat(place->fd, name, 0) < 0)
			return fail(-errno, "replace %s", device->path);
		r = make_node(place->fd, name, device);
	}
	/* Without CAP_MKNOD in the first user namespace, the host's node has to serve. */
	if (r == -EPERM)
		r = bind_node(place->fd, name, device);
	if (r < 0 && same_node(place->fd, name, device))
		return 0;
	return r < 0 ? fail(r, "create device %s", device->path) : 0;
}

static bool is_default(const char *path)
{
	for (size_t i = 0; i < array_length(default_devices); i++)
		if (text_equal(default_devices[i].path, path))
			return true;
	return false;
}

static const struct plan_mount *mounted_at(const struct plan *plan, const char *destination)
{
	for (size_t i = 0; i < plan->mount_count; i++)
		if (text_equal(plan->mounts[i].destination, destination))
			return &plan->mounts[i];
	return NULL;
}

static int make_links(int root_fd, bool has_devpts)
{
	autoclose int dev = fs_open_beneath(root_fd, "dev", O_PATH | O_DIRECTORY, 0);
	if (dev < 0)
		return dev;
	for (size_t i = 0; i < array_length(links); i++) {
		bool ptmx = text_equal(links[i].name, "ptmx");
		if (ptmx && !has_devpts)
			continue;
		if (symlinkat(links[i].target, dev, links[i].name) == 0 || errno == EEXIST)
			continue;
		if (errno == EROFS || errno == EPERM)
			continue;
		return fail(-errno, "create the link /dev/%s", links[i].name);
	}
	return 0;
}

int devices_make(int root_fd, const struct plan *plan)
{
	const struct plan_mount *dev = mounted_at(plan, "/dev");
	if (dev && dev->bind)
		return 0;
	autofini(workplace_fini) struct workplace place = {
		.root_fd = root_fd, .bind = plan->namespaces[PLAN_NS_USER].wanted, .fd = -1};
	mode_t mask = umask(0);
	int r = 0;
	for (size_t i = 0; r == 0 && i < array_length(default_devices); i++)
		r = make_device(&place, &default_devices[i]);
	for (size_t i = 0; r == 0 && i < plan->device_count; i++)
		if (!is_default(plan->devices[i].path) || !place.bind)
			r = make_device(&place, &plan->devices[i]);
	if (r == 0)
		r = make_links(root_fd, mounted_at(plan, "/dev/pts") != NULL);
	(void)umask(mask);
	return r;
}
