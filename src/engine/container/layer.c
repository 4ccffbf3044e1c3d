// SPDX-License-Identifier: Apache-2.0

/*
 * The writable layer: what a container changes. It is a directory of overlay pairs,
 *
 *	<data>/containers/<id>/layer/merged    empty: the root is mounted on it, in the container
 *only <data>/containers/<id>/layer/upper     changed and new files
 *	<data>/containers/<id>/layer/work      the kernel's
 *	<data>/containers/<id>/layer/<part>/…  the same of further overlays: home in @host, volumes
 *
 * and no mount: the overlay exists only in the container's own mount namespace and goes with it.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/process.h"
#include "engine/container/internal.h"
#include "walls/namespaces.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

/*
 * The directory is locked as long as its run lives, also against a second run of that name. A lock
 * ends with its holder however that ends: an unlocked layer without a name is a dead run's.
 */
static int lock_layer(const char *directory, const char *id)
{
	for (;;) {
		int r = fs_make_dirs(directory, 0700);
		if (r < 0)
			return r;
		autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue; /* removed meanwhile by the run that had it */
		if (fd < 0)
			return fail(-errno, "open %s", directory);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno != EWOULDBLOCK)
				return fail(-errno, "lock %s", directory);
			r = refuse(-EBUSY, "container %s is running already", id);
			hint("wait for its end, or choose another --name");
			return r;
		}
		struct stat locked, named;
		if (fstat(fd, &locked) == 0 && stat(directory, &named) == 0 &&
			locked.st_ino == named.st_ino && locked.st_dev == named.st_dev)
			return take_fd(fd);
	}
}

void run_layer_in(const char *directory, const char *id, struct arena *arena, struct run_layer *ret)
{
	*ret = (struct run_layer){.id = id,
		.name = "layer",
		.layers = directory,
		.directory = arena_format(arena, "%s/layer", directory),
		.merged = arena_format(arena, "%s/layer/merged", directory),
		.lock_fd = -1};
}

int run_layer_open(struct run_layer *layer)
{
	int fd = lock_layer(layer->directory, layer->id);
	if (fd < 0)
		return wrap(fd, "writable layer");
	layer->lock_fd = fd;
	/* Users of the container reach its root through here. */
	layer->is_new = mkdir(layer->merged, 0755) == 0;
	if (!layer->is_new && errno != EEXIST)
		return fail(-errno, "writable layer %s", layer->merged);
	if (chmod(layer->merged, 0755) < 0)
		return fail(-errno, "writable layer %s", layer->merged);
	return 0;
}

void run_layer_fini(struct run_layer *layer)
{
	close_now(layer->lock_fd);
}

