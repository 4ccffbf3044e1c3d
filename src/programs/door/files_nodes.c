// SPDX-License-Identifier: Apache-2.0

/*
 * The names that the kernel knows below a door. A node is a name in a directory, not a file: the
 * host may put another file there at any time, and each request looks again. It lives while the
 * kernel knows it, while children of it live, and while work is under way.
 */

#include "files.h"

#include "base/arena.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"

#include <fcntl.h>

struct file_node *file_node_of(const struct file_door *door, fuse_ino_t number)
{
	return number == FUSE_ROOT_ID ? door->root : (struct file_node *)(uintptr_t)number;
}

static size_t bucket_of(const struct file_node *parent, const char *name)
{
	uint64_t hash = (uint64_t)(uintptr_t)parent * 0x9e3779b97f4a7c15;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
	return (hash >> 20) % FILE_NODE_BUCKETS;
}

struct file_node *file_node_find(
	const struct file_door *door, const struct file_node *parent, const char *name)
{
	struct file_node *node = door->buckets[bucket_of(parent, name)];
	while (node && (node->parent != parent || !text_equal(node->name, name)))
		node = node->sibling;
	return node;
}

char *file_copy(const char *string)
{
	char *copied = string ? strdup(string) : NULL;
	if (string && !copied)
		memory_exhausted();
	return copied;
}

static struct file_node *make(struct file_node *parent, const char *name)
{
	struct file_node *node = calloc(1, sizeof(*node));
	if (!node)
		memory_exhausted();
	node->parent = parent;
	node->name = file_copy(name);
	if (parent)
		parent->held++;
	return node;
}

static void put_in(struct file_door *door, struct file_node *node)
{
	struct file_node **bucket = &door->buckets[bucket_of(node->parent, node->name)];
	node->sibling = *bucket;
	*bucket = node;
}

struct file_node *file_node_get(struct file_door *door, struct file_node *parent, const char *name)
{
	if (!parent)
		return make(NULL, "");
	struct file_node *node = file_node_find(door, parent, name);
	if (!node) {
		node = make(parent, name);
		put_in(door, node);
	}
	return node;
}

static void take_out(struct file_door *door, const struct file_node *node)
{
	struct file_node **at = &door->buckets[bucket_of(node->parent, node->name)];
	while (*at && *at != node)
		at = &(*at)->sibling;
	if (*at)
		*at = node->sibling;
}

static void free_unused(struct file_door *door, struct file_node *node)
{
	while (node && node->parent && node->known == 0 && node->held == 0) {
		struct file_node *parent = node->parent;
		take_out(door, node);
		free(node->name);
		free(node);
		parent->held--;
		node = parent;
	}
}

void file_node_forget(struct file_door *door, struct file_node *node, uint64_t times)
{
	node->known -= times < node->known ? times : node->known;
	free_unused(door, node);
}

void file_node_release(struct file_door *door, struct file_node *node)
{
	node->held--;
	free_unused(door, node);
}

void file_node_remove(struct file_door *door, struct file_node *parent, const char *name)
{
	struct file_node *node = file_node_find(door, parent, name);
	if (!node)
		return;
	take_out(door, node);
	node->gone = true;
}

void file_node_move(struct file_door *door, struct file_node *parent, const char *name,
	struct file_node *new_parent, const char *new_name)
{
	struct file_node *node = file_node_find(door, parent, name);
	file_node_remove(door, new_parent, new_name);
	if (!node || node->gone)
		return;
	take_out(door, node);
	new_parent->held++;
	node->parent = new_parent;
	free(node->name);
	node->name = file_copy(new_name);
	put_in(door, node);
	file_node_release(door, parent);
}

/* Nodes that are gone and still known to the kernel are left to the end of the process. */
void file_nodes_free(struct file_door *door)
{
	for (size_t i = 0; i < FILE_NODE_BUCKETS; i++)
		while (door->buckets[i]) {
			struct file_node *node = door->buckets[i];
			door->buckets[i] = node->sibling;
			free(node->name);
			free(node);
		}
	if (door->root)
		free(door->root->name);
	free(door->root);
}

/* ---- paths --------------------------------------------------------------------------------- */

static size_t path_length(const struct file_node *node)
{
	size_t length = 0;
	for (; node && node->parent; node = node->parent)
		length += strlen(node->name) + 1;
	return length;
}

/* "FRONT/a/b/NAME" */
static char *path_behind(const struct file_node *node, const char *front, const char *name)
{
	size_t before = strlen(front), middle = path_length(node);
	char *path = malloc(before + middle + strlen(name) + 2), *at;
	if (!path)
		memory_exhausted();
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the end is written below */
	memcpy(path, front, before);
	at = path + before + middle;
	*at = '\0';
	for (; node && node->parent; node = node->parent) {
		size_t length = strlen(node->name);
		at -= length;
		memcpy(at, node->name, length);
		*--at = '/';
	}
	if (*name) {
		path[before + middle] = '/';
		memcpy(path + before + middle + 1, name, strlen(name) + 1);
	}
	return path;
}

char *file_node_path(const struct file_node *node)
{
	char *path = path_behind(node, "", "");
	if (*path)
		memmove(path, path + 1, strlen(path));
	return path;
}

char *file_node_host_path(
	const struct file_door *door, const struct file_node *node, const char *name)
{
	/* The door of "/" needs none of its own slash in front of names. */
	const char *front = text_equal(door->path, "/") ? "" : door->path;
	char *path = path_behind(node, front, name ? name : "");
	if (!*path) {
		free(path);
		path = strdup("/");
	}
	if (!path)
		memory_exhausted();
	return path;
}

/* ---- the host's files ---------------------------------------------------------------------------
 */

int file_node_open(const struct file_door *door, const struct file_node *node, int flags)
{
	const struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	for (const struct file_node *at = node; at; at = at->parent)
		if (at->gone)
			return -ESTALE;
	autofree char *path = file_node_path(node);
	return kernel_openat2(door->host_fd, *path ? path : ".", &how);
}

/*
 * Devices and pipes are shown as files: to open one on a FUSE mount of a user namespace is refused
 * (nodev) or never asked about, and so nobody could be asked. Sockets are shown as links, see
 * file_readlink().
 */
void file_disguise(struct stat *attributes)
{
	mode_t type = attributes->st_mode & S_IFMT, shown = type;
	if (type == S_IFCHR || type == S_IFBLK || type == S_IFIFO)
		shown = S_IFREG;
	else if (type == S_IFSOCK)
		shown = S_IFLNK;
	attributes->st_mode = (attributes->st_mode & ~(mode_t)S_IFMT) | shown;
	attributes->st_rdev = 0;
}

/* The hidden directory of sockets: only what was put there exists, and is to be mounted over. */
static int stat_passage(
	const struct file_door *door, const struct file_node *node, struct stat *ret)
{
	bool directory = node == door->passages;
	if (!directory && !node->mounted && !node->mounting)
		return -ENOENT;
	*ret = (struct stat){.st_mode = directory ? S_IFDIR | 0555 : S_IFREG | 0444,
		.st_nlink = 1,
		.st_uid = getuid(),
		.st_gid = getgid(),
		.st_ino = (ino_t)(uintptr_t)node};
	return 0;
}

int file_node_stat(const struct file_door *door, const struct file_node *node, struct stat *ret)
{
	if (door->passages && (node == door->passages || node->parent == door->passages))
		return stat_passage(door, node, ret);
	struct stat about;
	autoclose int fd = file_node_open(door, node, O_PATH);
	if (fd < 0)
		return fd;
	if (fstatat(fd, "", &about, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	file_disguise(&about);
	*ret = about;
	return 0;
}
