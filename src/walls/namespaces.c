// SPDX-License-Identifier: Apache-2.0

/*
 * In: the plan's namespaces and id maps. Out: handles to join, flags to clone with, maps
 * written. What goes wrong here is nearly always a permission, so each error names the file
 * or the command that can grant it.
 */

#include "walls/namespaces.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>

void namespace_handles_fini(struct namespace_handles *handles)
{
	for (int kind = 0; kind < PLAN_NS_COUNT; kind++)
		close_now(handles->fds[kind]);
}

static int open_one(enum plan_namespace kind, const char *path, int *ret_fd)
{
	const struct plan_namespace_facts *facts = &plan_namespace_facts[kind];
	/* Whatever the path names must neither hold us (a FIFO) nor get an ioctl not meant for it.
	 */
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(-errno, "open %s namespace %s", facts->oci_name, path);
	struct statfs about;
	bool namespace = fstatfs(fd, &about) == 0 && about.f_type == NSFS_MAGIC;
	int type = namespace ? ioctl(fd, NS_GET_NSTYPE) : -1;
	if (type < 0)
		return refuse(-EINVAL, "%s is not a namespace", path);
	if ((unsigned)type != facts->clone_flag)
		return refuse(-EINVAL, "%s is not a %s namespace", path, facts->oci_name);
	*ret_fd = take_fd(fd);
	return 0;
}

int namespaces_open(const struct plan *plan, struct namespace_handles *ret_handles)
{
	autofini(namespace_handles_fini) struct namespace_handles handles;
	for (int kind = 0; kind < PLAN_NS_COUNT; kind++)
		handles.fds[kind] = -1;
	for (int kind = 0; kind < PLAN_NS_COUNT; kind++) {
		const char *path = plan->namespaces[kind].path;
		if (!plan->namespaces[kind].wanted || !path)
			continue;
		int r = open_one((enum plan_namespace)kind, path, &handles.fds[kind]);
		if (r < 0)
			return r;
	}
	*ret_handles = handles;
	for (int kind = 0; kind < PLAN_NS_COUNT; kind++)
		handles.fds[kind] = -1;
	return 0;
}

unsigned namespaces_new_flags(const struct plan *plan)
{
	unsigned flags = 0;
	for (int kind = 0; kind < PLAN_NS_COUNT; kind++)
		if (plan_new_namespace(plan, (enum plan_namespace)kind))
			flags |= plan_namespace_facts[kind].clone_flag;
	return flags;
}

int namespaces_join(const struct namespace_handles *handles, enum plan_namespace kind)
{
	int fd = handles->fds[kind];
	if (fd < 0)
		return 0;
	if (setns(fd, (int)plan_namespace_facts[kind].clone_flag) < 0)
		return fail(-errno, "join the %s namespace", plan_namespace_facts[kind].oci_name);
	return 0;
}

/* ---- identity maps -------------------------------------------------------- */

static void format_map(const struct plan_id_maps *maps, struct text *out)
{
	for (size_t i = 0; i < maps->count; i++)
		text_format(out, "%u %u %u\n", maps->items[i].container_id, maps->items[i].host_id,
			maps->items[i].size);
}

static int write_proc(pid_t pid, const char *name, const char *value)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fs_write_existing(AT_FDCWD, path, value);
}

