// SPDX-License-Identifier: Apache-2.0

/* Directories of the tree by name; see tree.h. */

#include "tree.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

void tree_init(struct tree *tree, int root_fd, const char *overlay)
{
	*tree = (struct tree){.root_fd = root_fd, .overlay = overlay};
}

static void drop(struct tree_directory *directory)
{
	if (directory->path)
		close_now(directory->fd);
	free(directory->path);
	*directory = (struct tree_directory){};
}

void tree_forget(struct tree *tree)
{
	for (size_t i = 0; i < TREE_KEPT; i++)
		drop(&tree->kept[i]);
}

void tree_fini(struct tree *tree)
{
	tree_forget(tree);
}

bool tree_is_whiteout(const struct stat *about)
{
	return S_ISCHR(about->st_mode) && about->st_rdev == 0;
}

size_t tree_split(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	*ret_name = slash ? slash + 1 : path;
	return slash ? (size_t)(slash - path) : 0;
}

static bool is_kept(const struct tree_directory *directory, const char *path, size_t length)
{
	return directory->path && strncmp(directory->path, path, length) == 0 &&
	       directory->path[length] == '\0';
}

static const struct tree_directory *look_up(struct tree *tree, const char *path, size_t length)
{
	for (unsigned i = 0; i < TREE_KEPT; i++) {
		unsigned slot = (tree->newest + TREE_KEPT - i) % TREE_KEPT;
		if (is_kept(&tree->kept[slot], path, length)) {
			tree->newest = slot;
			return &tree->kept[slot];
		}
	}
	return NULL;
}

static const struct tree_directory *keep(struct tree *tree, const char *path, int fd)
{
	struct tree_directory *directory = &tree->kept[tree->next];
	tree->newest = tree->next;
	tree->next = (tree->next + 1) % TREE_KEPT;
	drop(directory);
	struct stat about;
	char *copy = strdup(path);
	if (!copy)
		memory_exhausted();
	*directory = (struct tree_directory){.path = copy, .fd = fd};
	directory->setgid = fstat(fd, &about) == 0 && (about.st_mode & S_ISGID);
	return directory;
}

static int resolve(int root_fd, const char *path)
{
	return fs_find_in(root_fd, text_empty(path) ? "." : path, O_PATH | O_DIRECTORY);
}

int tree_find(struct tree *tree, const char *path, size_t length, const struct tree_directory **ret)
{
	const struct tree_directory *found = look_up(tree, path, length);
	if (!found) {
		autofree char *name = strndup(path, length);
		if (!name)
			memory_exhausted();
		int fd = resolve(tree->root_fd, name);
		if (fd < 0)
			return fd;
		found = keep(tree, name, fd);
	}
	*ret = found;
	return 0;
}

int tree_make_opaque(const struct tree *tree, int parent_fd, const char *name)
{
	char attribute[64];
	(void)snprintf(attribute, sizeof(attribute), "%sopaque", tree->overlay);
	autoclose int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open %s", report_show(name).text);
	if (fsetxattr(fd, attribute, "y", 1, 0) < 0)
		return fail(-errno, "hide what is below %s (attribute %s)", report_show(name).text,
			attribute);
	return 0;
}

/* A layer that removes "a" and then brings "a/b" wants a new "a". */
static int replace_whiteout(struct tree *tree, int parent_fd, const char *name)
{
	struct stat about;
	if (!tree->overlay || fstatat(parent_fd, name, &about, AT_SYMLINK_NOFOLLOW) < 0 ||
		!tree_is_whiteout(&about))
		return -ENOTDIR;
	if (unlinkat(parent_fd, name, 0) < 0 || mkdirat(parent_fd, name, 0755) < 0)
		return -errno;
	return tree_make_opaque(tree, parent_fd, name);
}

static int make(struct tree *tree, const char *path)
{
	const char *name;
	size_t length = tree_split(path, &name);
	const struct tree_directory *parent;
	int r = tree_directory(tree, path, length, &parent);
	if (r < 0)
		return r;
	if (mkdirat(parent->fd, name, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(-errno, "create directory %s", report_show(path).text);
	if (replace_whiteout(tree, parent->fd, name) == 0)
		return 0;
	/* A link that leads to nothing yet: what it leads to is made, inside the tree. */
	autoclose int fd = fs_make_dirs_in(tree->root_fd, path, 0755);
	return fd < 0 ? fd : 0;
}

int tree_directory(
	struct tree *tree, const char *path, size_t length, const struct tree_directory **ret)
{
	int r = tree_find(tree, path, length, ret);
	if (r >= 0)
		return r;
	autofree char *name = strndup(path, length);
	if (!name)
		memory_exhausted();
	if ((r == -ENOENT || r == -ENOTDIR) && length > 0) {
		r = make(tree, name);
		if (r < 0)
			return r;
		r = tree_find(tree, path, length, ret);
	}
	return r < 0 ? fail(r, "directory %s", report_show(name).text) : 0;
}
