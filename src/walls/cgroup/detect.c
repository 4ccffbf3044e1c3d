// SPDX-License-Identifier: Apache-2.0

/*
 * Which hierarchies there are, of those that somebody asks for.
 *
 * In: /sys/fs/cgroup, /proc/self/cgroup. Out: at most a dozen struct hierarchy.
 *
 * Everybody mounts cgroups at the same places, so the places are asked, not the
 * mount table: /proc/self/mountinfo grows with every container on the machine and reading it is
 * what makes other runtimes slower the more containers run. One statfs(2) tells a
 * pure v2 machine; else /proc/self/cgroup (one line per hierarchy) names the
 * controllers, and the directory is named after them. Only a hierarchy that
 * is not where it is expected costs a look at mountinfo, once.
 *
 * What can go wrong: no /sys at all (a chroot, a bare container): then there are
 * no hierarchies, and whether that is an error is decided by who needs one.
 */

#include "base/error.h"
#include "base/fs.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* A line of /proc/PID/cgroup is at most a path and some names. */
#define PROC_CGROUP_LIMIT (256UL * 1024)
#define MOUNTINFO_LIMIT (64UL * 1024 * 1024)

bool controllers_hold(const char *list, const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || list[0] == '\0')
		return length == 0 && list[0] == '\0';
	for (const char *item = list; item; item = strchr(item, ',')) {
		item += *item == ',';
		if (strncmp(item, name, length) == 0 &&
			(item[length] == ',' || item[length] == '\0'))
			return true;
	}
	return false;
}

bool words_hold(const char *text, const char *word)
{
	size_t length = strlen(word);
	for (const char *item = text; *item;) {
		size_t skip = strspn(item, " \n"), size = strcspn(item + skip, " \n");
		if (size == length && strncmp(item + skip, word, length) == 0)
			return true;
		item += skip + size;
	}
	return false;
}

bool hierarchy_serves(const char *controllers, unsigned mask)
{
	for (unsigned c = 0; c < CONTROLLER_COUNT; c++)
		if (mask & CONTROLLER_BIT(c) && controller_facts[c].v1_name &&
			controllers_hold(controllers, controller_facts[c].v1_name))
			return true;
	return false;
}

const struct hierarchy *hierarchy_with(const struct hierarchies *found, const char *controller)
{
	for (size_t i = 0; i < found->count; i++)
		if (controllers_hold(found->items[i].controllers, controller))
			return &found->items[i];
	return NULL;
}

static bool is_mount_of(const char *path, unsigned long magic)
{
	struct statfs about;
	return statfs(path, &about) == 0 && (unsigned long)about.f_type == magic;
}

static unsigned long magic_of(const char *controllers)
{
	return controllers[0] ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC;
}

/* Splits "4:memory:/path" in place. cgroups(7): a path may hold colons, the rest may not. */
static bool split_line(char *line, char **ret_controllers, char **ret_path)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path || path[1] != '/')
		return false;
	*path = '\0';
	*ret_controllers = controllers + 1;
	*ret_path = path + 1;
	return true;
}

const char *process_cgroup_path(const char *pid, const char *controller, struct arena *arena)
{
	char file[64];
	snprintf(file, sizeof(file), "/proc/%s/cgroup", pid);
	autofree char *lines = NULL;
	if (fs_read(AT_FDCWD, file, PROC_CGROUP_LIMIT, &lines, NULL) < 0)
		return NULL;
	char *controllers, *path, *rest = lines;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (split_line(line, &controllers, &path) &&
			controllers_hold(controllers, controller))
			return arena_strdup(arena, path);
	return NULL;
}

/*
 * The next blank separated field of a mountinfo line. Octal escapes (\040) stay: a
 * cgroup mounted at a path with blanks in it is then simply not found.
 */
static char *next_field(char **rest)
{
	return strsep(rest, " ");
}

