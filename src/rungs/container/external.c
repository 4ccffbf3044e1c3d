// SPDX-License-Identifier: Apache-2.0

/*
 * In: a plan, and what the kernel says of a container's mounts. Out: what criu is told of them.
 *
 * The kernel's list (mountinfo) decides and not the plan alone: a recursive bind brings mounts that
 * the plan does not name, links in the image lead elsewhere, and an ordinary user's container has
 * binds where the plan has devices. The plan says what each is: the longest destination that a
 * mount lies at or below.
 */

#include "rungs/container/external.h"

#include "base/error.h"
#include "base/fs.h"
#include "rungs/container/criu.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#define MOUNTINFO_MAX (16u << 20)

/* ---- what is mounted (proc_pid_mountinfo(5)) -------------------------------------------- */

struct mounted {
	unsigned id, major, minor;
	char *point, *type;
};

struct mounted_list {
	struct mounted *items;
	size_t count;
};

/* "\040" and the like, in place. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; to++) {
		unsigned code;
		if (from[0] == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
			*to = (char)code;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool read_line(char *line, struct mounted *ret_mounted)
{
	enum { ID, PARENT, DEVICE, ROOT, POINT, COUNT };
	char *fields[COUNT];
	for (int i = 0; i < COUNT; i++)
		if (!line || !(fields[i] = strsep(&line, " ")))
			return false;
	char *type = line ? strstr(line, " - ") : NULL;
	if (!type)
		return false;
	type += strlen(" - ");
	type[strcspn(type, " ")] = '\0';
	struct mounted mounted = {.point = fields[POINT], .type = type};
	if (sscanf(fields[ID], "%u", &mounted.id) != 1 ||
		sscanf(fields[DEVICE], "%u:%u", &mounted.major, &mounted.minor) != 2)
		return false;
	unescape(mounted.point);
	*ret_mounted = mounted;
	return true;
}

static int list_mounts(const char *process, struct arena *arena, struct mounted_list *ret_list)
{
	const char *path = arena_format(arena, "/proc/%s/mountinfo", process);
	autofree char *bytes = NULL;
	int r = fs_read(AT_FDCWD, path, MOUNTINFO_MAX, &bytes, NULL);
	if (r < 0)
		return fail(r, "read %s", path);
	size_t lines = 0;
	for (const char *c = bytes; *c; c++)
		lines += *c == '\n';
	struct mounted_list list = {.items = arena_new(arena, struct mounted, lines + 1)};
	char *rest = arena_strdup(arena, bytes), *line;
	while ((line = strsep(&rest, "\n")))
		if (read_line(line, &list.items[list.count]))
			list.count++;
	*ret_list = list;
	return 0;
}

static bool has_device(const struct mounted_list *list, const struct mounted *mounted)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].major == mounted->major &&
			list->items[i].minor == mounted->minor)
			return true;
	return false;
}

int external_sees_mount(pid_t pid, unsigned id)
{
	autofini(arena_fini) struct arena arena = {};
	struct mounted_list list;
	int r = list_mounts(arena_format(&arena, "%d", (int)pid), &arena, &list);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i].id == id)
			return 1;
	return 0;
}

/* ---- which mount of the plan it is -------------------------------------------------------- */

/** The way from @above down to @path: "", "/sub"; NULL if it is not there or below. */
static const char *way_down(const char *above, const char *path)
{
	size_t length = strlen(above);
	while (length && above[length - 1] == '/')
		length--;
	if (strncmp(above, path, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	return path + length;
}

/* Where a destination really is: links in the image are followed inside of it. */
static const char *real_place(int root_fd, const char *destination, struct arena *arena)
{
	char place[PATH_MAX];
	autoclose int fd = fs_open_in(root_fd, destination, O_PATH, 0);
	ssize_t length = fd < 0 ? -1 : readlink(fd_path(fd).text, place, sizeof(place) - 1);
	if (length <= 0) {
		error_clear();
		return destination;
	}
	return arena_strndup(arena, place, (size_t)length);
}

struct search {
	struct arena arena;
	const struct plan *plan;
	int root_fd;         /* of the container */
	const char **places; /* per mount of the plan; NULL: a remount */
	struct mounted_list here, there;
};

static void search_fini(struct search *search)
{
	close_now(search->root_fd);
	arena_fini(&search->arena);
}

static const struct plan_mount *find_planned(
	const struct search *search, const char *point, const char **ret_way)
{
	const struct plan_mount *found = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < search->plan->mount_count; i++) {
		const char *place = search->places[i];
		const char *way = place ? way_down(place, point) : NULL;
		if (!way || strlen(place) < longest)
			continue;
		longest = strlen(place);
		found = &search->plan->mounts[i];
		*ret_way = way;
	}
	return found;
}

static bool is_cgroup(const struct mounted *mounted)
{
	return text_equal(mounted->type, "cgroup") || text_equal(mounted->type, "cgroup2");
}

/* Covers of masked files and devices of an ordinary user's container; NULL if it is neither. */
static const char *node_name(const struct search *search, const struct mounted *mounted)
{
	struct stat about;
	autoclose int fd = fs_open_in(search->root_fd, mounted->point, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &about) < 0) {
		error_clear();
		return NULL;
	}
	if (!S_ISCHR(about.st_mode) && !S_ISBLK(about.st_mode))
		return NULL;
	bool null = S_ISCHR(about.st_mode) && about.st_rdev == makedev(1, 3);
	return null ? "/dev/null" : mounted->point;
}