/* An overlay's top directory is the upper one's: it must look like the lower. */
static int make_upper(const char *upper, const char *lower)
{
	struct stat about;
	if (stat(lower, &about) < 0)
		return fail(-errno, "%s", lower);
	if (!S_ISDIR(about.st_mode))
		return refuse(-ENOTDIR, "%s is not a directory", lower);
	if (mkdir(upper, 0700) < 0)
		return errno == EEXIST ? 0 : fail(-errno, "create %s", upper);
	if (chown(upper, about.st_uid, about.st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return fail(-errno, "create %s", upper);
	return chmod(upper, about.st_mode & 07777) < 0 ? fail(-errno, "create %s", upper) : 0;
}

/*
 * ":" separates lower directories, "," options, "\" and quotes hide both
 * (Documentation/filesystems/overlayfs.rst). walls/overlay.c reads it again.
 */
static int quote(const char *path, bool colons, struct text *out)
{
	bool comma = strchr(path, ',');
	if (strchr(path, '"'))
		return refuse(-EINVAL, "an overlay cannot be made of %s", path);
	text_add(out, comma ? "\"" : "");
	for (const char *c = path; *c; c++) {
		if (colons && (*c == ':' || *c == '\\'))
			text_add(out, "\\");
		text_add_bytes(out, c, 1);
	}
	text_add(out, comma ? "\"" : "");
	return 0;
}

static int quote_lowers(const struct strings *lowers, struct text *out)
{
	int r = 0;
	text_add(out, "lowerdir=");
	/* One quoted string, or the comma in it would end the option. */
	bool comma = false;
	for (size_t i = 0; i < lowers->count; i++)
		comma = comma || strchr(lowers->items[i], ',');
	text_add(out, comma ? "\"" : "");
	for (size_t i = 0; r == 0 && i < lowers->count; i++) {
		autofini(text_fini) struct text one = {};
		r = quote(lowers->items[i], true, &one);
		const char *bare = text_get(&one);
		size_t length = strlen(bare), quotes = bare[0] == '"';
		text_add(out, i ? ":" : "");
		text_add_bytes(out, bare + quotes, length - 2 * quotes);
	}
	text_add(out, comma ? "\"" : "");
	return r;
}

/* Makes what the overlay needs; a layer that is only planned is not touched. */
static int make_part(const char *upper, const char *work, const char *lower)
{
	int r = fs_make_dirs(work, 0700);
	return r < 0 ? r : make_upper(upper, lower);
}

bool run_is_host_root(void)
{
	const ino_t first = 0xeffffffd; /* PROC_USER_INIT_INO, include/linux/proc_ns.h */
	struct stat about;
	return geteuid() == 0 && stat("/proc/self/ns/user", &about) == 0 && about.st_ino == first;
}

/*
 * A quote in a directory's name cannot be hidden; a link beside the layer names it instead. A layer
 * that is only planned gets no link, but the same names.
 */
static int name_lowers(
	const char *base, bool only_planned, struct strings *lowers, struct arena *arena)
{
	const char **names = arena_new(arena, const char *, lowers->count + 1);
	for (size_t i = 0; i < lowers->count; i++) {
		names[i] = lowers->items[i];
		if (!strchr(names[i], '"'))
			continue;
		const char *link = arena_format(arena, "%s/lower-%zu", base, i);
		names[i] = link;
		if (only_planned)
			continue;
		(void)unlink(link);
		if (symlink(lowers->items[i], link) < 0)
			return fail(-errno, "create the link %s", link);
	}
	lowers->items = names;
	return 0;
}

static void fill_overlay(const struct text *data, const char *destination, struct arena *arena,
	struct plan_mount *ret_mount)
{
	*ret_mount = (struct plan_mount){
		.destination = destination,
		.source = "overlay",
		.type = "overlay",
		.data = arena_format(
			arena, "%s%s", text_get(data), run_is_host_root() ? "" : ",userxattr"),
	};
}

int run_overlay(const struct run_layer *layer, const char *part, const struct strings *lowers,
	const char *destination, struct arena *arena, struct plan_mount *ret_mount)
{
	const char *base =
		*part ? arena_format(arena, "%s/%s", layer->directory, part) : layer->directory;
	const char *upper = arena_format(arena, "%s/upper", base);
	const char *work = arena_format(arena, "%s/work", base);
	autofini(text_fini) struct text data = {};
	struct strings names = *lowers;
	bool only_planned = layer->lock_fd < 0;
	int r = only_planned ? 0 : make_part(upper, work, lowers->items[0]);
	if (r == 0)
		r = name_lowers(base, only_planned, &names, arena);
	if (r == 0)
		r = quote_lowers(&names, &data);
	text_add(&data, ",upperdir=");
	if (r == 0)
		r = quote(upper, false, &data);
	text_add(&data, ",workdir=");
	if (r == 0)
		r = quote(work, false, &data);
	if (r == 0)
		fill_overlay(&data, destination, arena, ret_mount);
	return r;
}

/* An overlay without changes wants two layers; one alone is bound. */
int run_stack(const struct strings *lowers, const char *destination, struct arena *arena,
	struct plan_mount *ret_mount)
{
	autofini(text_fini) struct text data = {};
	int r = quote_lowers(lowers, &data);
	if (r < 0)
		return r;
	if (lowers->count == 1)
		*ret_mount = (struct plan_mount){.destination = destination,
			.source = lowers->items[0],
			.type = "bind",
			.bind = true};
	else
		fill_overlay(&data, destination, arena, ret_mount);
	ret_mount->attributes_set = MOUNT_ATTR_RDONLY;
	return 0;
}

/* ---- removal ---------------------------------------------------------------------- */

static int remove_directly(const char *layers, const char *id)
{
	autoclose int directory = open(layers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return errno == ENOENT ? 0 : fail(-errno, "%s", layers);
	return fs_remove_tree(directory, id);
}

/* Files of subordinate ids are ours to remove only as root of a namespace that maps them. */
static int remove_as_root(const char *layers, const char *id)
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
		_exit(!in || remove_directly(layers, id) < 0);
	}
	int status = 1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : refuse(-EPERM, "remove the writable layer %s/%s", layers, id);
}

int run_layer_remove(const struct run_layer *layer)
{
	int r = remove_directly(layer->layers, layer->name);
	if ((r == -EACCES || r == -EPERM) && geteuid() != 0) {
		error_clear();
		r = remove_as_root(layer->layers, layer->name);
	}
	return r < 0 ? wrap(r, "writable layer of %s", layer->id) : 0;
}
