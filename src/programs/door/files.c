// SPDX-License-Identifier: Apache-2.0

/*
 * The life of a file door.
 *
 *	cat letters/a.txt   LOOKUP letters, a.txt   answered: names are shown
 *	                    OPEN a.txt              the person is asked; the thread waits
 *	                    "for this run"          the file is mounted over a.txt; ESTALE
 *	                    the kernel walks again, meets the mount, and opens the host's file
 *
 * So the boundary is made of mounts, as everywhere in a sandbox: what was never allowed is not
 *there. Nothing that the program does between the question and the mount can make the answer count
 *for another file: paths of the host are walked here, by openat2(2) below the tree's descriptor,
 *without following a link or a "..", and what is mounted is the file behind that descriptor.
 *
 * The kernel's requests come one by one and are answered in any order; everything runs on one
 * thread. What could block it (the lock of a directory, for a mount) is done by helpers; a slow
 *disk of the host does block it, as it would block the program.
 *
 * Requests that take locks and wait for a person: open(2) that makes a file, unlink, rename, mkdir.
 * Others that use the same directory of the door by path wait with them; that is the kernel's
 *order.
 */

#include "files.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>

static void on_init(void *context, struct fuse_conn_info *connection)
{
	(void)context;
	/* O_TRUNC comes with open itself, so that one question covers both. */
	connection->want |= connection->capable & FUSE_CAP_ATOMIC_O_TRUNC;
	connection->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
}

const struct fuse_lowlevel_ops file_door_operations = {
	.init = on_init,
	.lookup = file_lookup,
	.forget = file_forget,
	.forget_multi = file_forget_many,
	.getattr = file_getattr,
	.setattr = file_setattr,
	.readlink = file_readlink,
	.mknod = file_mknod,
	.mkdir = file_mkdir,
	.unlink = file_unlink,
	.rmdir = file_rmdir,
	.symlink = file_symlink,
	.rename = file_rename,
	.link = file_link,
	.open = file_open,
	.create = file_create,
	.read = file_read,
	.write_buf = file_write,
	.flush = file_flush,
	.release = file_release,
	.fsync = file_fsync,
	.lseek = file_lseek,
	.fallocate = file_fallocate,
	.opendir = file_opendir,
	.readdir = file_readdir,
	.releasedir = file_releasedir,
	.statfs = file_statfs,
};

static int on_request(struct loop_watch *watch, int fd, uint32_t events, void *context)
{
	(void)watch, (void)fd, (void)events;
	struct file_door *door = context;
	int r = fuse_session_receive_buf(door->session, &door->buffer);
	if (r > 0)
		fuse_session_process_buf(door->session, &door->buffer);
	else if (r == 0 || (r != -EINTR && r != -EAGAIN))
		loop_remove(take(door->watch)); /* unmounted: the sandbox is gone */
	return 0;
}

static int open_door(struct file_doors *doors, size_t index, const struct file_door_place *place)
{
	struct file_door *door = &doors->doors[index];
	char name[] = "rung-door", device[32];
	char *words[] = {name, NULL};
	struct fuse_args arguments = FUSE_ARGS_INIT(1, words);
	door->doors = doors;
	door->index = index;
	door->path = place->path;
	door->mount_fd = place->mount_fd;
	door->root = file_node_get(door, NULL, "");
	door->root->type = S_IFDIR;
	door->host_fd = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (door->host_fd < 0)
		return fail(-errno, "open %s", place->path);
	door->session = fuse_session_new(
		&arguments, &file_door_operations, sizeof(file_door_operations), door);
	if (!door->session)
		return refuse(-ENOMEM, "open the door at %s", place->path);
	(void)snprintf(device, sizeof(device), "/dev/fd/%d", place->fuse_fd);
	if (fuse_session_mount(door->session, device) != 0)
		return refuse(-EINVAL, "open the door at %s", place->path);
	int flags = fcntl(place->fuse_fd, F_GETFL);
	(void)fcntl(place->fuse_fd, F_SETFL, flags | O_NONBLOCK);
	return loop_add_fd(doors->loop, place->fuse_fd, EPOLLIN, on_request, door, &door->watch);
}

static int start_mounter(
	struct file_doors *doors, int namespace_fd, const struct file_door_place *places)
{
	autofree int *fds = calloc(doors->count * 2, sizeof(*fds));
	if (!fds)
		memory_exhausted();
	for (size_t i = 0; i < doors->count; i++) {
		fds[i] = places[i].mount_fd;
		fds[doors->count + i] = places[i].fuse_fd;
	}
	doors->mounts = fds;
	const struct mounter_settings settings = {.namespace_fd = namespace_fd,
		.door_fds = fds,
		.door_count = doors->count,
		.close_fds = fds + doors->count,
		.close_count = doors->count};
	int r = mounter_new(doors->loop, &settings, &doors->mounter);
	if (r == 0)
		(void)take(fds);
	return r;
}

static void mount_granted(struct file_doors *doors, const struct permissions *granted)
{
	doors->unready = 1; /* until all have been begun */
	for (size_t i = 0; i < doors->count; i++)
		for (size_t k = 0; k < granted->count; k++)
			file_mount_granted(&doors->doors[i], &granted->items[k]);
	if (--doors->unready == 0)
		doors->ready(doors->context);
}

int file_doors_new(struct loop *loop, struct policy *policy, int namespace_fd,
	const struct permissions *granted, const struct file_door_place *places, size_t count,
	void (*ready)(void *context), void *context, struct file_doors **ret)
{
	struct file_doors *doors = calloc(1, sizeof(*doors));
	if (!doors)
		memory_exhausted();
	*doors = (struct file_doors){.loop = loop,
		.policy = policy,
		.ready = ready,
		.context = context,
		.count = count,
		.doors = calloc(count + 1, sizeof(*doors->doors))};
	if (!doors->doors)
		memory_exhausted();
	for (size_t i = 0; i < count; i++)
		doors->doors[i].host_fd = -1;
	int r = count ? start_mounter(doors, namespace_fd, places) : 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = open_door(doors, i, &places[i]);
	if (r < 0) {
		file_doors_free(doors);
		return r;
	}
	*ret = doors;
	mount_granted(doors, granted);
	return 0;
}

void file_doors_free(struct file_doors *doors)
{
	if (!doors)
		return;
	mounter_free(doors->mounter);
	for (size_t i = 0; i < doors->count; i++) {
		struct file_door *door = &doors->doors[i];
		while (door->work)
			file_work_fail(door->work, EACCES);
		loop_remove(door->watch);
		if (door->session)
			fuse_session_destroy(door->session); /* closes the descriptor */
		free(door->buffer.mem);
		if (door->root)
			file_nodes_free(door);
		close_now(door->host_fd);
	}
	free(doors->mounts);
	free(doors->doors);
	free(doors);
}
