// SPDX-License-Identifier: Apache-2.0

/*
 * Which mounts a container gets beside those that every one has: what the command line asks for,
 * then what --volumes-from borrows, then the volumes that the image names. Who comes first keeps
 * the place. Volumes are made here, when the container is created, so that it has them for life.
 */

#include "base/error.h"
#include "base/log.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "engine/image/image.h"
#include "engine/volume/volume.h"

#include <glob.h>
#include <stdio.h>

struct mount_resolution {
	const struct run_request *request;
	struct arena *arena;
	struct run_mounts mounts;
};

static bool is_taken(const struct mount_resolution *all, const char *destination)
{
	for (size_t i = 0; i < all->mounts.count; i++)
		if (text_equal(all->mounts.items[i].destination, destination))
			return true;
	return false;
}

static int add(struct mount_resolution *all, const struct run_mount *mount)
{
	if (is_taken(all, mount->destination))
		return refuse(-EINVAL, "%s: two mounts are asked for there", mount->destination);
	*run_mounts_add(&all->mounts, all->arena) = *mount;
	return 0;
}

/* ---- what the words mean on this host ---------------------------------------------------------
 */

static int find_bind(struct mount_resolution *all, struct run_mount *mount)
{
	char *real = realpath(mount->source, NULL);
	if (!real) {
		int r = fail(-errno, "mount %s: source %s", mount->destination, mount->source);
		if (r == -ENOENT)
			hint("create the directory first: mkdir -p %s", mount->source);
		return r;
	}
	mount->source = arena_strdup(all->arena, real);
	free(real);
	return 0;
}

static int find_volume(struct mount_resolution *all, struct run_mount *mount)
{
	const struct run_request *request = all->request;
	const struct volume wanted = {.name = mount->name,
		.driver = request->files.volume_driver,
		.anonymous = mount->anonymous};
	if (request->dry) {
		if (!mount->name)
			mount->name = "(new)";
		mount->source = arena_format(
			all->arena, "%s/volumes/%s/data", request->data_root, mount->name);
		return 0;
	}
	struct volume volume;
	int r = volume_create(request->data_root, &wanted, true, all->arena, &volume);
	if (r < 0)
		return r;
	mount->name = volume.name;
	mount->source = volume.mountpoint;
	if (volume_option(&volume, "nocopy"))
		mount->copy = false;
	return 0;
}

static int find_source(struct mount_resolution *all, struct run_mount *mount)
{
	if (mount->subpath && (mount->subpath[0] == '/' || strstr(mount->subpath, "..")))
		return refuse(-EINVAL, "mount %s: subpath %s must lead downwards",
			mount->destination, mount->subpath);
	switch (mount->kind) {
	case RUN_MOUNT_BIND:
		return find_bind(all, mount);
	case RUN_MOUNT_VOLUME:
		return find_volume(all, mount);
	default:
		return 0;
	}
}

/* ---- the command line
 * ----------------------------------------------------------------------------- */

static int add_volumes(struct mount_resolution *all)
{
	const struct strings *words = &all->request->files.volumes;
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->count; i++) {
		struct run_mount mount;
		r = run_volume_word(words->items[i], all->arena, &mount);
		if (r == 0 && !is_taken(all, mount.destination))
			r = find_source(all, &mount);
		if (r == 0)
			r = add(all, &mount);
	}
	return r;
}

/* Each match is mounted below the target, or where it is on the host. */
static int add_matches(struct mount_resolution *all, const struct run_mount *pattern)
{
	glob_t matches;
	int found = glob(pattern->source, GLOB_ERR, NULL, &matches);
	if (found != 0)
		return refuse(-ENOENT, "--mount type=glob: nothing matches %s", pattern->source);
	int r = 0;
	for (size_t i = 0; r == 0 && i < matches.gl_pathc; i++) {
		struct run_mount mount = *pattern;
		char *real = realpath(matches.gl_pathv[i], NULL);
		if (!real) {
			r = fail(-errno, "mount %s", matches.gl_pathv[i]);
			break;
		}
		mount.source = arena_strdup(all->arena, real);
		free(real);
		const char *name = strrchr(matches.gl_pathv[i], '/');
		mount.destination =
			*pattern->destination
				? arena_format(all->arena, "%s/%s", pattern->destination,
					  name ? name + 1 : matches.gl_pathv[i])
				: mount.source;
		r = add(all, &mount);
	}
	globfree(&matches);
	return r;
}

static int add_mounts(struct mount_resolution *all)
{
	const struct strings *words = &all->request->files.mounts;
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->count; i++) {
		struct run_mount mount;
		bool is_pattern;
		r = run_mount_word(words->items[i], all->arena, &mount, &is_pattern);
		if (r == 0 && is_pattern) {
			r = add_matches(all, &mount);
			continue;
		}
		if (r == 0)
			r = find_source(all, &mount);
		if (r == 0)
			r = add(all, &mount);
	}
	return r;
}

static int add_tmpfs(struct mount_resolution *all)
{
	const struct strings *words = &all->request->files.tmpfs;
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->count; i++) {
		struct run_mount mount;
		r = run_tmpfs_word(words->items[i], all->arena, &mount);
		if (r == 0)
			r = add(all, &mount);
	}
	return r;
}

