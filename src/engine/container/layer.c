// SPDX-License-Identifier: Apache-2.0

/*
 * The writable layer: what a container changes. It is a directory of overlay pairs,
 *
 *	<data>/layers/<id>/merged          empty: the root is mounted on it, in the container only
 *	<data>/layers/<id>/<part>/upper    changed and new files
 *	<data>/layers/<id>/<part>/work     the kernel's
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
#include <sys/wait.h>

const char *run_data_root(struct arena *arena)
{
	if (geteuid() == 0)
		return "/var/lib/rung";
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (!text_empty(data))
		return arena_format(arena, "%s/rung", data);
	if (!text_empty(home))
		return arena_format(arena, "%s/.local/share/rung", home);
	return arena_format(arena, "/var/tmp/rung-%u", (unsigned)geteuid());
}

const char *run_state_root(struct arena *arena)
{
	if (geteuid() == 0)
		return "/run/rung/containers";
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (!text_empty(runtime))
		return arena_format(arena, "%s/rung/containers", runtime);
	return arena_format(arena, "/tmp/rung-%u/containers", (unsigned)geteuid());
}

int run_open_layer(
	const struct run_request *request, struct arena *arena, struct run_layer *ret_layer)
{
	struct run_layer layer = {
		.directory = arena_format(arena, "%s/layers/%s", request->data_root, request->id)};
	layer.merged = arena_format(arena, "%s/merged", layer.directory);
	int r = fs_make_dirs(layer.merged, 0700);
	if (r < 0)
		return wrap(r, "writable layer");
	/* Users of the container reach its root through here. */
	if (chmod(layer.merged, 0755) < 0)
		return fail(-errno, "writable layer %s", layer.merged);
	*ret_layer = layer;
	return 0;
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

/* ":" separates lower directories, "," options; see Documentation/filesystems/overlayfs.rst. */
static const char *escape(const char *path, bool colons, struct arena *arena)
{
	char *out = arena_alloc(arena, 2 * strlen(path) + 3), *end = out;
	bool quote = strchr(path, ',') != NULL;
	if (quote)
		*end++ = '"';
	for (const char *c = path; *c; c++) {
		if (colons && (*c == ':' || *c == '\\'))
			*end++ = '\\';
		*end++ = *c;
	}
	if (quote)
		*end++ = '"';
	return out;
}

int run_overlay(const struct run_layer *layer, const char *part, const char *lower,
	const char *destination, struct arena *arena, struct plan_mount *ret_mount)
{
	const char *base = arena_format(arena, "%s/%s", layer->directory, part);
	const char *upper = arena_format(arena, "%s/upper", base);
	const char *work = arena_format(arena, "%s/work", base);
	int r = fs_make_dirs(work, 0700);
	if (r == 0)
		r = make_upper(upper, lower);
	if (r < 0)
		return r;
	*ret_mount = (struct plan_mount){
		.destination = destination,
		.source = "overlay",
		.type = "overlay",
		.data = arena_format(arena, "lowerdir=%s,upperdir=%s,workdir=%s%s",
			escape(lower, true, arena), escape(upper, false, arena),
			escape(work, false, arena), geteuid() == 0 ? "" : ",userxattr"),
	};
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

int run_remove_layer(const char *data_root, const char *id)
{
	autofini(arena_fini) struct arena arena = {};
	const char *layers = arena_format(&arena, "%s/layers", data_root);
	int r = remove_directly(layers, id);
	if ((r == -EACCES || r == -EPERM) && geteuid() != 0) {
		error_clear();
		r = remove_as_root(layers, id);
	}
	return r < 0 ? wrap(r, "writable layer of %s", id) : 0;
}

const char *run_init_program(struct arena *arena)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return NULL;
	self[length] = '\0';
	char *slash = strrchr(self, '/');
	*slash = '\0';
	static const char *const places[] = {
		"src/programs/rung-init", "rung-init", "../libexec/rung/rung-init"};
	for (size_t i = 0; i < array_length(places); i++) {
		const char *path = arena_format(arena, "%s/%s", self, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}
