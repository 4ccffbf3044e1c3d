// SPDX-License-Identifier: Apache-2.0

/*
 * Which processes a container has, and what /proc says of each (proc(5)). Where control groups
 * count them, they say who belongs to it; without (an ordinary user on v1, no delegation) the pid
 * namespace does, and what descends from the first process.
 */

#include "verbs/container/processes.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "rungs/container/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILE_MAX = 1 << 20 };

/* ---- one process ----------------------------------------------------------------------- */

static char *read_file(int directory_fd, const char *name, struct arena *arena, size_t *ret_length)
{
	autofree char *bytes = NULL;
	size_t length;
	if (fs_read(directory_fd, name, FILE_MAX, &bytes, &length) < 0)
		return NULL;
	char *copy = arena_alloc(arena, length + 1);
	memcpy(copy, bytes, length);
	if (ret_length)
		*ret_length = length;
	return copy;
}

/* "123 (a name) with) S 1 …": the name ends at the last bracket. */
static bool read_stat(int directory_fd, struct arena *arena, struct process_view *view)
{
	char *text = read_file(directory_fd, "stat", arena, NULL);
	char *open = text ? strchr(text, '(') : NULL, *close = text ? strrchr(text, ')') : NULL;
	if (!open || !close)
		return false;
	*close = '\0';
	view->name = open + 1;
	int ppid, pgid, nice;
	unsigned tty;
	unsigned long long user, system, start, virtual_bytes, pages;
	if (sscanf(close + 2,
		    "%c %d %d %*d %u %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %d %*d %*d "
		    "%llu %llu %llu",
		    &view->state, &ppid, &pgid, &tty, &user, &system, &nice, &start, &virtual_bytes,
		    &pages) != 10)
		return false;
	view->ppid = ppid;
	view->pgid = pgid;
	view->tty = tty;
	view->nice = nice;
	view->user_ticks = user;
	view->system_ticks = system;
	view->start_ticks = start;
	view->virtual_bytes = virtual_bytes;
	view->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static const char *line_of(const char *text, const char *key)
{
	size_t length = strlen(key);
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, length) == 0 && at[length] == ':')
			return at + length + 1 + strspn(at + length + 1, "\t ");
	}
	return "";
}

/* The number at this level of nested pid namespaces; 0: it is not there. */
static pid_t at_level(const char *line, unsigned level)
{
	for (unsigned i = 0;; i++) {
		char *end;
		long number = strtol(line, &end, 10);
		if (end == line)
			return 0;
		if (i == level)
			return (pid_t)number;
		if (*end == '\n')
			return 0;
		line = end;
	}
}

static unsigned count_levels(const char *line)
{
	unsigned count = 0;
	while (at_level(line, count))
		count++;
	return count;
}

static void read_status(
	int directory_fd, unsigned level, struct arena *arena, struct process_view *view)
{
	static const char keys[][8] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
	const char *text = read_file(directory_fd, "status", arena, NULL);
	if (!text)
		return;
	(void)sscanf(line_of(text, "Uid"), "%u %u", &view->uid, &view->euid);
	(void)sscanf(line_of(text, "Gid"), "%u %u", &view->gid, &view->egid);
	for (size_t i = 0; i < array_length(keys); i++)
		view->capabilities[i] = strtoull(line_of(text, keys[i]), NULL, 16);
	view->seccomp = (unsigned)strtoul(line_of(text, "Seccomp"), NULL, 10);
	view->inner_pid = at_level(line_of(text, "NSpid"), level);
	view->inner_pgid = at_level(line_of(text, "NSpgid"), level);
	const char *groups = line_of(text, "Groups");
	view->groups = arena_strndup(arena, groups, strcspn(groups, "\n"));
}

static void read_arguments(int directory_fd, struct arena *arena, struct process_view *view)
{
	size_t length = 0;
	char *text = read_file(directory_fd, "cmdline", arena, &length);
	while (length && text[length - 1] == '\0')
		length--;
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = ' ';
	view->arguments = length ? text : arena_format(arena, "[%s]", view->name);
}