/* ---- another container's
 * --------------------------------------------------------------------------- */

static int borrow(struct mount_resolution *all, const char *word)
{
	char *options = arena_strdup(all->arena, word), *name = strsep(&options, ":");
	bool read_only = options && text_equal(options, "ro");
	if (options && !read_only && !text_equal(options, "rw") && !text_equal(options, "z") &&
		!text_equal(options, "Z"))
		return refuse(-EINVAL, "--volumes-from %s: known options are ro, rw, z", word);
	struct run_peer peer;
	int r = run_find_peer(all->request, name, all->arena, &peer);
	if (r < 0)
		return wrap(r, "--volumes-from %s", word);
	const struct run_resolved *theirs = &peer.request->resolved;
	for (size_t i = 0; i < theirs->mount_count; i++) {
		struct run_mount mount = theirs->mounts[i];
		bool lent = mount.kind == RUN_MOUNT_BIND || mount.kind == RUN_MOUNT_VOLUME ||
			    mount.kind == RUN_MOUNT_IMAGE;
		if (!lent || is_taken(all, mount.destination))
			continue;
		mount.anonymous = mount.copy = mount.chown = false;
		if (read_only)
			run_strings_add(&mount.options, "ro", all->arena);
		*run_mounts_add(&all->mounts, all->arena) = mount;
	}
	return 0;
}

/* ---- the image's
 * ------------------------------------------------------------------------------------ */

static int add_image_volumes(struct mount_resolution *all)
{
	const char *how = all->request->files.image_volume;
	bool tmpfs = how && text_equal(how, "tmpfs");
	bool known = !how || tmpfs || text_equal(how, "bind") || text_equal(how, "anonymous");
	if (how && text_equal(how, "ignore"))
		return 0;
	if (!known)
		return refuse(-EINVAL, "--image-volume %s: known are bind, tmpfs, ignore", how);
	for (size_t i = 0; all->request->image && i < all->request->image->config.volumes.count;
		i++) {
		const char *word = all->request->image->config.volumes.items[i];
		const char *destination = run_clean_path(
			word[0] == '/' ? word : arena_format(all->arena, "/%s", word), all->arena);
		if (!destination || is_taken(all, destination))
			continue;
		struct run_mount mount = {.kind = tmpfs ? RUN_MOUNT_TMPFS : RUN_MOUNT_VOLUME,
			.destination = destination,
			.anonymous = !tmpfs,
			.copy = !tmpfs};
		if (tmpfs)
			run_strings_add(&mount.options, "tmpcopyup", all->arena);
		int r = find_source(all, &mount);
		if (r < 0)
			return r;
		*run_mounts_add(&all->mounts, all->arena) = mount;
	}
	return 0;
}

/* ---- order
 * ------------------------------------------------------------------------------------------- */

static unsigned depth(const char *path)
{
	unsigned slashes = 0;
	for (; *path; path++)
		slashes += *path == '/';
	return slashes;
}

/* What lies above comes first; otherwise as it was said (insertion keeps the order). */
static void sort(struct run_mounts *mounts)
{
	for (size_t i = 1; i < mounts->count; i++) {
		const struct run_mount mount = mounts->items[i];
		size_t at = i;
		for (; at > 0 &&
			depth(mounts->items[at - 1].destination) > depth(mount.destination);
			at--)
			mounts->items[at] = mounts->items[at - 1];
		mounts->items[at] = mount;
	}
}

static void undo(const char *data_root, const struct run_mount *mounts, size_t count)
{
	autofini(arena_fini) struct arena arena = {};
	char story[ERROR_TEXT_MAX], advice[1024];
	(void)snprintf(story, sizeof(story), "%s", error_text());
	(void)snprintf(advice, sizeof(advice), "%s", error_hint());
	for (size_t i = 0; i < count; i++) {
		struct volume volume;
		if (mounts[i].kind != RUN_MOUNT_VOLUME || !mounts[i].anonymous || !mounts[i].name)
			continue;
		if (volume_find(data_root, mounts[i].name, &arena, &volume) == 0 &&
			volume_remove(data_root, &volume) < 0)
			warn("%s", error_text());
	}
	error_clear();
	if (*story)
		(void)error_adopt(-EIO, story, advice);
}

int run_resolve_mounts(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved)
{
	struct mount_resolution all = {.request = request, .arena = arena};
	int r = add_volumes(&all);
	if (r == 0)
		r = add_mounts(&all);
	if (r == 0)
		r = add_tmpfs(&all);
	for (size_t i = 0; r == 0 && i < request->files.volumes_from.count; i++)
		r = borrow(&all, request->files.volumes_from.items[i]);
	if (r == 0)
		r = add_image_volumes(&all);
	if (r < 0) {
		if (!request->dry)
			undo(request->data_root, all.mounts.items, all.mounts.count);
		return r;
	}
	sort(&all.mounts);
	resolved->mounts = all.mounts.items;
	resolved->mount_count = all.mounts.count;
	return 0;
}

void run_resolve_undo(const struct run_request *request)
{
	if (!request->dry)
		undo(request->data_root, request->resolved.mounts, request->resolved.mount_count);
}
