// SPDX-License-Identifier: Apache-2.0

/*
 * Making, removing, renaming, changing attributes. The question is to write the new name itself,
 * for what is made; the directory, for what is removed or moved; the file, for its attributes. What
 * is allowed the door does itself: the kernel holds the directory's lock during these calls, so no
 * mount could come in between.
 *
 * If the answer holds for longer, the tree is mounted behind the call's back, and the next one
 * finds it there.
 */

#include "files.h"

#include "base/fs.h"
#include "base/kernel.h"
#include "base/scope.h"

#include <fcntl.h>
#include <sys/syscall.h>

static void mount_directory(const struct file_work *work)
{
	file_mount_aside(work->door, work->node, &work->question);
}

/* ---- what is made ---------------------------------------------------------------------------- */

static void reply_made(struct file_work *work, int r)
{
	struct fuse_entry_param entry;
	int error = r < 0 ? errno : file_entry(work->door, work->node, work->name, &entry);
	if (error) {
		file_work_fail(work, error);
		return;
	}
	(void)fuse_reply_entry(work->request, &entry);
	file_work_end(work);
}

/* The directory the name is in, or -1 when the failure has been told. */
static int open_directory(struct file_work *work)
{
	int fd = file_node_open(work->door, work->node, O_PATH | O_DIRECTORY);
	if (fd < 0)
		file_work_fail(work, -fd);
	return fd;
}

static void make_node(struct file_work *work)
{
	autoclose int fd = open_directory(work);
	if (fd >= 0)
		reply_made(work, mknodat(fd, work->name, work->mode, 0));
}

static void make_directory(struct file_work *work)
{
	autoclose int fd = open_directory(work);
	if (fd >= 0)
		reply_made(work, mkdirat(fd, work->name, work->mode));
}

static void make_link(struct file_work *work)
{
	autoclose int fd = open_directory(work);
	if (fd >= 0)
		reply_made(work, symlinkat(work->other_name, fd, work->name));
}

static void make_hard_link(struct file_work *work)
{
	autoclose int file_fd = file_node_open(work->door, work->other, O_PATH);
	if (file_fd < 0) {
		file_work_fail(work, -file_fd);
		return;
	}
	autoclose int fd = open_directory(work);
	if (fd >= 0)
		reply_made(work,
			linkat(AT_FDCWD, fd_path(file_fd).text, fd, work->name, AT_SYMLINK_FOLLOW));
}

static void ask_to_make(struct file_work *work, void (*act)(struct file_work *work))
{
	work->act = act;
	file_work_ask(work, PERMISSION_WRITE,
		file_node_host_path(work->door, work->node, work->name), NULL);
}

/* Sockets made here would be the door's and not the host's: nobody outside could reach them. */
void file_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	const struct file_door *door = fuse_req_userdata(request);
	(void)device;
	if (!S_ISREG(mode) && !S_ISFIFO(mode)) {
		(void)fuse_reply_err(request, S_ISSOCK(mode) ? EOPNOTSUPP : EPERM);
		return;
	}
	struct file_work *work = file_work_new(request, file_node_of(door, parent), name);
	work->mode = mode;
	ask_to_make(work, make_node);
}

void file_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	const struct file_door *door = fuse_req_userdata(request);
	struct file_work *work = file_work_new(request, file_node_of(door, parent), name);
	work->mode = mode;
	ask_to_make(work, make_directory);
}

void file_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
	const struct file_door *door = fuse_req_userdata(request);
	struct file_work *work = file_work_new(request, file_node_of(door, parent), name);
	work->other_name = file_copy(target);
	ask_to_make(work, make_link);
}

/* A second name for a file is as good as the file: it must be allowed to be written itself. */
static void ask_for_new_name(struct file_work *work)
{
	ask_to_make(work, make_hard_link);
}

void file_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t new_parent, const char *new_name)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_work *work = file_work_new(request, file_node_of(door, new_parent), new_name);
	work->other = file_node_of(door, number);
	work->other->held++;
	work->act = ask_for_new_name;
	file_work_ask(work, PERMISSION_WRITE, file_node_host_path(door, work->other, NULL),
		"to give it a second name");
}

/* ---- what is removed ----------------------------------------------------------------------------
 */

static void remove_it(struct file_work *work)
{
	autoclose int fd = open_directory(work);
	if (fd < 0)
		return;
	int error = unlinkat(fd, work->name, (int)work->flags) < 0 ? errno : 0;
	if (!error)
		file_node_remove(work->door, work->node, work->name);
	(void)fuse_reply_err(work->request, error);
	if (!error)
		mount_directory(work);
	file_work_end(work);
}

static void ask_to_remove(fuse_req_t request, fuse_ino_t parent, const char *name, unsigned flags)
{
	const struct file_door *door = fuse_req_userdata(request);
	struct file_work *work = file_work_new(request, file_node_of(door, parent), name);
	work->flags = flags;
	work->act = remove_it;
	file_work_ask(work, PERMISSION_WRITE, file_node_host_path(door, work->node, name),
		"to remove it");
}

void file_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	ask_to_remove(request, parent, name, 0);
}

void file_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	ask_to_remove(request, parent, name, AT_REMOVEDIR);
}

