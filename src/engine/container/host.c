// SPDX-License-Identifier: Apache-2.0

/*
 * @host: the running system as an image that always exists.
 *
 * Root gets an overlay of each real file system, so that everything can be changed and nothing is.
 * An ordinary user could not change most of it anyway, and an overlay of what others own cannot
 * copy it up (EOVERFLOW); so he gets the system read-only, at no cost at run time, and overlays
 * over what is his: home and the directory he stands in. /tmp is empty for him, but for the place
 * he stands in. Either way no write reaches the system.
 *
 * Not shown: /proc, /sys, /dev and /run of the host. Every container has its own.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "engine/container/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MOUNTS_MAX 128

struct list {
	const struct run_layer *layer;
	struct arena *arena;
	struct plan_mount *items;
	size_t count;
};

static bool below(const char *path, const char *top)
{
	size_t length = strlen(top);
	return strncmp(path, top, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool made_anew(const char *path)
{
	static const char *const tops[] = {"/proc", "/sys", "/dev", "/run"};
	for (size_t i = 0; i < array_length(tops); i++)
		if (below(path, tops[i]))
			return true;
	return false;
}

/* File systems that hold a system's files and can be an overlay's lower directory. */
static bool holds_files(const char *type)
{
	static const char *const known[] = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs",
		"bcachefs", "tmpfs", "overlay", "squashfs", "erofs", "iso9660", "reiserfs", "jfs",
		"nilfs2", "virtiofs"};
	for (size_t i = 0; i < array_length(known); i++)
		if (text_equal(type, known[i]))
			return true;
	return false;
}

static struct plan_mount bind_readonly(const char *path)
{
	return (struct plan_mount){.destination = path,
		.source = path,
		.type = "bind",
		.bind = true,
		.recursive = true,
		.recursive_set = MOUNT_ATTR_RDONLY};
}

static int add_overlay(struct list *list, const char *path)
{
	if (list->count == MOUNTS_MAX)
		return refuse(-E2BIG, "@host: more than %d file systems", MOUNTS_MAX);
	char *part = arena_format(list->arena, "host%s", path);
	for (char *c = part; *c; c++)
		if (*c == '/')
			*c = '-';
	const char *lower[] = {path, NULL};
	const struct strings lowers = {lower, 1};
	int r = run_overlay(
		list->layer, part, &lowers, path, list->arena, &list->items[list->count]);
	if (r == 0)
		list->count++;
	return r;
}

/* mountinfo writes blanks and the like as \040 (proc(5)). */
static void decode(char *path)
{
	char *to = path;
	for (const char *from = path; *from; to++) {
		unsigned value;
		if (from[0] == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
			*to = (char)value;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* One line: "36 35 98:0 /root /mount/point options … - type source superoptions" */
static int add_file_system(struct list *list, char *line)
{
	char *separator = strstr(line, " - ");
	if (!separator)
		return 0;
	char type[32] = "";
	(void)sscanf(separator + 3, "%31s", type);
	char *path = NULL;
	for (int field = 0; field < 5; field++)
		path = strsep(&line, " ");
	if (!path)
		return 0;
	decode(path);
	struct stat about;
	if (text_equal(path, "/") || made_anew(path) || stat(path, &about) < 0)
		return 0;
	if (holds_files(type) && S_ISDIR(about.st_mode))
		return add_overlay(list, arena_strdup(list->arena, path));
	if (list->count == MOUNTS_MAX)
		return refuse(-E2BIG, "@host: more than %d file systems", MOUNTS_MAX);
	list->items[list->count++] = bind_readonly(arena_strdup(list->arena, path));
	return 0;
}

static int list_for_root(struct list *list)
{
	int r = add_overlay(list, "/");
	if (r < 0)
		return r;
	autofree char *table = NULL;
	r = fs_read(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &table, NULL);
	if (r < 0)
		return fail(r, "read /proc/self/mountinfo");
	char *rest = table, *line;
	while (r == 0 && (line = strsep(&rest, "\n")))
		r = add_file_system(list, line);
	return r;
}

/* A directory of his own, unless it is everything, or not shown. */
static bool is_his(const char *path)
{
	struct stat about;
	return !text_empty(path) && path[0] == '/' && path[1] != '\0' && stat(path, &about) == 0 &&
	       S_ISDIR(about.st_mode) && about.st_uid == geteuid() && !made_anew(path);
}

/* /tmp is his alone, so that nothing of it is shown or changed but where he stands. */
static const char *const scratch[] = {"/tmp", "/var/tmp"};

static bool is_scratch(const char *path, bool or_below)
{
	for (size_t i = 0; i < array_length(scratch); i++)
		if (text_equal(path, scratch[i]) || (or_below && below(path, scratch[i])))
			return true;
	return false;
}

static int add_here(struct list *list, const char *home)
{
	char here[4096];
	if (!getcwd(here, sizeof(here)) || here[0] != '/' || (is_his(home) && below(here, home)) ||
		is_scratch(here, false))
		return 0;
	const char *path = arena_strdup(list->arena, here);
	if (is_his(here))
		return add_overlay(list, path);
	if (is_scratch(here, true))
		list->items[list->count++] = bind_readonly(path);
	return 0;
}

static int list_for_user(struct list *list, const char *home)
{
	list->items[list->count++] = bind_readonly("/");
	for (size_t i = 0; i < array_length(scratch); i++)
		list->items[list->count++] = (struct plan_mount){.destination = scratch[i],
			.source = "tmpfs",
			.type = "tmpfs",
			.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
			.data = "mode=1777"};
	int r = is_his(home) ? add_overlay(list, home) : 0;
	return r < 0 ? r : add_here(list, home);
}

int run_host_mounts(const struct run_request *request, const char *home, struct arena *arena,
	struct plan_mount **ret_mounts, size_t *ret_count)
{
	struct list list = {.layer = request->layer,
		.arena = arena,
		.items = arena_new(arena, struct plan_mount, MOUNTS_MAX + 8)};
	int r = geteuid() == 0 ? list_for_root(&list) : list_for_user(&list, home);
	if (r < 0)
		return wrap(r, "@host");
	list.items[list.count++] = (struct plan_mount){.destination = "/run",
		.source = "tmpfs",
		.type = "tmpfs",
		.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.data = "mode=0755"};
	*ret_mounts = list.items;
	*ret_count = list.count;
	return 0;
}
