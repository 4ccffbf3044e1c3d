// SPDX-License-Identifier: Apache-2.0

/*
 * Opening, the question that matters most. Allowed for longer than once: mounted, and never seen
 * again. Allowed once: the door opens the host's file and passes its bytes on until it is closed.
 * It does the same where a mount does not help (files_mount.c), and for new files: when open(2)
 * makes one it holds the lock of the directory that a mount would need, and another walk would find
 * the file there, which O_EXCL forbids.
 *
 * What is passed on is not cached by the kernel (direct_io): the same file may be in use natively.
 */

#include "files.h"

#include "base/scope.h"
#include "base/text.h"

#include <fcntl.h>

/* include/linux/fs.h: set in the flags of the open that execve(2) makes. */
enum { OPENED_TO_RUN = 0x20 };

/* What the host's file is opened with: nothing that would block, follow or make. */
static int passed_flags(int flags)
{
	return (flags & (O_ACCMODE | O_APPEND | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME)) |
	       O_NONBLOCK | O_NOCTTY;
}

/* ---- an existing file -------------------------------------------------------------------- */

static void serve_file(struct file_work *work)
{
	if (file_mount_for(work))
		return;
	if (work->alone) { /* its mount failed, and nothing else serves it */
		file_work_fail(work, EACCES);
		return;
	}
	autoclose int fd = file_node_open(work->door, work->node, passed_flags(work->info.flags));
	if (fd < 0) {
		file_work_fail(work, -fd);
		return;
	}
	work->info.fh = (uint64_t)fd;
	work->info.direct_io = 1;
	/* -ENOENT: whoever opened it was interrupted meanwhile. */
	if (fuse_reply_open(work->request, &work->info) == 0)
		(void)take_fd(fd);
	file_work_end(work);
}

static enum permission_kind kind_of(const struct stat *about, int flags)
{
	if (S_ISCHR(about->st_mode) || S_ISBLK(about->st_mode))
		return PERMISSION_DEVICE;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		return PERMISSION_WRITE;
	return flags & OPENED_TO_RUN ? PERMISSION_EXEC : PERMISSION_READ;
}

void file_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_node *node = file_node_of(door, number);
	struct stat about;
	autoclose int fd = file_node_open(door, node, O_PATH);
	if (fd < 0 || fstatat(fd, "", &about, AT_EMPTY_PATH) < 0) {
		(void)fuse_reply_err(request, fd < 0 ? -fd : errno);
		return;
	}
	struct file_work *work = file_work_new(request, node, NULL);
	work->info = *info;
	work->alone = !S_ISREG(about.st_mode);
	work->act = serve_file;
	file_work_ask(
		work, kind_of(&about, info->flags), file_node_host_path(door, node, NULL), NULL);
}

/* ---- a new one ------------------------------------------------------------------------------ */

static void serve_new_file(struct file_work *work)
{
	struct fuse_entry_param entry;
	struct file_door *door = work->door;
	autoclose int directory_fd = file_node_open(door, work->node, O_PATH | O_DIRECTORY);
	autoclose int fd = directory_fd < 0
				   ? directory_fd
				   : openat(directory_fd, work->name,
					     passed_flags(work->info.flags) | O_CREAT | O_NOFOLLOW |
						     O_CLOEXEC | (work->info.flags & O_EXCL),
					     work->mode & 07777);
	int error = directory_fd < 0 ? -directory_fd : fd < 0 ? errno : 0;
	if (!error)
		error = file_entry(door, work->node, work->name, &entry);
	if (error) {
		file_work_fail(work, error);
		return;
	}
	work->info.fh = (uint64_t)fd;
	work->info.direct_io = 1;
	if (fuse_reply_create(work->request, &entry, &work->info) == 0)
		(void)take_fd(fd);
	file_work_end(work);
}

void file_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *info)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_work *work = file_work_new(request, file_node_of(door, parent), name);
	work->info = *info;
	work->mode = mode;
	work->act = serve_new_file;
	file_work_ask(work, PERMISSION_WRITE, file_node_host_path(door, work->node, name), NULL);
}

/* ---- passing bytes on --------------------------------------------------------------------------
 */

void file_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(size);
	(void)number;
	bytes.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	bytes.buf[0].fd = (int)info->fh;
	bytes.buf[0].pos = offset;
	(void)fuse_reply_data(request, &bytes, FUSE_BUF_SPLICE_MOVE);
}

void file_write(fuse_req_t request, fuse_ino_t number, struct fuse_bufvec *bytes, off_t offset,
	struct fuse_file_info *info)
{
	struct fuse_bufvec out = FUSE_BUFVEC_INIT(fuse_buf_size(bytes));
	(void)number;
	out.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	out.buf[0].fd = (int)info->fh;
	out.buf[0].pos = offset;
	ssize_t written = fuse_buf_copy(&out, bytes, 0);
	if (written < 0)
		(void)fuse_reply_err(request, (int)-written);
	else
		(void)fuse_reply_write(request, (size_t)written);
}

/* close(2) tells of errors that the disk had (quota, network file systems). */
void file_flush(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	(void)number;
	int copy = dup((int)info->fh);
	(void)fuse_reply_err(request, copy < 0 || close(copy) < 0 ? errno : 0);
}

void file_release(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	(void)number;
	(void)close((int)info->fh);
	(void)fuse_reply_err(request, 0);
}

void file_fsync(fuse_req_t request, fuse_ino_t number, int data_only, struct fuse_file_info *info)
{
	(void)number;
	int r = data_only ? fdatasync((int)info->fh) : fsync((int)info->fh);
	(void)fuse_reply_err(request, r < 0 ? errno : 0);
}

void file_lseek(fuse_req_t request, fuse_ino_t number, off_t offset, int whence,
	struct fuse_file_info *info)
{
	(void)number;
	off_t found = lseek((int)info->fh, offset, whence);
	if (found < 0)
		(void)fuse_reply_err(request, errno);
	else
		(void)fuse_reply_lseek(request, found);
}

void file_fallocate(fuse_req_t request, fuse_ino_t number, int mode, off_t offset, off_t length,
	struct fuse_file_info *info)
{
	(void)number;
	int r = fallocate((int)info->fh, mode, offset, length);
	(void)fuse_reply_err(request, r < 0 ? errno : 0);
}
