// SPDX-License-Identifier: Apache-2.0

/*
 * Layers under other ids, for an ordinary user. His images' files belong to him and to his
 * subordinate ids as in the usual namespace, where he is root. With --userns keep-id, auto, nomap
 *or
 * --uidmap the same numbers mean others, and he may neither mount his file system through a map nor
 * stack a metadata-only copy above it (overlayfs refuses metacopy with userxattr). So each layer is
 * copied once for each set of maps, and kept:
 *
 *	<data>/shifted/<hash of the maps>/<layer>/tree
 *
 * The copy is made under a temporary name and renamed, so it is there wholly or not at all.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "engine/container/internal.h"
#include "engine/store/layer.h"
#include "walls/mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#define DEPTH_MAX 256

struct shift {
	int from_fd, to_fd;
	struct plan_id_maps uids, gids; /* number in the usual namespace → the one it shall have */
};

/* ---- in the user's own namespace ---------------------------------------------------------- */

/* Ids that the container lacks become its root's: they must be somebody's. */
static uint32_t other(const struct plan_id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->count; i++)
		if (id - maps->items[i].container_id < maps->items[i].size)
			return maps->items[i].host_id + (id - maps->items[i].container_id);
	return maps->items[0].host_id;
}

static int shift_one(int directory_fd, const char *name, const struct shift *shift)
{
	struct stat about;
	int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
	if (fstatat(directory_fd, name, &about, flags) < 0)
		return -errno;
	if (fchownat(directory_fd, name, other(&shift->uids, about.st_uid),
		    other(&shift->gids, about.st_gid), flags) < 0)
		return -errno;
	/* A change of owner takes these bits away (chown(2)). */
	if (about.st_mode & (S_ISUID | S_ISGID) && !S_ISLNK(about.st_mode) && *name &&
		fchmodat(directory_fd, name, about.st_mode & 07777, 0) < 0)
		return -errno;
	return 0;
}