static const char *find_helper(const char *name, struct arena *arena)
{
	static const char *const places[] = {"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin"};
	for (size_t i = 0; i < array_length(places); i++) {
		const char *path = arena_format(arena, "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

static int helper_refused(const char *helper, struct text *words)
{
	char *line = words->bytes;
	if (line)
		line[strcspn(line, "\n")] = '\0';
	int r = refuse(-EPERM, "%s", line && *line ? line : helper);
	hint("the ranges must be granted to this user in /etc/sub%s",
		helper && text_equal(helper, "newuidmap") ? "uid" : "gid");
	return r;
}

/* newuidmap or newgidmap at work. */
struct map_helper {
	const char *name;
	struct process_child child;
};
#define MAP_HELPER_TIMEOUT_MS 10000

static int start_map_helper(
	const char *name, pid_t pid, const struct plan_id_maps *maps, struct map_helper *ret_helper)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text unused = {};
	const char **arguments = arena_new(&arena, const char *, 3 + 3 * maps->count);
	size_t n = 0;
	arguments[n++] = name;
	arguments[n++] = arena_format(&arena, "%d", (int)pid);
	for (size_t i = 0; i < maps->count; i++) {
		arguments[n++] = arena_format(&arena, "%u", maps->items[i].container_id);
		arguments[n++] = arena_format(&arena, "%u", maps->items[i].host_id);
		arguments[n++] = arena_format(&arena, "%u", maps->items[i].size);
	}
	const struct process_spawn spawn = {.program = find_helper(name, &arena),
		.arguments = arguments,
		.output = &unused}; /* wanted: we read it ourselves */
	if (!spawn.program) {
		int r = refuse(-ENOENT, "%s is not installed", name);
		hint("install the package uidmap, or map only your own id");
		return r;
	}
	struct map_helper helper = {.name = name};
	int r = process_start(&spawn, &helper.child);
	if (r == 0)
		*ret_helper = helper;
	return r;
}

/* It checks /etc/subuid itself; its own words are the best explanation. */
static int end_map_helper(struct map_helper *helper)
{
	autoclose int pidfd = helper->child.pidfd, output_fd = helper->child.output_fd;
	autofini(text_fini) struct text words = {};
	int status = 0, late = process_wait_pidfd(pidfd, MAP_HELPER_TIMEOUT_MS);
	if (late < 0)
		(void)kernel_pidfd_send_signal(pidfd, SIGKILL);
	int r = process_reap(pidfd, &status);
	if (late < 0 || r < 0)
		return fail(late < 0 ? late : r, "wait for %s", helper->name);
	if (process_exit_code(status) == 0)
		return 0;
	char said[1024]; /* all of it is in the pipe by now */
	ssize_t length = read(output_fd, said, sizeof(said));
	text_add_bytes(&words, said, length > 0 ? (size_t)length : 0);
	return helper_refused(helper->name, &words);
}

static void cancel_map_helper(struct map_helper *helper)
{
	int status;
	(void)kernel_pidfd_send_signal(helper->child.pidfd, SIGKILL);
	(void)!process_reap(helper->child.pidfd, &status);
	close_now(helper->child.pidfd);
	close_now(helper->child.output_fd);
}

static int write_map(
	pid_t pid, const char *file, const char *helper, const struct plan_id_maps *maps)
{
	autofini(text_fini) struct text map = {};
	format_map(maps, &map);
	int r = write_proc(pid, file, text_get(&map));
	if (r == -EPERM && geteuid() != 0) {
		struct map_helper at_work = {};
		r = start_map_helper(helper, pid, maps, &at_work);
		return r < 0 ? r : end_map_helper(&at_work);
	}
	if (r < 0)
		return fail(r, "write %s of %d", file, (int)pid);
	return 0;
}

/* Both helpers at once: each takes longer to be loaded than to do its work. */
static int run_map_helpers(
	pid_t pid, const struct plan_id_maps *uids, const struct plan_id_maps *gids)
{
	struct map_helper groups = {};
	int r = start_map_helper("newgidmap", pid, gids, &groups);
	if (r < 0)
		return r;
	r = write_map(pid, "uid_map", "newuidmap", uids);
	if (r == 0)
		return end_map_helper(&groups);
	cancel_map_helper(&groups);
	return r;
}

/*
 * An ordinary user's own gid can be mapped without a helper only where setgroups(2) is denied
 * first; newgidmap(1) needs it allowed. So try the plain way only for a single entry.
 */
int userns_write_maps(pid_t pid, const struct plan_id_maps *uids, const struct plan_id_maps *gids)
{
	bool own_only = geteuid() != 0 && gids->count == 1 && gids->items[0].size == 1 &&
			gids->items[0].host_id == getegid();
	if (geteuid() != 0 && !own_only)
		return run_map_helpers(pid, uids, gids);
	int r = write_map(pid, "uid_map", "newuidmap", uids);
	if (r < 0)
		return r;
	if (own_only) {
		r = write_proc(pid, "setgroups", "deny");
		if (r < 0 && r != -ENOENT)
			return fail(r, "write setgroups of %d", (int)pid);
	}
	return write_map(pid, "gid_map", "newgidmap", gids);
}

/* Until its parent lets go of the pipe, or is killed: nothing else would ever end it. */
[[gnu::noreturn]] static void hold_namespace(const int ends[2])
{
	char byte;
	(void)close(ends[1]);
	_exit(read(ends[0], &byte, 1) != 0);
}

int userns_open(const struct plan_id_maps *uids, const struct plan_id_maps *gids)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(-errno, "create a pipe");
	autoclose int its_end = ends[0], our_end = ends[1];
	struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t pid = kernel_clone3(&arguments);
	if (pid < 0)
		return fail(pid, "create a user namespace for an idmapped mount");
	if (pid == 0)
		hold_namespace((const int[]){its_end, our_end});

	int r = userns_write_maps(pid, uids, gids);
	int fd = -1;
	if (r == 0) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = fail(-errno, "open %s", path);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return r < 0 ? r : fd;
}

/* ---- time ----------------------------------------------------------------- */

static void format_offset(
	struct text *out, const char *clock, const struct plan_time_offset *offset)
{
	if (offset->given)
		text_format(out, "%s %lld %u\n", clock, (long long)offset->seconds,
			offset->nanoseconds);
}

int timens_write_offsets(const struct plan *plan)
{
	autofini(text_fini) struct text offsets = {};
	format_offset(&offsets, "monotonic", &plan->monotonic_offset);
	format_offset(&offsets, "boottime", &plan->boottime_offset);
	if (offsets.length == 0)
		return 0;
	int r = fs_write_existing(AT_FDCWD, "/proc/self/timens_offsets", text_get(&offsets));
	return r < 0 ? fail(r, "write /proc/self/timens_offsets") : 0;
}
