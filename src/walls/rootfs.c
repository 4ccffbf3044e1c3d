// SPDX-License-Identifier: Apache-2.0

/*
 * In: the plan's root. Out: a process whose "/" it is, with nothing of the old tree left.
 *
 * The order: attach, mount what belongs into it (walls/mounts.c), hide, enter. Everything up to
 * the entry is done from outside, with the host's tree still in view, so that no source and no mask
 * is ever looked up in a place that the image controls.
 */

#include "walls/rootfs.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "walls/mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/sysmacros.h>

static int set_propagation(int fd, const char *path, unsigned long propagation, unsigned flags)
{
	struct mount_attr attributes = {.propagation = propagation & ~(unsigned long)MS_REC};
	if (propagation & MS_REC)
		flags |= AT_RECURSIVE;
	return kernel_mount_setattr(fd, path, flags, &attributes);
}

/*
 * A shared root keeps its tie to the host, but pivot_root(2) refuses a root whose parent mount is
 * shared. So that one mount is made private: it is the one the root directory lies on, found by
 * walking up until the next directory lies on another.
 */
static int privatize_parent(const char *root_path)
{
	autoclose int here = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t id = 0;
	if (here < 0 || kernel_mount_id(here, &id) < 0)
		return fail(-errno, "look at root %s", root_path);
	for (;;) {
		autoclose int above = openat(here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct stat a, b;
		uint64_t above_id = 0;
		if (above < 0 || kernel_mount_id(above, &above_id) < 0 || fstat(above, &a) < 0 ||
			fstat(here, &b) < 0)
			return fail(-errno, "look above root %s", root_path);
		bool top = a.st_dev == b.st_dev && a.st_ino == b.st_ino;
		if (top || above_id != id)
			break;
		close_now(here);
		here = take_fd(above);
	}
	int r = set_propagation(here, "", MS_PRIVATE, AT_EMPTY_PATH);
	return r < 0 ? fail(r, "make the mount below root %s private", root_path) : 0;
}

int rootfs_attach(const struct plan *plan)
{
	unsigned long wanted = plan->root_propagation;
	int r;
	if (wanted & MS_SHARED) {
		r = privatize_parent(plan->root_path);
	} else {
		unsigned long cut = wanted & MS_PRIVATE ? MS_PRIVATE | MS_REC : MS_SLAVE | MS_REC;
		r = set_propagation(AT_FDCWD, "/", cut, 0);
		if (r < 0) {
			r = fail(r, "cut the mount namespace off from the host's");
			if (r == -EINVAL)
				hint("the root directory is no mount point, as in a chroot: first "
				     "mount --bind DIR DIR, then chroot DIR");
			return r;
		}
	}
	if (r < 0)
		return r;
	/* Opened once: what is cloned and what is mounted on cannot be two directories. */
	autoclose int directory = open(plan->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return fail(-errno, "open root %s", plan->root_path);
	autoclose int root = kernel_open_tree(
		directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (root < 0)
		return fail(root, "open root %s", plan->root_path);
	r = set_propagation(root, "", MS_PRIVATE, AT_EMPTY_PATH);
	if (r < 0)
		return fail(r, "make root %s private", plan->root_path);
	r = kernel_move_mount(
		root, "", directory, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (r < 0)
		return fail(r, "mount root %s", plan->root_path);
	return take_fd(root);
}

/* ---- hiding ----------------------------------------------------------------- */

int rootfs_mask_init(struct rootfs_mask *ret_mask)
{
	autoclose int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat about;
	if (fd < 0 || fstat(fd, &about) < 0)
		return fail(-errno, "open the host's /dev/null");
	if (!S_ISCHR(about.st_mode) || about.st_rdev != makedev(1, 3))
		return refuse(-EINVAL, "the host's /dev/null is not the null device");
	*ret_mask = (struct rootfs_mask){.null_fd = take_fd(fd), .empty_fd = -1};
	return 0;
}

void rootfs_mask_fini(struct rootfs_mask *mask)
{
	close_now(mask->null_fd);
	close_now(mask->empty_fd);
}

/* A detached empty directory; after the first it is a clone of that one, without a superblock. */
static int empty_directory(struct rootfs_mask *mask)
{
	if (mask->empty_fd >= 0)
		return kernel_open_tree(
			mask->empty_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	int fd = mount_new_filesystem("tmpfs", "tmpfs", "mode=0555,nr_blocks=1,nr_inodes=2",
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd >= 0)
		mask->empty_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd;
}

/*
 * What is not there needs no cover. What is there and out of our reach might be in reach of the
 * program, by an additional group or when somebody changes its mode: that is an error.
 */
static int unreachable(int r, const char *purpose, const char *path)
{
	r = fail(r, "%s: open %s", purpose, path);
	if (r == -EACCES)
		hint("the container's root may not look into a directory above it, so it cannot be "
		     "covered: change its mode or owner, or leave the path out of the "
		     "configuration");
	return r;
}

int rootfs_hide(int root_fd, struct rootfs_mask *mask, const char *path)
{
	autoclose int target = fs_find_in(root_fd, path, O_PATH);
	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	struct stat about;
	if (target < 0)
		return unreachable(target, "hide", path);
	if (fstat(target, &about) < 0)
		return fail(-errno, "hide %s", path);
	autoclose int cover =
		S_ISDIR(about.st_mode)
			? empty_directory(mask)
			: kernel_open_tree(mask->null_fd, "",
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (cover < 0)
		return fail(cover, "make a cover for %s", path);
	int r = kernel_move_mount(
		cover, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? fail(r, "hide %s", path) : 0;
}

int rootfs_make_readonly(int root_fd, const char *path)
{
	autoclose int target = fs_find_in(root_fd, path, O_PATH);
	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return unreachable(target, "make read-only", path);
	autoclose int tree = kernel_open_tree(
		target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0)
		return fail(tree, "make %s read-only", path);
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	int r = kernel_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes);
	if (r == 0)
		r = kernel_move_mount(
			tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? fail(r, "make %s read-only", path) : 0;
}

int rootfs_seal(int root_fd)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	int r = kernel_mount_setattr(root_fd, "", AT_EMPTY_PATH, &attributes);
	return r < 0 ? fail(r, "make the root read-only") : 0;
}

/* ---- entering ----------------------------------------------------------------- */

/*
 * Behind a chroot(2) the mount namespace has a root above ours. The container must replace that
 * one: whoever joins the namespace with setns(2), as exec does, arrives at its root, and so would a
 * container that may join its own. Who lacks the right for it stays where he is.
 */
static int leave_chroot(void)
{
	autoclose int self = kernel_pidfd_open(getpid());
	int r = self < 0 ? self : setns(self, CLONE_NEWNS) < 0 ? -errno : 0;
	return r == 0 || r == -EPERM ? 0 : fail(r, "find the mount namespace's root");
}

/*
 * pivot_root(".", ".") stacks the old root on top of the new one, where "." names it for the
 * umount (pivot_root(2), NOTES). The old tree was cut off from the host's by rootfs_attach(), so
 * the umount stays ours; in the shared case it is cut off now.
 */
static int pivot(int root_fd)
{
	int r = leave_chroot();
	if (r < 0)
		return r;
	autoclose int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || fchdir(root_fd) < 0)
		return fail(-errno, "enter the root");
	r = kernel_pivot_root(".", ".");
	if (r < 0)
		return fail(r, "pivot_root");
	r = set_propagation(old, "", MS_SLAVE | MS_REC, AT_EMPTY_PATH);
	if (r < 0)
		return fail(r, "cut the old root off");
	r = fchdir(old) < 0 ? -errno : kernel_umount(".", MNT_DETACH);
	if (r < 0)
		return fail(r, "unmount the old root");
	return chdir("/") < 0 ? fail(-errno, "enter the root") : 0;
}

static int move_over(int root_fd)
{
	int r = leave_chroot();
	if (r < 0)
		return r;
	if (fchdir(root_fd) < 0)
		return fail(-errno, "enter the root");
	r = kernel_move_mount(root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return fail(r, "move the root to /");
	if (chroot(".") < 0 || chdir("/") < 0)
		return fail(-errno, "chroot");
	return 0;
}

int rootfs_enter(int root_fd, enum rootfs_entry how)
{
	switch (how) {
	case ROOTFS_PIVOT:
		return pivot(root_fd);
	case ROOTFS_MOVE:
		return move_over(root_fd);
	default:
		if (fchdir(root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
			return fail(-errno, "chroot");
		return 0;
	}
}

int rootfs_set_propagation(unsigned long propagation)
{
	int r = set_propagation(AT_FDCWD, "/", propagation, 0);
	return r < 0 ? fail(r, "set the root's propagation") : 0;
}