/** The name of a mount from outside; NULL: criu makes it anew by itself. */
static const char *external_name(struct search *search, const struct mounted *mounted)
{
	const struct plan *plan = search->plan;
	const char *way = mounted->point;
	const struct plan_mount *planned = find_planned(search, mounted->point, &way);
	bool ours = has_device(&search->here, mounted), top = way[0] == '\0';
	if (planned && !top && ours) {
		const char *node = node_name(search, mounted);
		if (node)
			return node;
	}
	bool bound =
		planned &&
		(planned->bind || (is_cgroup(mounted) && !plan->namespaces[PLAN_NS_CGROUP].wanted));
	if (bound && (top || ours))
		return arena_format(&search->arena, "%s%s", planned->destination, way);
	return ours && !planned ? mounted->point : NULL;
}

static int open_container(const struct container_record *record, struct search *search)
{
	const char *root = arena_format(&search->arena, "/proc/%d/root", (int)record->init.pid);
	search->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (search->root_fd < 0)
		return fail(-errno, "open %s", root);
	const struct plan *plan = search->plan;
	search->places = arena_new(&search->arena, const char *, plan->mount_count + 1);
	for (size_t i = 0; i < plan->mount_count; i++)
		if (!plan->mounts[i].remount)
			search->places[i] = real_place(
				search->root_fd, plan->mounts[i].destination, &search->arena);
	int r = list_mounts("self", &search->arena, &search->here);
	if (r < 0)
		return r;
	return list_mounts(arena_format(&search->arena, "%d", (int)record->init.pid),
		&search->arena, &search->there);
}

int external_find(
	const struct container_record *record, const struct plan *plan, struct text *options)
{
	autofini(search_fini) struct search search = {.plan = plan, .root_fd = -1};
	int r = open_container(record, &search);
	for (size_t i = 0; r == 0 && i < search.there.count; i++) {
		const struct mounted *mounted = &search.there.items[i];
		if (text_equal(mounted->point, "/"))
			continue;
		const char *name = external_name(&search, mounted);
		if (name)
			criu_put_text(options, CRIU_EXTERNAL,
				arena_format(&search.arena, "mnt[%s]:%s", mounted->point, name));
	}
	return r;
}

/* ---- restore ------------------------------------------------------------------------------- */

static void put_source(
	struct arena *arena, const char *name, const char *source, struct text *options)
{
	criu_put_text(options, CRIU_EXTERNAL, arena_format(arena, "mnt[%s]:%s", name, source));
}

/* A place of the host with all that is mounted below it. */
static void put_tree(
	struct search *search, const char *name, const char *source, bool top, struct text *options)
{
	autofree char *real = realpath(source, NULL);
	const char *below = real ? real : source; /* criu says that it is not there */
	if (top)
		put_source(&search->arena, name, below, options);
	for (size_t i = 0; i < search->here.count; i++) {
		const char *point = search->here.items[i].point, *way = way_down(below, point);
		if (way && way[0])
			put_source(&search->arena, arena_format(&search->arena, "%s%s", name, way),
				point, options);
	}
}

static void put_cgroups(struct search *search, const struct plan_mount *mount,
	const struct cgroup_location *location, struct text *options)
{
	for (size_t i = 0; i < location->place_count; i++) {
		const struct cgroup_place *place = &location->places[i];
		const char *source =
			arena_format(&search->arena, "%s%s", place->mount_point, place->path);
		const char *slash = strrchr(place->mount_point, '/');
		put_source(&search->arena,
			arena_format(&search->arena, "%s%s", mount->destination, slash), source,
			options);
		if (location->place_count == 1)
			put_source(&search->arena, mount->destination, source, options);
	}
}

int external_map(
	const struct container_record *record, const struct plan *plan, struct text *options)
{
	autofini(search_fini) struct search search = {.plan = plan, .root_fd = -1};
	struct arena *arena = &search.arena;
	int r = list_mounts("self", arena, &search.here);
	if (r < 0)
		return r;
	put_tree(&search, "", plan->root_path, false, options);
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct plan_mount *mount = &plan->mounts[i];
		const char *source = mount->source;
		bool cgroup = mount->type && text_starts(mount->type, "cgroup");
		if (mount->bind && !mount->remount && source)
			put_tree(&search, mount->destination,
				source[0] == '/'
					? source
					: arena_format(arena, "%s/%s", record->bundle, source),
				true, options);
		else if (cgroup && !plan->namespaces[PLAN_NS_CGROUP].wanted)
			put_cgroups(&search, mount, &record->cgroup, options);
	}
	static const char *const nodes[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};
	for (size_t i = 0; i < array_length(nodes); i++)
		put_source(arena, nodes[i], nodes[i], options);
	for (size_t i = 0; i < plan->device_count; i++)
		put_source(arena, plan->devices[i].path, plan->devices[i].path, options);
	return 0;
}

static bool lies_on_another(const struct plan *plan, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (way_down(plan->mounts[i].destination, plan->mounts[index].destination))
			return true;
	return false;
}

int external_make_places(const struct plan *plan)
{
	autoclose int root_fd = open(plan->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return fail(-errno, "open root %s", plan->root_path);
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct plan_mount *mount = &plan->mounts[i];
		struct stat about;
		if (mount->remount || lies_on_another(plan, i))
			continue;
		autoclose int there = fs_open_in(root_fd, mount->destination, O_PATH, 0);
		if (there >= 0)
			continue;
		error_clear();
		bool file = mount->bind && mount->source && stat(mount->source, &about) == 0 &&
			    !S_ISDIR(about.st_mode);
		autoclose int made = file ? fs_make_file_in(root_fd, mount->destination, 0644)
					  : fs_make_dirs_in(root_fd, mount->destination, 0755);
		if (made < 0)
			return wrap(made, "mount %s", mount->destination);
	}
	return 0;
}
