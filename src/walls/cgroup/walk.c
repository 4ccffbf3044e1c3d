// SPDX-License-Identifier: Apache-2.0

/*
 * The cgroups below ours, whoever made them: a container with a writable cgroup
 * tree may make thousands, thousands deep, to keep us from removing them. So the
 * walk keeps one descriptor and a list of names, not one frame and one
 * descriptor per level. It goes down by openat(O_NOFOLLOW) and up by "..", which in
 * cgroupfs cannot lead elsewhere: there are no links, and a cgroup is never
 * moved to another parent. It never goes above where it started, as it counts.
 *
 * Cgroups that vanish meanwhile are passed over.
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* Names still to be visited; a level's names lie behind those of the level above. */
struct agenda {
	struct text names;  /* NUL-terminated, one after the other */
	struct text starts; /* size_t for each level: where in names it begins */
	size_t depth;
};

static void agenda_fini(struct agenda *agenda)
{
	text_fini(&agenda->names);
	text_fini(&agenda->starts);
}

static void push_level(struct agenda *agenda)
{
	size_t start = agenda->names.length;
	text_add_bytes(&agenda->starts, &start, sizeof(start));
	agenda->depth++;
}

static void pop_level(struct agenda *agenda)
{
	agenda->depth--;
	agenda->starts.length -= sizeof(size_t);
}

static size_t level_start(const struct agenda *agenda)
{
	size_t start;
	memcpy(&start, agenda->starts.bytes + agenda->starts.length - sizeof(start), sizeof(start));
	return start;
}

/* The last name of the present level, taken off; false when the level is done. */
static bool pop_name(struct agenda *agenda, char *name, size_t size)
{
	size_t start = level_start(agenda);
	if (agenda->names.length == start)
		return false;
	size_t at = agenda->names.length - 1; /* at the NUL of the last name */
	while (at > start && agenda->names.bytes[at - 1] != '\0')
		at--;
	size_t length = agenda->names.length - 1 - at;
	if (length >= size)
		length = size - 1;
	memcpy(name, agenda->names.bytes + at, length);
	name[length] = '\0';
	agenda->names.length = at;
	return true;
}

static int list_children(int dir_fd, struct agenda *agenda)
{
	push_level(agenda);
	int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy < 0)
		return errno == ENOENT ? 0 : -errno;
	DIR *directory = fdopendir(copy);
	if (!directory) {
		int r = -errno;
		(void)close(copy);
		return r;
	}
	struct dirent *entry;
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && !text_equal(entry->d_name, ".") &&
			!text_equal(entry->d_name, ".."))
			text_add_bytes(&agenda->names, entry->d_name, strlen(entry->d_name) + 1);
	(void)closedir(directory);
	return 0;
}

static int open_child(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* left() is called with the parent's descriptor and the name, after the child was visited. */
typedef int leave_function(int parent_fd, const char *name);

static int walk(int top_fd, cgroup_visitor *visitor, void *context, leave_function *leave)
{
	autofini(agenda_fini) struct agenda agenda = {};
	autofini(agenda_fini) struct agenda trail = {}; /* the names that lead to where we are */
	autoclose int here = fcntl(top_fd, F_DUPFD_CLOEXEC, 3);
	if (here < 0)
		return fail(-errno, "walk cgroup");
	push_level(&trail);
	char name[NAME_MAX + 1];
	int r = list_children(here, &agenda);
	while (r >= 0) {
		if (pop_name(&agenda, name, sizeof(name))) {
			autoclose int child = open_child(here, name);
			if (child == -ENOENT || child == -ENODEV)
				continue;
			if (child < 0)
				return fail(child, "open cgroup \"%s\"", name);
			text_add_bytes(&trail.names, name, strlen(name) + 1);
			close_now(here);
			here = take_fd(child);
			r = list_children(here, &agenda);
			continue;
		}
		if (visitor)
			r = visitor(here, context);
		pop_level(&agenda);
		if (r < 0 || agenda.depth == 0)
			break;
		int parent = openat(here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0)
			return fail(-errno, "walk back from a cgroup");
		close_now(here);
		here = parent;
		if (pop_name(&trail, name, sizeof(name)) && leave)
			r = leave(here, name);
	}
	return r < 0 ? r : 0;
}

int cgroup_walk(int top_fd, cgroup_visitor *visitor, void *context)
{
	return walk(top_fd, visitor, context, NULL);
}

static int remove_child(int parent_fd, const char *name)
{
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return fail(-errno, "remove cgroup \"%s\"", name);
}

int cgroup_remove_below(int top_fd)
{
	return walk(top_fd, NULL, NULL, remove_child);
}
