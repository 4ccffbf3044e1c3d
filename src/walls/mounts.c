// SPDX-License-Identifier: Apache-2.0

/*
 * In: one struct plan_mount. Out: that mount below the new root.
 *
 * Each mount has two halves, make (detached) and attach, because they may have to happen in
 * different processes: a bind whose source only the host's root can reach is made before the
 * container's user namespace is entered and attached inside it.
 *
 * What goes wrong: the destination is a link, a magic link or below somebody's procfs (refused:
 * CVE-2021-30465, CVE-2019-19921, CVE-2023-27561); flags of the source mount that are locked in a
 * user namespace cannot be taken off (kept, as the user cannot have them otherwise); a file
 * system that refuses an option (the kernel's words are told).
 */

#include "walls/mounts.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/log.h"
#include "walls/namespaces.h"
#include "walls/overlay.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

/* ---- new file systems ----------------------------------------------------- */

/* The kernel writes "e tmpfs: Bad value for 'size'" into the context's log. */
static int configuration_failed(int r, int context_fd, const char *type, const char *key)
{
	char words[256];
	ssize_t n = read(context_fd, words, sizeof(words) - 1);
	if (n > 2) {
		words[n] = '\0';
		words[strcspn(words, "\n")] = '\0';
		return fail(r, "%s: %s", type, words + 2);
	}
	return key ? fail(r, "%s option %s", type, key) : fail(r, "mount %s", type);
}

/* Splits "a=b,c,context=\"x,y\"" at commas outside of quotes, in place. */
static char *next_option(char **rest)
{
	char *option = *rest;
	if (!option || !*option)
		return NULL;
	bool quoted = false;
	char *c = option;
	for (; *c && (quoted || *c != ','); c++)
		if (*c == '"')
			quoted = !quoted;
	*rest = *c ? c + 1 : NULL;
	*c = '\0';
	return option;
}

static void strip_quotes(char *value)
{
	size_t length = strlen(value);
	if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
		memmove(value, value + 1, length - 2);
		value[length - 2] = '\0';
	}
}

static int configure(int context_fd, const char *type, const char *data)
{
	/* Hardly ever too long; and musl maps fresh pages for what it allocates. */
	char small[256];
	size_t size = strlen(data) + 1;
	autofree char *large = size > sizeof(small) ? malloc(size) : NULL;
	if (size > sizeof(small) && !large)
		return fail(-ENOMEM, "mount %s", type);
	char *rest = memcpy(large ? large : small, data, size), *option;
	while ((option = next_option(&rest))) {
		if (!*option)
			continue;
		char *value = strchr(option, '=');
		int r;
		if (value) {
			*value++ = '\0';
			strip_quotes(value);
			r = kernel_fsconfig(context_fd, FSCONFIG_SET_STRING, option, value, 0);
		} else {
			r = kernel_fsconfig(context_fd, FSCONFIG_SET_FLAG, option, NULL, 0);
		}
		if (r < 0)
			return configuration_failed(r, context_fd, type, option);
	}
	return 0;
}

int mount_new_filesystem(
	const char *type, const char *source, const char *data, unsigned attributes)
{
	autoclose int context = kernel_fsopen(type, FSOPEN_CLOEXEC);
	if (context < 0)
		return fail(context, "file system type %s", type);
	int r = 0;
	if (!text_empty(source))
		r = kernel_fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0);
	if (r < 0)
		return configuration_failed(r, context, type, "source");
	if (!text_empty(data))
		r = configure(context, type, data);
	if (r < 0)
		return r;
	r = kernel_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return configuration_failed(r, context, type, NULL);
	int fd = kernel_fsmount(context, FSMOUNT_CLOEXEC, attributes);
	return fd < 0 ? configuration_failed(fd, context, type, NULL) : fd;
}

/*
 * proc and sysfs cannot be made anew where the user namespace's own view of them is partly
 * hidden (mount_too_revealing() in fs/namespace.c), typically inside another container.
 */
static int explain_hidden(int r, const char *type)
{
	if (r != -EPERM || (!text_equal(type, "proc") && !text_equal(type, "sysfs")))
		return r;
	hint("inside another container its engine hides parts of /%s: run the outer one with "
	     "--security-opt unmask=ALL, or bind-mount /%s instead",
		type[0] == 'p' ? "proc" : "sys", type[0] == 'p' ? "proc" : "sys");
	return r;
}

static bool gid_option_refused(int r, const char *data)
{
	return r == -EINVAL && data && strstr(data, "gid=");
}

/* devpts and tmpfs refuse gid=5 where that group is not mapped; the default group will do. */
static char *without_gid(const char *data)
{
	char *copy = strdup(data);
	char *start = copy ? strstr(copy, "gid=") : NULL;
	if (!start)
		return copy;
	char *end = start + strcspn(start, ",");
	if (*end == ',')
		end++;
	memmove(start, end, strlen(end) + 1);
	return copy;
}

