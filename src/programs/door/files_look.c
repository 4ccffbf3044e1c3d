// SPDX-License-Identifier: Apache-2.0

/*
 * Names and attributes: nobody is asked. Only what is denied looks as if its owner had taken the
 * permissions away, and is missing in listings.
 *
 * Sockets. connect(2) to a path looks it up and asks the file system nothing else, so there is no
 * request in which a person could be asked; and the socket of a FUSE file is not the host's. So a
 * socket is shown as a link into a directory of the door that no listing shows:
 *
 *	agent.sock -> /home/u/.rung-door/7
 *
 * Reading the link is asked about (nothing is locked then), and when it is allowed the host's
 *socket is mounted on that name before the link is told. Those who look without following see a
 *link.
 */

#include "files.h"

#include "base/scope.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>

/* How long the kernel believes names and attributes: what the host changes is seen after this. */
static const double believed_s = 1.0;

/* ---- one name ------------------------------------------------------------------------------ */

int file_entry(struct file_door *door, struct file_node *parent, const char *name,
	struct fuse_entry_param *ret)
{
	struct fuse_entry_param entry = {.attr_timeout = believed_s, .entry_timeout = believed_s};
	struct file_node *node = file_node_get(door, parent, name);
	node->held++;
	int r = file_node_stat(door, node, &entry.attr);
	mode_t type = entry.attr.st_mode & S_IFMT;
	if (r == 0 && node->known > 0 && node->type != type) {
		/* Another kind of file by now: a number has one kind for ever. */
		file_node_remove(door, parent, name);
		file_node_release(door, node);
		return file_entry(door, parent, name, ret);
	}
	if (r == 0) {
		node->type = type;
		node->known++;
		entry.ino = (fuse_ino_t)(uintptr_t)node;
		*ret = entry;
	}
	file_node_release(door, node);
	return -r;
}

void file_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_node *directory = file_node_of(door, parent);
	struct fuse_entry_param entry = {};
	autofree char *path = file_node_host_path(door, directory, name);
	int error = file_is_denied(door, path) ? EACCES : file_entry(door, directory, name, &entry);
	if (error)
		(void)fuse_reply_err(request, error);
	else
		(void)fuse_reply_entry(request, &entry);
}

void file_forget(fuse_req_t request, fuse_ino_t number, uint64_t times)
{
	struct file_door *door = fuse_req_userdata(request);
	if (number != FUSE_ROOT_ID)
		file_node_forget(door, file_node_of(door, number), times);
	fuse_reply_none(request);
}

void file_forget_many(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
	struct file_door *door = fuse_req_userdata(request);
	for (size_t i = 0; i < count; i++)
		if (forgets[i].ino != FUSE_ROOT_ID)
			file_node_forget(
				door, file_node_of(door, forgets[i].ino), forgets[i].nlookup);
	fuse_reply_none(request);
}

void file_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_node *node = file_node_of(door, number);
	struct stat about = {};
	int r;
	if (info) {
		r = fstat((int)info->fh, &about) < 0 ? -errno : 0;
		file_disguise(&about);
	} else {
		r = file_node_stat(door, node, &about);
		if (r == 0 && node->parent && (about.st_mode & S_IFMT) != node->type)
			r = -ESTALE; /* replaced: look it up anew */
	}
	if (r < 0)
		(void)fuse_reply_err(request, -r);
	else
		(void)fuse_reply_attr(request, &about, believed_s);
}

void file_statfs(fuse_req_t request, fuse_ino_t number)
{
	struct file_door *door = fuse_req_userdata(request);
	struct statvfs about;
	(void)number;
	if (fstatvfs(door->host_fd, &about) < 0)
		(void)fuse_reply_err(request, errno);
	else
		(void)fuse_reply_statfs(request, &about);
}

/* ---- links, and sockets ------------------------------------------------------------------- */

static void reply_link(fuse_req_t request, int link_fd)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(link_fd, "", target, sizeof(target) - 1);
	if (length < 0) {
		(void)fuse_reply_err(request, errno);
		return;
	}
	target[length] = '\0';
	(void)fuse_reply_readlink(request, target);
}

/* Its name in the hidden directory: the same for the same socket. */
static struct file_node *passage_for(struct file_door *door, const struct stat *about)
{
	char name[64];
	(void)snprintf(name, sizeof(name), "%llx-%llx", (unsigned long long)about->st_dev,
		(unsigned long long)about->st_ino);
	if (!door->passages) {
		door->passages = file_node_get(door, door->root, FILE_PASSAGES);
		door->passages->held++; /* for ever */
	}
	return file_node_get(door, door->passages, name);
}

static void tell_passage(struct file_work *work)
{
	autofree char *path = file_node_host_path(work->door, work->other, NULL);
	(void)fuse_reply_readlink(work->request, path);
	file_work_end(work);
}

