// SPDX-License-Identifier: Apache-2.0

/*
 * From a permission to a mount: the host's tree is cloned by descriptor, made as weak as the
 * permission says while nobody can reach it yet, and moved over the door's name by a helper
 * (mounter.h). The request that led here is answered ESTALE afterwards: the kernel then walks the
 * path once more, finds the mount, and the program never learns of it.
 *
 * A second ESTALE would reach the program. So each tree is mounted once, and a request that arrives
 * although its tree is mounted (its working directory lies below the mount, it holds an old
 * directory descriptor, the mount did not succeed) is served by the door itself: slower, the same
 * files.
 *
 * Which tree: the topmost one that is allowed alike. Devices, pipes and sockets are mounted one by
 * one, for the door cannot serve them.
 */

#include "files.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/scope.h"
#include "base/text.h"

#include <fcntl.h>

/* A mount that is under way, and who waits for it. */
struct errand {
	struct file_door *door;
	struct file_node *node;
	void (*done)(struct file_door *door);
};

/* ---- the tree to mount ------------------------------------------------------------------------
 */

static bool is_allowed(const struct file_door *door, enum permission_kind kind, const char *path)
{
	const struct question question = {.kind = kind, .value = path};
	return policy_look(door->doors->policy, &question) == PERMISSION_ALLOW;
}

/*
 * No set-user-id programs, no devices but those asked for; changes and programs as allowed. (What
 * Landlock says about a door was said before anybody knew the answers: both are left to us there.)
 */
static int weaken(
	const struct file_door *door, int tree_fd, const char *path, enum permission_kind kind)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID};
	if (kind != PERMISSION_DEVICE) {
		attributes.attr_set |= MOUNT_ATTR_NODEV;
		if (!is_allowed(door, PERMISSION_WRITE, path))
			attributes.attr_set |= MOUNT_ATTR_RDONLY;
		if (!is_allowed(door, PERMISSION_EXEC, path))
			attributes.attr_set |= MOUNT_ATTR_NOEXEC;
	}
	return kernel_mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes);
}

static int clone_tree(
	const struct file_door *door, int fd, const char *path, enum permission_kind kind)
{
	autoclose int tree_fd = kernel_open_tree(
		fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree_fd < 0)
		return tree_fd;
	int r = weaken(door, tree_fd, path, kind);
	return r < 0 ? r : take_fd(tree_fd);
}

/* ---- moving it in
 * ---------------------------------------------------------------------------------- */

/* All that waited for this tree, and for nothing else any more. */
static void wake(struct file_door *door, struct file_node *node, bool mounted)
{
	for (;;) {
		struct file_work *work = door->work;
		while (work && work->awaited != node)
			work = work->next;
		if (!work)
			return;
		work->awaited = NULL;
		if (mounted && work->arrived)
			work->arrived(work);
		else if (mounted)
			file_work_fail(work, ESTALE);
		else
			work->act(work);
	}
}

static void on_mounted(int result, void *context)
{
	struct errand *errand = context;
	struct file_node *node = errand->node;
	node->mounting = false;
	/* Also where it failed: one try, then the door serves. */
	node->mounted = true;
	wake(errand->door, node, result == 0);
	if (errand->done)
		errand->done(errand->door);
	file_node_release(errand->door, node);
	free(errand);
}

static int move_in(struct file_door *door, struct file_node *node, int tree_fd,
	void (*done)(struct file_door *door))
{
	struct errand *errand = malloc(sizeof(*errand));
	if (!errand)
		memory_exhausted();
	*errand = (struct errand){door, node, done};
	node->held++;
	node->mounting = true;
	autofree char *below = file_node_path(node);
	int r = mounter_put(door->doors->mounter, tree_fd, door->index, below, on_mounted, errand);
	if (r < 0) {
		error_clear();
		node->mounting = false;
		node->held--;
		free(errand);
	}
	return r;
}

static int begin(struct file_door *door, struct file_node *node, enum permission_kind kind,
	void (*done)(struct file_door *door))
{
	autofree char *path = file_node_host_path(door, node, NULL);
	autoclose int fd = file_node_open(door, node, O_PATH);
	if (fd < 0)
		return fd;
	autoclose int tree_fd = clone_tree(door, fd, path, kind);
	return tree_fd < 0 ? tree_fd : move_in(door, node, tree_fd, done);
}

bool file_mount_at(struct file_work *work, int fd, struct file_node *node)
{
	struct file_door *door = work->door;
	autoclose int tree_fd =
		node->mounting ? -1 : clone_tree(door, fd, work->question.value, PERMISSION_WRITE);
	work->awaited = node;
	if (node->mounting || (tree_fd >= 0 && move_in(door, node, tree_fd, NULL) == 0))
		return true;
	work->awaited = NULL;
	return false;
}

/* The node whose host path has this length: an ancestor of @node or itself. */
static struct file_node *ancestor(
	const struct file_door *door, struct file_node *node, size_t length)
{
	while (node->parent) {
		autofree char *path = file_node_host_path(door, node, NULL);
		if (strlen(path) <= length)
			break;
		node = node->parent;
	}
	return node;
}

static struct file_node *tree_for(
	const struct file_door *door, struct file_node *node, const struct question *question)
{
	size_t length = policy_whole(door->doors->policy, question);
	return length ? ancestor(door, node, length) : NULL;
}

bool file_mount_for(struct file_work *work)
{
	struct file_door *door = work->door;
	struct file_node *node =
		work->alone ? work->node : tree_for(door, work->node, &work->question);
	if (!node || node->mounted)
		return false;
	work->awaited = node;
	if (node->mounting || begin(door, node, work->question.kind, NULL) == 0)
		return true;
	work->awaited = NULL;
	return false;
}

void file_mount_aside(
	struct file_door *door, struct file_node *node, const struct question *question)
{
	autofree char *path = file_node_host_path(door, node, NULL);
	size_t length = policy_whole(door->doors->policy, question);
	if (length == 0 || length > strlen(path)) /* less than this directory */
		return;
	struct file_node *tree = ancestor(door, node, length);
	if (tree->mounted || tree->mounting)
		return;
	(void)!begin(door, tree, question->kind, NULL);
}

/* ---- before the program starts
 * ------------------------------------------------------------------- */

static void on_ready(struct file_door *door)
{
	struct file_doors *doors = door->doors;
	if (--doors->unready == 0)
		doors->ready(doors->context);
}

/* The chain of nodes down to it; the kernel learns of them by the helper's walk. */
static struct file_node *node_at(struct file_door *door, const char *below)
{
	struct file_node *node = door->root;
	autofree char *names = strdup(below);
	char *rest = names;
	while (rest && *rest) {
		const char *name = strsep(&rest, "/");
		if (*name)
			node = file_node_get(door, node, name);
	}
	return node;
}

void file_mount_granted(struct file_door *door, const struct permission *permission)
{
	if (permission->answer != PERMISSION_ALLOW || !permission_has_path(permission->kind) ||
		!path_is_below(permission->value, door->path))
		return;
	size_t front = text_equal(door->path, "/") ? 0 : strlen(door->path);
	struct file_node *node = node_at(door, permission->value + front);
	node->held++;
	if (!node->mounted && !node->mounting && begin(door, node, permission->kind, on_ready) == 0)
		door->doors->unready++;
	file_node_release(door, node);
}