static int open_filesystem(const struct plan_mount *mount, const struct mount_room *room)
{
	autofini(text_fini) struct text labelled = {};
	const char *data = mount->data ? mount->data : "";
	if (room->mount_label && !text_equal(mount->type, "proc") &&
		!text_equal(mount->type, "sysfs") && !text_starts(mount->type, "cgroup")) {
		text_format(
			&labelled, "%s%scontext=\"%s\"", data, *data ? "," : "", room->mount_label);
		data = text_get(&labelled);
	}

	/* Copy-up writes first; mount_attach() sets the attributes afterwards. */
	unsigned attributes =
		mount->tmpcopyup ? 0
				 : (unsigned)((mount->attributes_set & ~mount->recursive_clear) |
					      mount->recursive_set);
	int fd = mount_new_filesystem(mount->type, mount->source, data, attributes);
	if (room->user_namespace && gid_option_refused(fd, mount->data)) {
		autofree char *fewer = without_gid(data);
		if (!fewer)
			return fail(-ENOMEM, "mount %s", mount->type);
		step("%s: the group of \"%s\" is not mapped, mounting without it",
			mount->destination, mount->data);
		error_clear();
		fd = mount_new_filesystem(mount->type, mount->source, fewer, attributes);
	}
	return fd < 0 ? explain_hidden(fd, mount->type) : fd;
}

/* ---- binds and attributes -------------------------------------------------- */

static int set_attributes(int fd, uint64_t set, uint64_t clear, unsigned flags)
{
	if (!set && !clear)
		return 0;
	struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
	int r = kernel_mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attributes);
	/* Locked flags of the source stay; asking for less than the source has is then moot. */
	if (r == -EPERM && clear) {
		attributes.attr_clr = set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0;
		if (!attributes.attr_set)
			return 0;
		r = kernel_mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attributes);
	}
	return r;
}

static int apply_attributes(const struct plan_mount *mount, int fd)
{
	int r = set_attributes(fd, mount->attributes_set, mount->attributes_clear, 0);
	if (r == 0)
		r = set_attributes(fd, mount->recursive_set, mount->recursive_clear, AT_RECURSIVE);
	return r < 0 ? fail(r, "set mount attributes of %s", mount->destination) : 0;
}

static int apply_idmap(const struct plan *plan, const struct plan_mount *mount, int fd)
{
	if (!mount->idmap && !mount->idmap_recursive)
		return 0;
	const struct plan_id_maps *uids =
		mount->uid_maps.count ? &mount->uid_maps : &plan->uid_maps;
	const struct plan_id_maps *gids =
		mount->gid_maps.count ? &mount->gid_maps : &plan->gid_maps;
	if (!uids->count || !gids->count)
		return refuse(-EINVAL,
			"idmapped mount at %s: neither it nor the container has id mappings",
			mount->destination);
	autoclose int userns = userns_open(uids, gids);
	if (userns < 0)
		return userns;
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
	unsigned recursive = mount->idmap_recursive ? AT_RECURSIVE : 0;
	int r = kernel_mount_setattr(fd, "", AT_EMPTY_PATH | recursive, &attributes);
	if (r < 0) {
		r = fail(r, "idmapped mount at %s", mount->destination);
		hint("the file system of %s may not support idmapped mounts, or this user may not "
		     "make them",
			mount->source);
	}
	return r;
}

