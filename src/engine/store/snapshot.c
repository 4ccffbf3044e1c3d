// SPDX-License-Identifier: Apache-2.0

/*
 * Directories that get their name when they are complete. What can go wrong: two unpack the same
 * layer (the first to rename wins), one is killed (its directory, whose lock is free then, is swept
 * by the next command that deletes), the files belong to subordinate ids (layer_remove_tree()).
 *
 * A layer's files are not synced one by one, which would cost more than unpacking. A loss of power
 * soon after can therefore leave a tree with empty files under its final name. So a new snapshot
 * carries the boot it was made in; when another boot finds that mark, the tree is not trusted, and
 * made again from its blob, which was synced. The mark goes with the first look that is later than
 * the kernel takes to write everything back.
 */

#include "engine/store/snapshot.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/store/gc.h"
#include "engine/store/internal.h"
#include "engine/store/layer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#define SNAPSHOTS "snapshots"
#define BOOT "boot" /* boot id and the time of the commit, until the files are surely on disk */
/* Twice vm.dirty_expire_centisecs' default, plus the flusher's interval. */
#define WRITTEN_BACK_AFTER_S 70

static void boot_id(char ret[static 40])
{
	ret[0] = '\0';
	autofree char *text = NULL;
	if (fs_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, NULL) == 0)
		(void)snprintf(ret, 40, "%.36s", text);
}

