// SPDX-License-Identifier: Apache-2.0

/*
 * Behind the net door names are asked of the door's resolver and of nobody else. The host's
 * /etc is shown inside as it is, so two of its files are covered: resolv.conf, which would name
 * servers that nothing leads to, and hosts, whose addresses would be judged as addresses and not by
 * the names that permissions speak of. Where one of them is a link into /run, which is empty
 * inside, its target is made.
 */

#include "rungs/sandbox/doors_net.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* Bound on what hides it, then its name is taken away: the mount is all that shows it. */
static int cover(const char *path, const char *text)
{
	static const char *const name = "/run/.rung-cover";
	const struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
							  MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
	int r = fs_create(AT_FDCWD, name, text, strlen(text), 0444);
	if (r < 0)
		return r;
	autoclose int tree = kernel_open_tree(AT_FDCWD, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	r = tree < 0 ? tree : kernel_mount_setattr(tree, "", AT_EMPTY_PATH, &attributes);
	if (r == 0)
		r = kernel_move_mount(
			tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
	(void)unlink(name);
	return r < 0 ? fail(r, "cover %s", path) : 0;
}

/* "../run/systemd/resolve/stub-resolv.conf" of /etc. Other dead links stay dead. */
static int make_target(const char *path, const char *text)
{
	char target[512];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return 0;
	target[length] = '\0';
	const char *below = strstr(target, "/run/");
	if (!below || (below != target && !text_equal(target + 2, below)))
		return 0;
	char *end = strrchr(target, '/');
	*end = '\0';
	int r = fs_make_dirs(below, 0755);
	*end = '/';
	return r < 0 ? r : fs_create(AT_FDCWD, below, text, strlen(text), 0444);
}

static int put(const char *path, const char *text)
{
	struct stat about;
	return stat(path, &about) == 0 ? cover(path, text) : make_target(path, text);
}

int sandbox_net_door_show_names(void)
{
	char host[256] = "", hosts[512];
	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(hosts, sizeof(hosts),
		"127.0.0.1 localhost%s%s\n::1 localhost ip6-localhost ip6-loopback\n",
		host[0] ? " " : "", host);
	int r = put("/etc/resolv.conf", "nameserver " NET_DOOR_RESOLVER "\noptions edns0\n");
	return r < 0 ? r : put("/etc/hosts", hosts);
}
