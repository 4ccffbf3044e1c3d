// SPDX-License-Identifier: Apache-2.0

#include "engine/store/gc.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/store/internal.h"
#include "engine/store/layer.h"
#include "engine/store/snapshot.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

/* ---- sets of digests ------------------------------------------------------------ */

void digest_set_fini(struct digest_set *set)
{
	arena_fini(&set->arena);
	free(set->slots);
	*set = (struct digest_set){};
}

/* Digests are spread evenly already: their first digits are the hash. */
static size_t slot_of(const char *const *slots, size_t room, const char *digest)
{
	char digits[16] = {};
	strncpy(digits, digest_hex(digest), sizeof(digits) - 1);
	size_t at = strtoull(digits, NULL, 16) & (room - 1);
	while (slots[at] && !text_equal(slots[at], digest))
		at = (at + 1) & (room - 1);
	return at;
}

static void grow(struct digest_set *set)
{
	size_t room = set->room ? 2 * set->room : 256;
	const char **slots = calloc(room, sizeof(*slots));
	if (!slots)
		memory_exhausted();
	for (size_t i = 0; i < set->room; i++) {
		if (set->slots[i])
			slots[slot_of(slots, room, set->slots[i])] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->room = room;
}

bool digest_set_add(struct digest_set *set, const char *digest)
{
	if (!digest_is_valid(digest))
		return false;
	if (2 * set->count >= set->room)
		grow(set);
	const char **slot = &set->slots[slot_of(set->slots, set->room, digest)];
	if (*slot)
		return false;
	*slot = arena_strdup(&set->arena, digest);
	set->count++;
	return true;
}

bool digest_set_has(const struct digest_set *set, const char *digest)
{
	return set->room > 0 && digest_is_valid(digest) &&
	       set->slots[slot_of(set->slots, set->room, digest)] != NULL;
}

/* ---- what is there ----------------------------------------------------------------- */

static DIR *open_list(int dir_fd, const char *name)
{
	int fd = dir_fd < 0 ? -1 : openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory && fd >= 0)
		(void)close(fd);
	return directory;
}

int store_list_blobs(const struct store *store, struct arena *arena, struct strings *ret_digests,
	uint64_t **ret_sizes)
{
	struct strings found = {};
	uint64_t *sizes = NULL;
	size_t room = 0;
	DIR *directory = open_list(store->blobs_fd, ".");
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char digest[DIGEST_SIZE + 256];
		(void)snprintf(digest, sizeof(digest), "sha256:%s", entry->d_name);
		if (!digest_is_valid(digest))
			continue;
		if (found.count + 1 >= room) {
			size_t larger = room ? 2 * room : 64;
			const char **items = arena_new(arena, const char *, larger);
			uint64_t *more = arena_new(arena, uint64_t, larger);
			for (size_t i = 0; i < found.count; i++) {
				items[i] = found.items[i];
				more[i] = sizes[i];
			}
			found.items = items;
			sizes = more;
			room = larger;
		}
		sizes[found.count] = 0;
		if (ret_sizes && store_blob_size(store, digest, &sizes[found.count]) < 0)
			continue;
		found.items[found.count++] = arena_strdup(arena, digest);
	}
	if (directory)
		(void)closedir(directory);
	*ret_digests = found;
	if (ret_sizes)
		*ret_sizes = sizes;
	return 0;
}

/* ---- deleting ----------------------------------------------------------------------- */

static int collect_blobs(struct store *store, const struct digest_set *needed, bool dry_run,
	struct store_collected *collected)
{
	autofini(arena_fini) struct arena arena = {};
	struct strings blobs;
	uint64_t *sizes;
	int r = store_list_blobs(store, &arena, &blobs, &sizes);
	for (size_t i = 0; r == 0 && i < blobs.count; i++) {
		if (digest_set_has(needed, blobs.items[i]))
			continue;
		if (!dry_run)
			r = store_remove_blob(store, blobs.items[i]);
		collected->blobs++;
		collected->blob_bytes += sizes[i];
		collected->bytes += sizes[i];
	}
	return r;
}

static int collect_snapshots(struct store *store, const struct digest_set *needed, bool dry_run,
	struct store_collected *collected)
{
	autofini(arena_fini) struct arena arena = {};
	struct strings snapshots;
	int r = snapshot_list(store, &arena, &snapshots);
	for (size_t i = 0; r == 0 && i < snapshots.count; i++) {
		if (digest_set_has(needed, snapshots.items[i]))
			continue;
		collected->snapshots++;
		collected->bytes += snapshot_size(store, snapshots.items[i]);
		if (!dry_run)
			r = snapshot_remove(store, snapshots.items[i]);
	}
	return r;
}

/* Part files nobody writes: those without a digest's name are of no use to anybody. */
static void collect_parts(
	struct store *store, bool all, bool dry_run, struct store_collected *collected)
{
	DIR *directory = open_list(store->images_fd, STORE_INGEST);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		const char *name = entry->d_name;
		struct stat about;
		if (text_equal(name, ".") || text_equal(name, ".."))
			continue;
		if (!all && name[0] != '.')
			continue;
		autoclose int fd =
			openat(dirfd(directory), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fstat(fd, &about) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue;
		collected->parts++;
		collected->bytes += S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0;
		if (!dry_run && fs_remove_tree(dirfd(directory), name) < 0)
			error_clear();
	}
	if (directory)
		(void)closedir(directory);
}

int store_collect(struct store *store, const struct digest_set *blobs,
	const struct digest_set *diff_ids, bool all_parts, bool dry_run,
	struct store_collected *ret_collected)
{
	struct store_collected collected = {};
	int r = dry_run ? 0 : store_require_writable(store);
	if (r == 0)
		r = collect_blobs(store, blobs, dry_run, &collected);
	if (r == 0)
		r = collect_snapshots(store, diff_ids, dry_run, &collected);
	if (r < 0)
		return r;
	collect_parts(store, all_parts, dry_run, &collected);
	if (!dry_run)
		collected.snapshots += (uint64_t)snapshot_sweep(store);
	*ret_collected = collected;
	return 0;
}

/* ---- later ------------------------------------------------------------------------------ */

void store_mark_garbage(struct store *store)
{
	autoclose int fd = openat(
		store->images_fd, STORE_GARBAGE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool store_has_garbage(const struct store *store)
{
	return store->images_fd >= 0 &&
	       faccessat(store->images_fd, STORE_GARBAGE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void store_unmark_garbage(struct store *store)
{
	(void)unlinkat(store->images_fd, STORE_GARBAGE, 0);
}