/* proc_pid_mountinfo(5): "36 35 98:0 /root /mount/point options … - type source superoptions" */
static bool mountinfo_line(
	char *line, const char *controllers, const char **ret_root, const char **ret_mount_point)
{
	char *separator = strstr(line, " - ");
	if (!separator)
		return false;
	*separator = '\0';
	char *tail = separator + 3;
	const char *type = next_field(&tail);
	(void)next_field(&tail);
	const char *options = tail ? tail : "";
	bool matches;
	if (controllers[0] == '\0') {
		matches = text_equal(type, "cgroup2");
	} else {
		char first[64];
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(controllers, ","), controllers);
		matches = text_equal(type, "cgroup") && controllers_hold(options, first);
	}
	if (!matches)
		return false;
	for (int i = 0; i < 3; i++)
		(void)next_field(&line);
	*ret_root = line ? next_field(&line) : NULL;
	*ret_mount_point = line ? next_field(&line) : NULL;
	return *ret_root && *ret_mount_point;
}

static const char *find_in_mountinfo(const char *controllers, struct arena *arena)
{
	autofree char *lines = NULL;
	if (fs_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, &lines, NULL) < 0)
		return NULL;
	const char *root, *mount_point;
	char *rest = lines;
	for (char *line; (line = strsep(&rest, "\n"));)
		/* Asked once more, as another mount may cover what the line tells of. */
		if (mountinfo_line(line, controllers, &root, &mount_point) &&
			is_mount_of(mount_point, magic_of(controllers)))
			return arena_strdup(arena, mount_point);
	return NULL;
}

/* "cpu,cpuacct" is mounted there, or at its mirror image; "name=systemd" at "systemd". */
static const char *find_mount(const char *controllers, struct arena *arena)
{
	const char *name = controllers;
	if (controllers[0] == '\0')
		name = "unified";
	else if (text_starts(controllers, "name="))
		name = controllers + strlen("name=");

	unsigned long magic = magic_of(controllers);
	const char *path = arena_format(arena, CGROUP_ROOT "/%s", name);
	if (is_mount_of(path, magic))
		return path;
	const char *comma = strchr(controllers, ',');
	if (comma && !strchr(comma + 1, ',')) {
		path = arena_format(arena, CGROUP_ROOT "/%s,%.*s", comma + 1,
			(int)(comma - controllers), controllers);
		if (is_mount_of(path, magic))
			return path;
	}
	return NULL;
}

/*
 * Inside of a container without a cgroup namespace the mount shows only the
 * container's part of the tree, while /proc/self/cgroup tells the whole path:
 * then what the mount shows as its root is where we are.
 */
static const char *own_path_below(const char *mount_point, const char *path, struct arena *arena)
{
	if (text_equal(path, "/") || text_starts(path, "/../"))
		return "/";
	const char *whole = arena_format(arena, "%s%s", mount_point, path);
	return access(whole, F_OK) == 0 ? arena_strdup(arena, path) : "/";
}

int cgroup_detect(unsigned wanted, struct arena *arena, struct hierarchies *ret_found)
{
	struct hierarchies found = {.only_v2 = is_mount_of(CGROUP_ROOT, CGROUP2_SUPER_MAGIC)};
	autofree char *lines = NULL;
	int r = fs_read(AT_FDCWD, "/proc/self/cgroup", PROC_CGROUP_LIMIT, &lines, NULL);
	if (r == -ENOENT) { /* a kernel without cgroups, or no /proc */
		*ret_found = found;
		return 0;
	}
	if (r < 0)
		return fail(r, "read /proc/self/cgroup");

	bool looked_everywhere = false, has_v1 = false;
	char *controllers, *path, *rest = lines;
	for (char *line; (line = strsep(&rest, "\n")) && found.count < HIERARCHIES_MAX;) {
		if (!split_line(line, &controllers, &path))
			continue;
		bool v2 = controllers[0] == '\0';
		has_v1 |= !v2;
		if (!v2 && (found.only_v2 || (wanted != EVERY_HIERARCHY &&
						     !hierarchy_serves(controllers, wanted))))
			continue;
		const char *mount_point =
			found.only_v2 ? CGROUP_ROOT : find_mount(controllers, arena);
		/* A v2 tree that is not mounted is the usual thing on a v1 machine. */
		if (!mount_point && !(v2 && has_v1) && !looked_everywhere) {
			mount_point = find_in_mountinfo(controllers, arena);
			looked_everywhere = !mount_point;
		}
		if (!mount_point)
			continue;
		found.items[found.count++] = (struct hierarchy){
			.controllers = arena_strdup(arena, controllers),
			.mount_point = mount_point,
			.own_path = own_path_below(mount_point, path, arena),
		};
	}
	*ret_found = found;
	return 0;
}