static int shift_below(int directory_fd, const struct shift *shift, unsigned depth)
{
	DIR *directory = depth < DEPTH_MAX ? fdopendir(directory_fd) : NULL;
	if (!directory) {
		int r = depth < DEPTH_MAX ? -errno : -ELOOP;
		close_now(directory_fd);
		return r;
	}
	int r = 0;
	const struct dirent *entry;
	while (r == 0 && (entry = readdir(directory))) {
		const char *name = entry->d_name;
		if (text_equal(name, ".") || text_equal(name, ".."))
			continue;
		int below = openat(
			dirfd(directory), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			r = shift_below(below, shift, depth + 1);
		if (r == 0)
			r = shift_one(dirfd(directory), name, shift);
	}
	closedir(directory);
	return r;
}

static int copy_and_shift(void *context)
{
	const struct shift *shift = context;
	int r = mount_copy_up(shift->from_fd, shift->to_fd);
	int walk = r < 0 ? -1 : fcntl(shift->to_fd, F_DUPFD_CLOEXEC, 3);
	if (r == 0)
		r = walk < 0 ? -errno : shift_below(walk, shift, 0);
	return r < 0 ? r : shift_one(shift->to_fd, "", shift);
}

/* ---- outside ------------------------------------------------------------------------------------
 */

static uint64_t hash_maps(const struct plan_id_maps *maps, uint64_t hash)
{
	for (size_t i = 0; i < maps->count; i++) {
		const uint32_t numbers[] = {
			maps->items[i].container_id, maps->items[i].host_id, maps->items[i].size};
		for (size_t n = 0; n < array_length(numbers); n++)
			hash = (hash ^ numbers[n]) * 0x100000001b3; /* FNV-1a */
	}
	return hash;
}

/* Container ids → numbers of the usual namespace, as far as that has them. */
static void combine(const struct plan_id_maps *wanted, const struct plan_id_maps *usual,
	struct arena *arena, struct plan_id_maps *ret)
{
	struct plan_id_maps made = {
		arena_new(arena, struct plan_id_map, wanted->count * usual->count + 1), 0};
	for (size_t w = 0; w < wanted->count; w++)
		for (size_t u = 0; u < usual->count; u++) {
			const struct plan_id_map *a = &wanted->items[w], *b = &usual->items[u];
			uint64_t first = a->host_id > b->host_id ? a->host_id : b->host_id;
			uint64_t a_end = (uint64_t)a->host_id + a->size;
			uint64_t b_end = (uint64_t)b->host_id + b->size;
			uint64_t end = a_end < b_end ? a_end : b_end;
			if (first >= end)
				continue;
			made.items[made.count++] = (struct plan_id_map){
				.container_id = a->container_id + (uint32_t)(first - a->host_id),
				.host_id = b->container_id + (uint32_t)(first - b->host_id),
				.size = (uint32_t)(end - first)};
		}
	*ret = made;
}

/* ".../snapshots/<hex>/tree": the layer's own name. */
static const char *layer_name(const char *path, struct arena *arena)
{
	const char *end = strrchr(path, '/'), *start = end;
	while (start > path && start[-1] != '/')
		start--;
	return end ? arena_strndup(arena, start, (size_t)(end - start)) : path;
}

static int make(const char *shelf, const char *lower, const char *place, struct shift *shift,
	struct arena *arena)
{
	unsigned random = 0;
	(void)getrandom(&random, sizeof(random), GRND_NONBLOCK);
	const char *name = arena_format(arena, ".new-%x-%x", (unsigned)getpid(), random);
	const char *fresh = arena_format(arena, "%s/%s", shelf, name);
	const char *tree = arena_format(arena, "%s/tree", fresh);
	int r = fs_make_dirs(tree, 0700);
	if (r < 0)
		return r;
	autoclose int from = open(lower, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int to = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autoclose int all = open(shelf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || to < 0 || all < 0)
		return fail(-errno, "layer %s", lower);
	shift->from_fd = from;
	shift->to_fd = to;
	r = run_as_own_root(copy_and_shift, shift);
	if (r < 0)
		r = fail(r, "copy layer %s for other ids", lower);
	if (r == 0 && rename(fresh, place) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		r = fail(-errno, "layer %s", place);
	if (access(fresh, F_OK) == 0) { /* failed, or somebody else was faster */
		char story[1024];
		(void)snprintf(story, sizeof(story), "%s", error_text());
		if (layer_remove_tree(all, name) < 0)
			warn("%s", error_text());
		error_clear();
		if (r < 0)
			r = error_adopt(r, story, "");
	}
	return r;
}

int run_shift_layers(const struct run_request *request, const struct plan *plan,
	struct arena *arena, struct strings *lowers)
{
	if (geteuid() == 0 || !request->resolved.uid_maps.count || request->layer->lock_fd < 0)
		return 0;
	struct plan_id_maps uids, gids;
	struct shift shift = {};
	run_map_ids(arena, &uids, &gids);
	combine(&plan->uid_maps, &uids, arena, &shift.uids);
	combine(&plan->gid_maps, &gids, arena, &shift.gids);
	if (!shift.uids.count || !shift.gids.count)
		return 0;
	uint64_t hash = hash_maps(&plan->gid_maps, hash_maps(&plan->uid_maps, 0xcbf29ce484222325));
	const char *shelf = arena_format(
		arena, "%s/shifted/%016llx", request->data_root, (unsigned long long)hash);
	struct strings shifted = {arena_new(arena, const char *, lowers->count + 1), 0};
	int r = fs_make_dirs(shelf, 0700);
	for (size_t i = 0; r == 0 && i < lowers->count; i++) {
		const char *place =
			arena_format(arena, "%s/%s", shelf, layer_name(lowers->items[i], arena));
		if (access(place, F_OK) < 0) {
			step("copying a layer for other ids");
			r = make(shelf, lowers->items[i], place, &shift, arena);
		}
		shifted.items[shifted.count++] = arena_format(arena, "%s/tree", place);
	}
	if (r == 0)
		*lowers = shifted;
	return r;
}