static bool read_process(pid_t pid, unsigned level, struct arena *arena, struct process_view *view)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*view = (struct process_view){.pid = pid, .groups = ""};
	if (fd < 0 || !read_stat(fd, arena, view))
		return false;
	read_status(fd, level, arena, view);
	read_arguments(fd, arena, view);
	return true;
}

/* ---- which ones --------------------------------------------------------------------------- */

static ino_t pid_namespace(pid_t pid)
{
	char path[48];
	struct stat about;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return stat(path, &about) == 0 ? about.st_ino : 0;
}

static pid_t parent_of(pid_t pid)
{
	autofini(arena_fini) struct arena arena = {};
	struct process_view view;
	return read_process(pid, 0, &arena, &view) ? view.ppid : 0;
}

/* Inside of a pid namespace of its own everything descends from its first process. */
static bool descends(pid_t pid, pid_t from)
{
	for (unsigned depth = 0; pid > 1 && depth < 64; depth++) {
		if (pid == from)
			return true;
		pid = parent_of(pid);
	}
	return false;
}

static int scan(pid_t first, struct arena *arena, pid_t **ret_pids, size_t *ret_count)
{
	ino_t theirs = pid_namespace(first);
	bool own = theirs && theirs != pid_namespace(getpid());
	DIR *stream = opendir("/proc");
	if (!stream)
		return fail(-errno, "open /proc");
	pid_t *pids = NULL;
	size_t count = 0, room = 0;
	const struct dirent *entry;
	while ((entry = readdir(stream))) {
		int64_t pid;
		if (parse_int64(entry->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		bool ours = own ? pid_namespace((pid_t)pid) == theirs : descends((pid_t)pid, first);
		if (!ours)
			continue;
		if (count == room) {
			pid_t *more = arena_new(arena, pid_t, room = 2 * room + 16);
			if (count)
				memcpy(more, pids, count * sizeof(*pids));
			pids = more;
		}
		pids[count++] = (pid_t)pid;
	}
	closedir(stream);
	*ret_pids = pids;
	*ret_count = count;
	return 0;
}

/* False where no control group counts the container's processes. */
static bool ask_cgroup(
	const struct instance *instance, struct arena *arena, pid_t **ret_pids, size_t *ret_count)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	bool known = container_load(instance->record_root, instance->id, &record) == 0 &&
		     record.cgroup.place_count > 0 && record.cgroup.manager != CGROUP_DISABLED &&
		     cgroup_pids(&record.cgroup, arena, ret_pids, ret_count) == 0;
	error_clear();
	for (size_t i = 0; known && i < *ret_count; i++)
		if ((*ret_pids)[i] == instance->state.pid)
			return true;
	return false;
}

int container_processes(const struct instance *instance, struct arena *arena,
	struct process_view **ret_processes, size_t *ret_count)
{
	pid_t first = instance->state.pid, *pids;
	size_t count, kept = 0;
	if (first <= 0)
		return refuse(-ESRCH, "container %s does not run", instance->name);
	int r = ask_cgroup(instance, arena, &pids, &count) ? 0 : scan(first, arena, &pids, &count);
	if (r < 0)
		return r;
	char path[48];
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)first);
	const char *status = read_file(AT_FDCWD, path, arena, NULL);
	unsigned levels = status ? count_levels(line_of(status, "NSpid")) : 1;
	struct process_view *views = arena_new(arena, struct process_view, count + 1);
	for (size_t i = 0; i < count; i++)
		if (read_process(pids[i], levels ? levels - 1 : 0, arena, &views[kept]))
			kept++;
	for (size_t i = 0; i < kept; i++)
		for (size_t n = 0; n < kept; n++)
			if (views[n].pid == views[i].ppid)
				views[i].inner_ppid = views[n].inner_pid;
	*ret_processes = views;
	*ret_count = kept;
	return 0;
}