static int64_t seconds_since_boot(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static void mark_new(int directory_fd)
{
	char id[40], text[80];
	boot_id(id);
	int length = snprintf(text, sizeof(text), "%s %lld\n", id, (long long)seconds_since_boot());
	error_clear();
	if (fs_replace(directory_fd, BOOT, text, (size_t)length, 0600) < 0)
		error_clear();
}

/* False where a loss of power may have come between the commit and the disk. */
static bool is_trusted(const struct store *store, const char *directory)
{
	char path[160], id[40];
	autofree char *mark = NULL;
	(void)snprintf(path, sizeof(path), "%s/" BOOT, directory);
	if (fs_read(store->root_fd, path, 128, &mark, NULL) < 0)
		return true;
	boot_id(id);
	size_t length = strlen(id);
	if (length == 0)
		return true;
	if (strncmp(mark, id, length) != 0)
		return false;
	long long made = strtoll(mark + length, NULL, 10);
	if (seconds_since_boot() > made + WRITTEN_BACK_AFTER_S && !store->read_only)
		(void)unlinkat(store->root_fd, path, 0);
	return true;
}

/* ---- looking ------------------------------------------------------------------ */

static void directory_of(const char *diff_id, char ret[static 96])
{
	(void)snprintf(ret, 96, SNAPSHOTS "/%s", digest_hex(diff_id));
}

bool snapshot_exists(const struct store *store, const char *diff_id)
{
	char path[96];
	if (!digest_is_valid(diff_id) || store->root_fd < 0)
		return false;
	directory_of(diff_id, path);
	return faccessat(store->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	       is_trusted(store, path);
}

const char *snapshot_path(const struct store *store, const char *diff_id, struct arena *arena)
{
	return arena_format(arena, "%s/" SNAPSHOTS "/%s/tree", store->root, digest_hex(diff_id));
}

uint64_t snapshot_size(const struct store *store, const char *diff_id)
{
	char path[160];
	autofree char *text = NULL;
	uint64_t size = 0;
	if (!digest_is_valid(diff_id) || store->root_fd < 0)
		return 0;
	(void)snprintf(path, sizeof(path), SNAPSHOTS "/%s/size", digest_hex(diff_id));
	if (fs_read(store->root_fd, path, 32, &text, NULL) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return parse_uint64(text, UINT64_MAX, &size) < 0 ? 0 : size;
}

int snapshot_list(const struct store *store, struct arena *arena, struct strings *ret_diff_ids)
{
	struct strings found = {};
	size_t room = 0;
	int fd = store->root_fd < 0
			 ? -1
			 : openat(store->root_fd, SNAPSHOTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char digest[DIGEST_SIZE + 256];
		(void)snprintf(digest, sizeof(digest), "sha256:%s", entry->d_name);
		if (!digest_is_valid(digest))
			continue;
		if (found.count + 1 >= room) {
			room = room ? 2 * room : 64;
			const char **items = arena_new(arena, const char *, room);
			for (size_t i = 0; i < found.count; i++)
				items[i] = found.items[i];
			found.items = items;
		}
		found.items[found.count++] = arena_strdup(arena, digest);
	}
	if (directory)
		(void)closedir(directory);
	*ret_diff_ids = found;
	return 0;
}

/* ---- making -------------------------------------------------------------------- */

/* A directory with a name that is known to be a dead one's as soon as its lock is free. */
static int make_locked(struct store *store, const char *hex, char *ret_name, size_t size)
{
	int r = store_require_writable(store);
	if (r < 0)
		return r;
	if (mkdirat(store->root_fd, SNAPSHOTS, 0700) < 0 && errno != EEXIST)
		return fail(-errno, "create %s/" SNAPSHOTS, store->root);
	for (int tries = 0; tries < 16; tries++) {
		(void)snprintf(ret_name, size, ".%.64s.%s", hex, store_chance().text);
		char path[160];
		(void)snprintf(path, sizeof(path), SNAPSHOTS "/%s", ret_name);
		if (mkdirat(store->root_fd, path, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return fail(-errno, "create %s/%s", store->root, path);
		}
		int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* A sweeper may have taken it between the two: another name then. */
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
			faccessat(store->root_fd, path, F_OK, 0) == 0)
			return fd;
		int error = errno;
		if (fd >= 0)
			(void)close(fd);
		(void)unlinkat(store->root_fd, path, AT_REMOVEDIR);
		if (fd < 0 && error != ENOENT)
			return fail(-error, "open %s/%s", store->root, path);
	}
	return refuse(-EBUSY, "create a snapshot: names are taken again and again");
}

int snapshot_make_scratch(struct store *store, char *ret_name, size_t name_size)
{
	return make_locked(store, "scratch", ret_name, name_size);
}

int snapshot_begin(struct store *store, const char *diff_id, struct snapshot *ret_snapshot)
{
	if (!digest_is_valid(diff_id))
		return refuse(-EINVAL, "\"%.80s\" is not a layer's digest", diff_id);
	struct snapshot snapshot = SNAPSHOT_NONE;
	snapshot.directory_fd =
		make_locked(store, digest_hex(diff_id), snapshot.name, sizeof(snapshot.name));
	if (snapshot.directory_fd < 0)
		return snapshot.directory_fd;
	int r = 0;
	if (mkdirat(snapshot.directory_fd, "tree", 0755) < 0 ||
		fchmodat(snapshot.directory_fd, "tree", 0755, 0) < 0)
		r = fail(-errno, "create the snapshot of layer %s", diff_id);
	if (r == 0) {
		snapshot.tree_fd =
			openat(snapshot.directory_fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (snapshot.tree_fd < 0)
			r = fail(-errno, "open the snapshot of layer %s", diff_id);
	}
	if (r < 0) {
		snapshot_fini(store, &snapshot);
		return r;
	}
	*ret_snapshot = snapshot;
	return 0;
}

/* Moves a complete directory to its name. 0: moved, 1: somebody was faster. */
static int give_name(struct store *store, int dir_fd, const char *name, const char *diff_id)
{
	char target[96];
	directory_of(diff_id, target);
	for (int tries = 0; tries < 16; tries++) {
		if (renameat(dir_fd, name, store->root_fd, target) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			return fail(-errno, "name the snapshot of layer %s", diff_id);
		if (is_trusted(store, target))
			return 1;
		int r = snapshot_remove(store, diff_id);
		if (r < 0)
			return r;
	}
	return refuse(-EBUSY, "name the snapshot of layer %s", diff_id);
}

static int write_size(int directory_fd, uint64_t size)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%ju\n", (uintmax_t)size);
	return fs_replace(directory_fd, "size", text, (size_t)length, 0600);
}

int snapshot_commit(struct store *store, struct snapshot *snapshot, const char *diff_id)
{
	int r = write_size(snapshot->directory_fd, snapshot->unpacked_size);
	if (r < 0)
		return r;
	mark_new(snapshot->directory_fd);
	char path[160];
	(void)snprintf(path, sizeof(path), SNAPSHOTS "/%s", snapshot->name);
	r = give_name(store, store->root_fd, path, diff_id);
	if (r == 0)
		snapshot->name[0] = '\0';
	return r < 0 ? r : 0;
}

int snapshot_adopt(struct store *store, int dir_fd, const char *name, const char *diff_id,
	uint64_t unpacked_size)
{
	if (!digest_is_valid(diff_id))
		return refuse(-EINVAL, "\"%.80s\" is not a layer's digest", diff_id);
	autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fail(-errno, "the snapshot of layer %s", diff_id);
	int r = write_size(fd, unpacked_size);
	if (r < 0)
		return r;
	mark_new(fd);
	r = give_name(store, dir_fd, name, diff_id);
	if (r == 1)
		r = layer_remove_tree(dir_fd, name);
	return r;
}

/* ---- removal -------------------------------------------------------------------- */

static int remove_named(struct store *store, const char *name)
{
	autoclose int fd = openat(store->root_fd, SNAPSHOTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(-errno, "%s/" SNAPSHOTS, store->root);
	return layer_remove_tree(fd, name);
}

static void leave_to_sweep(struct store *store)
{
	error_clear();
	store_mark_garbage(store);
}

void snapshot_fini(struct store *store, struct snapshot *snapshot)
{
	close_now(snapshot->tree_fd);
	if (snapshot->name[0] && remove_named(store, snapshot->name) < 0)
		leave_to_sweep(store);
	snapshot->name[0] = '\0';
	close_now(snapshot->directory_fd);
}

void snapshot_remove_scratch(struct store *store, const char *name)
{
	if (remove_named(store, name) < 0)
		leave_to_sweep(store);
}

/* Renamed first, so that a layer that is half gone has no name that anybody would use. */
int snapshot_remove(struct store *store, const char *diff_id)
{
	char from[96], name[112], to[160];
	if (!digest_is_valid(diff_id))
		return refuse(-EINVAL, "\"%.80s\" is not a layer's digest", diff_id);
	directory_of(diff_id, from);
	(void)snprintf(name, sizeof(name), ".%s.%s", digest_hex(diff_id), store_chance().text);
	(void)snprintf(to, sizeof(to), SNAPSHOTS "/%s", name);
	if (renameat(store->root_fd, from, store->root_fd, to) < 0)
		return errno == ENOENT ? 0 : fail(-errno, "remove the snapshot of %s", diff_id);
	return remove_named(store, name);
}

/* True if nobody holds it: the lock is taken and kept in *ret_fd. */
static bool is_abandoned(int dir_fd, const char *name, int *ret_fd)
{
	autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	*ret_fd = take_fd(fd);
	return true;
}

int snapshot_sweep(struct store *store)
{
	int fd = store->root_fd < 0
			 ? -1
			 : openat(store->root_fd, SNAPSHOTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	int swept = 0;
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		const char *name = entry->d_name;
		autoclose int lock = -1;
		if (name[0] != '.' || name[1] == '\0' || text_equal(name, ".."))
			continue;
		if (!is_abandoned(dirfd(directory), name, &lock))
			continue;
		if (layer_remove_tree(dirfd(directory), name) == 0)
			swept++;
		else
			error_clear();
	}
	if (directory)
		(void)closedir(directory);
	return swept;
}
