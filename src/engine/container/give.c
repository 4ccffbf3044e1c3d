// SPDX-License-Identifier: Apache-2.0

/*
 * Ownership in the container's ids, from outside. The host's root translates them; anybody else
 * asks a child that is root of the user namespace with all the ids that he has.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "engine/container/internal.h"
#include "walls/namespaces.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define DEPTH_MAX 256

struct gift {
	const char *path;
	bool all, has_mode;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Links are given, not followed; directories' contents come first. */
static int give_below(int directory_fd, const struct gift *gift, unsigned depth)
{
	DIR *directory = depth < DEPTH_MAX ? fdopendir(directory_fd) : NULL;
	if (!directory) {
		int r = depth < DEPTH_MAX ? -errno : -ELOOP;
		close_now(directory_fd);
		return r;
	}
	int r = 0;
	const struct dirent *entry;
	while (r == 0 && (entry = readdir(directory))) {
		const char *name = entry->d_name;
		if (text_equal(name, ".") || text_equal(name, ".."))
			continue;
		int below = openat(
			dirfd(directory), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			r = give_below(below, gift, depth + 1);
		if (r == 0 && fchownat(dirfd(directory), name, gift->uid, gift->gid,
				      AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
	}
	closedir(directory);
	return r;
}

static int give(const struct gift *gift)
{
	if (gift->has_mode)
		return chmod(gift->path, gift->mode) < 0 ? -errno : 0;
	int fd = gift->all ? open(gift->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	int r = fd >= 0 ? give_below(fd, gift, 0) : 0;
	if (r == 0 && lchown(gift->path, gift->uid, gift->gid) < 0)
		r = -errno;
	return r;
}

static uint32_t outside(const struct plan_id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->count; i++)
		if (id - maps->items[i].container_id < maps->items[i].size)
			return maps->items[i].host_id + (id - maps->items[i].container_id);
	return id;
}

/* The id that the usual namespace of ours has for an id of the host. */
static uint32_t inside(const struct plan_id_maps *maps, uint32_t host_id)
{
	for (size_t i = 0; i < maps->count; i++)
		if (host_id - maps->items[i].host_id < maps->items[i].size)
			return maps->items[i].container_id + (host_id - maps->items[i].host_id);
	return host_id;
}

int run_as_own_root(int (*act)(void *context), void *context)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_id_maps uids, gids;
	run_map_ids(&arena, &uids, &gids);
	autoclose int userns = userns_open(&uids, &gids);
	if (userns < 0)
		return userns;
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid < 0)
		return fail(pid, "fork");
	if (pid == 0) {
		bool in = setns(userns, CLONE_NEWUSER) == 0 && setresgid(0, 0, 0) == 0 &&
			  setresuid(0, 0, 0) == 0;
		_exit(in ? -act(context) & 255 : EPERM);
	}
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int give_it(void *gift)
{
	return give(gift);
}

static int give_inside(struct gift *gift, const struct plan *plan)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_id_maps uids, gids;
	run_map_ids(&arena, &uids, &gids);
	if (plan->uid_maps.count) {
		gift->uid = inside(&uids, outside(&plan->uid_maps, gift->uid));
		gift->gid = inside(&gids, outside(&plan->gid_maps, gift->gid));
	}
	int r = run_as_own_root(give_it, gift);
	return r < 0 ? fail(r, "change the owner of %s", gift->path) : 0;
}

static int do_give(struct gift *gift, const struct plan *plan)
{
	if (geteuid() != 0)
		return give_inside(gift, plan);
	gift->uid = outside(&plan->uid_maps, gift->uid);
	gift->gid = outside(&plan->gid_maps, gift->gid);
	int r = give(gift);
	return r < 0 ? fail(r, "change the owner of %s", gift->path) : 0;
}

int run_give(const char *path, bool all, uint32_t uid, uint32_t gid, const struct plan *plan)
{
	struct gift gift = {.path = path, .all = all, .uid = uid, .gid = gid};
	return do_give(&gift, plan);
}

int run_set_mode(const char *path, uint32_t mode, const struct plan *plan)
{
	struct gift gift = {.path = path, .has_mode = true, .mode = mode};
	return do_give(&gift, plan);
}

/* ---- what another container has mounted ---------------------------------------------------- */

/* The child shares our table of descriptors: what it opens, we have. */
static int clone_there(int user_fd, int mount_fd, const char *path)
{
	if (user_fd >= 0 && setns(user_fd, CLONE_NEWUSER) < 0)
		return -errno;
	if (setns(mount_fd, CLONE_NEWNS) < 0)
		return -errno;
	return kernel_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

int run_borrow_mount(pid_t pid, const char *path)
{
	char name[64];
	(void)snprintf(name, sizeof(name), "/proc/%d/ns/mnt", (int)pid);
	autoclose int mount_fd = open(name, O_RDONLY | O_CLOEXEC);
	if (mount_fd < 0)
		return fail(-errno, "open %s", name);
	(void)snprintf(name, sizeof(name), "/proc/%d/ns/user", (int)pid);
	autoclose int user_fd = geteuid() == 0 ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	int *answer = mmap(
		NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answer == MAP_FAILED)
		return fail(-errno, "borrow %s", path);
	*answer = -ECHILD;
	struct clone_args arguments = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	pid_t child = kernel_clone3(&arguments);
	if (child == 0) {
		*answer = clone_there(user_fd, mount_fd, path);
		_exit(0);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	int r = child < 0 ? child : *answer;
	(void)munmap(answer, sizeof(*answer));
	return r < 0 ? fail(r, "borrow %s of process %d", path, (int)pid) : r;
}