/* ---- what is moved
 * ---------------------------------------------------------------------------------- */

static void move_it(struct file_work *work)
{
	enum { exchange = 2 }; /* RENAME_EXCHANGE: both names live on */
	autoclose int fd = open_directory(work);
	if (fd < 0)
		return;
	autoclose int other_fd = file_node_open(work->door, work->other, O_PATH | O_DIRECTORY);
	long r = other_fd < 0 ? -1
			      : syscall(SYS_renameat2, fd, work->name, other_fd, work->other_name,
					work->flags);
	int error = r == 0 ? 0 : other_fd < 0 ? -other_fd : errno;
	if (!error && work->flags & exchange) {
		file_node_remove(work->door, work->node, work->name);
		file_node_remove(work->door, work->other, work->other_name);
	} else if (!error) {
		file_node_move(work->door, work->node, work->name, work->other, work->other_name);
	}
	(void)fuse_reply_err(work->request, error);
	if (!error)
		mount_directory(work);
	file_work_end(work);
}

static void ask_for_destination(struct file_work *work)
{
	work->act = move_it;
	file_work_ask(work, PERMISSION_WRITE,
		file_node_host_path(work->door, work->other, work->other_name),
		"to move a file there");
}

void file_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned flags)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_work *work = file_work_new(request, file_node_of(door, parent), name);
	work->other = file_node_of(door, new_parent);
	work->other->held++;
	work->other_name = file_copy(new_name);
	work->flags = flags;
	work->act = ask_for_destination;
	file_work_ask(
		work, PERMISSION_WRITE, file_node_host_path(door, work->node, name), "to move it");
}

/* ---- attributes
 * ---------------------------------------------------------------------------------------- */

static struct timespec moment(
	unsigned to_set, unsigned set, unsigned now, const struct timespec *given)
{
	if (to_set & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return to_set & set ? *given : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int change(int fd, const struct stat *wanted, unsigned to_set)
{
	const struct fd_path path = fd_path(fd);
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) &&
		fchownat(fd, "", to_set & FUSE_SET_ATTR_UID ? wanted->st_uid : (uid_t)-1,
			to_set & FUSE_SET_ATTR_GID ? wanted->st_gid : (gid_t)-1, AT_EMPTY_PATH) < 0)
		return -errno;
	if (to_set & FUSE_SET_ATTR_MODE && chmod(path.text, wanted->st_mode & 07777) < 0)
		return -errno;
	if (to_set & FUSE_SET_ATTR_SIZE && truncate(path.text, wanted->st_size) < 0)
		return -errno;
	if (!(to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
			       FUSE_SET_ATTR_MTIME_NOW)))
		return 0;
	const struct timespec times[] = {
		moment(to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, &wanted->st_atim),
		moment(to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, &wanted->st_mtim)};
	return utimensat(AT_FDCWD, path.text, times, 0) < 0 ? -errno : 0;
}

static void set_attributes(struct file_work *work)
{
	struct stat about = {};
	autoclose int fd = file_node_open(work->door, work->node, O_PATH);
	int r = fd < 0 ? fd : fstatat(fd, "", &about, AT_EMPTY_PATH) < 0 ? -errno : 0;
	/* What is behind a link or a device was not asked about. */
	if (r == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
		r = -EPERM;
	if (r == 0)
		r = change(fd, &work->attributes, work->flags);
	if (r == 0)
		r = file_node_stat(work->door, work->node, &about);
	if (r < 0) {
		file_work_fail(work, -r);
		return;
	}
	(void)fuse_reply_attr(work->request, &about, 0);
	file_work_end(work);
}

/* Through an open file, whose opening was allowed: nothing more is asked. */
static void set_open_attributes(
	fuse_req_t request, int fd, const struct stat *wanted, unsigned to_set)
{
	struct stat about;
	int r = to_set & FUSE_SET_ATTR_SIZE && ftruncate(fd, wanted->st_size) < 0 ? -errno : 0;
	if (r == 0)
		r = change(fd, wanted, to_set & ~(unsigned)FUSE_SET_ATTR_SIZE);
	if (r == 0 && fstat(fd, &about) < 0)
		r = -errno;
	if (r < 0)
		(void)fuse_reply_err(request, -r);
	else
		(void)fuse_reply_attr(request, &about, 0);
}

void file_setattr(fuse_req_t request, fuse_ino_t number, struct stat *attributes, int to_set,
	struct fuse_file_info *info)
{
	const struct file_door *door = fuse_req_userdata(request);
	int mode = info ? fcntl((int)info->fh, F_GETFL) : 0;
	if (info && mode >= 0 && (mode & O_ACCMODE) != O_RDONLY) {
		set_open_attributes(request, (int)info->fh, attributes, (unsigned)to_set);
		return;
	}
	struct file_work *work = file_work_new(request, file_node_of(door, number), NULL);
	work->attributes = *attributes;
	work->flags = (unsigned)to_set;
	work->act = set_attributes;
	file_work_ask(work, PERMISSION_WRITE, file_node_host_path(door, work->node, NULL),
		to_set & FUSE_SET_ATTR_MODE ? "to change its permissions" : NULL);
}