/* A part of a tree that strangers write to: looked up inside it, once. */
static int open_part(const struct plan_mount *mount)
{
	autoclose int top = open(mount->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return fail(-errno, "bind source %s", mount->source);
	autoclose int part = fs_open_in(top, mount->source_below, O_PATH, 0);
	if (part < 0)
		return wrap(part, "bind source %s", mount->source);
	int fd = kernel_open_tree(part, "",
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			(mount->recursive ? AT_RECURSIVE : 0));
	return fd < 0 ? fail(fd, "bind source %s/%s", mount->source, mount->source_below) : fd;
}

static int open_bind(const struct plan_mount *mount)
{
	if (mount->source_below)
		return open_part(mount);
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	if (mount->recursive)
		flags |= AT_RECURSIVE;
	if (mount->source_nofollow)
		flags |= AT_SYMLINK_NOFOLLOW;
	int fd = kernel_open_tree(AT_FDCWD, mount->source, flags);
	/* A tree with mounts locked below it can only be taken whole. */
	if (fd == -EINVAL && !mount->recursive)
		fd = kernel_open_tree(AT_FDCWD, mount->source, flags | AT_RECURSIVE);
	/* A mount that is not attached yet cannot be copied before Linux 6.15: it serves itself. */
	if (fd == -EINVAL && text_starts(mount->source, "/proc/self/fd/")) {
		fd = open(mount->source, O_PATH | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	return fd < 0 ? fail(fd, "bind source %s", mount->source) : fd;
}

int mount_open(
	const struct plan *plan, const struct plan_mount *mount, const struct mount_room *room)
{
	if (mount_is_overlay(mount))
		return overlay_open(plan, mount, room);
	autoclose int fd = mount_is_bind(mount) ? open_bind(mount) : open_filesystem(mount, room);
	if (fd < 0)
		return fd;
	int r = apply_idmap(plan, mount, fd);
	/* A new file system was born with its attributes and has none to take off. */
	if (r == 0 && mount_is_bind(mount) && !mount->tmpcopyup)
		r = apply_attributes(mount, fd);
	return r < 0 ? r : take_fd(fd);
}

/* ---- destinations ----------------------------------------------------------- */

/*
 * procfs inside a container is what the later hardening writes to; a mount on top of its
 * files can only be one of the harmless statistics that LXCFS and its like replace, as runc
 * allows them.
 */
static bool replaceable_in_proc(const char *destination)
{
	static const char *const harmless[] = {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",
		"/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
		"/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
		"/proc/sys/fs/binfmt_misc", "/proc/kcore", "/proc/keys", "/proc/timer_list",
		"/proc/sched_debug", "/proc/scsi", "/proc/acpi"};
	for (size_t i = 0; i < array_length(harmless); i++)
		if (text_equal(destination, harmless[i]))
			return true;
	return false;
}

static int check_destination(const struct plan_mount *mount, int destination_fd)
{
	struct statfs about;
	if (fstatfs(destination_fd, &about) < 0)
		return fail(-errno, "look at mount destination %s", mount->destination);
	if (about.f_type != PROC_SUPER_MAGIC || text_equal(mount->destination, "/proc") ||
		replaceable_in_proc(mount->destination))
		return 0;
	if (mount->type && text_equal(mount->type, "binfmt_misc"))
		return 0;
	return refuse(-EPERM, "mount destination %s lies inside the container's /proc",
		mount->destination);
}

/*
 * proc and sysfs go to real directories only: through a link in the image the runtime would
 * later write to files that the image chose (CVE-2019-19921, CVE-2023-27561).
 */
static int open_destination(
	const struct plan_mount *mount, const struct mount_room *room, int mount_fd)
{
	const char *destination = mount->destination;
	struct stat about;
	if (fstat(mount_fd, &about) < 0)
		return fail(-errno, "look at the source of %s", destination);
	bool strict = mount->type &&
		      (text_equal(mount->type, "proc") || text_equal(mount->type, "sysfs"));
	if (strict || mount->destination_nofollow) {
		const char *relative = destination + strspn(destination, "/");
		int flags = O_PATH | (S_ISDIR(about.st_mode) ? O_DIRECTORY : 0);
		int fd = fs_open_beneath(room->root_fd, *relative ? relative : ".", flags, 0);
		if (fd == -ELOOP || fd == -ENOTDIR)
			return refuse(-EPERM,
				"mount destination %s is a symbolic link or not a directory",
				destination);
		if (fd != -ENOENT)
			return fd;
		error_clear();
	}
	if (S_ISDIR(about.st_mode))
		return fs_make_dirs_in(room->root_fd, destination, 0755);
	return fs_make_file_in(room->root_fd, destination, 0644);
}

static int copy_up_below(
	const struct mount_room *room, const struct plan_mount *mount, int mount_fd)
{
	autoclose int from =
		fs_open_in(room->root_fd, mount->destination, O_RDONLY | O_DIRECTORY, 0);
	if (from < 0)
		return from;
	autoclose int to = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail(-errno, "open the new file system for %s", mount->destination);
	/* A mode that was asked for is not the image's to change. */
	struct stat before;
	bool chosen =
		mount->data && (text_starts(mount->data, "mode=") || strstr(mount->data, ",mode="));
	if (chosen && fstat(to, &before) < 0)
		return fail(-errno, "look at the new file system for %s", mount->destination);
	int r = mount_copy_up(from, to);
	if (r == 0 && chosen && fchmod(to, before.st_mode & 07777) < 0)
		r = fail(-errno, "set the mode");
	return r < 0 ? wrap(r, "copy %s into its tmpfs", mount->destination) : 0;
}

int mount_attach(const struct plan_mount *mount, const struct mount_room *room, int mount_fd)
{
	autoclose int destination = open_destination(mount, room, mount_fd);
	if (destination < 0)
		return destination;
	int r = check_destination(mount, destination);
	if (r < 0)
		return r;
	if (mount->tmpcopyup) {
		r = copy_up_below(room, mount, mount_fd);
		if (r == 0)
			r = apply_attributes(mount, mount_fd);
		if (r < 0)
			return r;
	}
	r = kernel_move_mount(
		mount_fd, "", destination, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (r < 0)
		return fail(r, "mount %s on %s", mount->source ? mount->source : mount->type,
			mount->destination);
	if (!mount->propagation)
		return 0;
	struct mount_attr attributes = {.propagation = mount->propagation & ~(unsigned long)MS_REC};
	unsigned recursive = mount->propagation & MS_REC ? AT_RECURSIVE : 0;
	r = kernel_mount_setattr(mount_fd, "", AT_EMPTY_PATH | recursive, &attributes);
	return r < 0 ? fail(r, "set the propagation of %s", mount->destination) : 0;
}

int mount_change(const struct plan_mount *mount, const struct mount_room *room)
{
	autoclose int destination = fs_open_in(room->root_fd, mount->destination, O_PATH, 0);
	if (destination < 0)
		return destination;
	return apply_attributes(mount, destination);
}