static void open_passage(struct file_work *work)
{
	struct file_door *door = work->door;
	struct stat about;
	autoclose int fd = file_node_open(door, work->node, O_PATH);
	if (fd < 0 || fstatat(fd, "", &about, AT_EMPTY_PATH) < 0 || !S_ISSOCK(about.st_mode)) {
		file_work_fail(work, ESTALE);
		return;
	}
	work->other = passage_for(door, &about);
	work->other->held++;
	work->arrived = tell_passage;
	if (!work->other->mounted && file_mount_at(work, fd, work->other))
		return;
	/* It is there already; where it could not be mounted, connect(2) finds nobody. */
	tell_passage(work);
}

static void follow_socket(fuse_req_t request, struct file_node *node)
{
	struct file_work *work = file_work_new(request, node, NULL);
	work->act = open_passage;
	file_work_ask(work, PERMISSION_WRITE, file_node_host_path(work->door, node, NULL),
		"to talk to it");
}

void file_readlink(fuse_req_t request, fuse_ino_t number)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_node *node = file_node_of(door, number);
	autoclose int fd = file_node_open(door, node, O_PATH);
	struct stat about;
	if (fd < 0 || fstatat(fd, "", &about, AT_EMPTY_PATH) < 0)
		(void)fuse_reply_err(request, fd < 0 ? -fd : errno);
	else if (S_ISSOCK(about.st_mode))
		follow_socket(request, node);
	else
		reply_link(request, fd);
}

/* ---- listings
 * ------------------------------------------------------------------------------------- */

struct listing {
	DIR *directory;
	struct dirent *next; /* read, but there was no room for it yet */
	off_t offset;        /* behind the last one that was told */
};

static void serve_listing(struct file_work *work)
{
	if (file_mount_for(work))
		return;
	int fd = file_node_open(work->door, work->node, O_RDONLY | O_DIRECTORY);
	struct listing *listing = fd < 0 ? NULL : calloc(1, sizeof(*listing));
	if (listing)
		listing->directory = fdopendir(fd);
	if (!listing || !listing->directory) {
		int error = fd < 0 ? -fd : ENOMEM;
		close_now(fd);
		free(listing);
		file_work_fail(work, error);
		return;
	}
	work->info.fh = (uint64_t)(uintptr_t)listing;
	(void)fuse_reply_open(work->request, &work->info);
	file_work_end(work);
}

/* Listing shows names, which anybody may see; but what is allowed anyhow becomes native here. */
void file_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct file_door *door = fuse_req_userdata(request);
	struct file_node *node = file_node_of(door, number);
	struct file_work *work = file_work_new(request, node, NULL);
	work->info = *info;
	work->act = serve_listing;
	work->question = (struct question){.kind = PERMISSION_READ,
		.value = file_node_host_path(door, node, NULL),
		.top = door->path};
	serve_listing(work);
}

/* The type of the entry as file_disguise() shows it. */
static mode_t shown_type(const struct dirent *entry)
{
	struct stat about = {.st_mode = DTTOIF(entry->d_type)};
	file_disguise(&about);
	return about.st_mode;
}

static bool is_shown(const struct file_door *door, const struct file_node *node, const char *name)
{
	autofree char *path = file_node_host_path(door, node, name);
	return !file_is_denied(door, path);
}

static size_t fill(fuse_req_t request, const struct file_node *node, struct listing *listing,
	char *buffer, size_t size)
{
	const struct file_door *door = fuse_req_userdata(request);
	size_t used = 0;
	for (;;) {
		if (!listing->next)
			listing->next = readdir(listing->directory);
		const struct dirent *entry = listing->next;
		if (!entry)
			break;
		if (is_shown(door, node, entry->d_name)) {
			const struct stat about = {
				.st_ino = entry->d_ino, .st_mode = shown_type(entry)};
			off_t offset = telldir(listing->directory);
			size_t length = fuse_add_direntry(
				request, buffer + used, size - used, entry->d_name, &about, offset);
			if (length > size - used)
				break;
			used += length;
			listing->offset = offset;
		}
		listing->next = NULL;
	}
	return used;
}

void file_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	const struct file_door *door = fuse_req_userdata(request);
	struct listing *listing = (struct listing *)(uintptr_t)info->fh;
	autofree char *buffer = malloc(size);
	if (!buffer) {
		(void)fuse_reply_err(request, ENOMEM);
		return;
	}
	if (offset != listing->offset) {
		seekdir(listing->directory, offset);
		listing->next = NULL;
		listing->offset = offset;
	}
	size_t used = fill(request, file_node_of(door, number), listing, buffer, size);
	(void)fuse_reply_buf(request, buffer, used);
}

void file_releasedir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct listing *listing = (struct listing *)(uintptr_t)info->fh;
	(void)number;
	(void)closedir(listing->directory);
	free(listing);
	(void)fuse_reply_err(request, 0);
}
