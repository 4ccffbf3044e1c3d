// SPDX-License-Identifier: Apache-2.0

/*
 * Opening and locking. In: a directory. Out: descriptors of its parts, made where they are missing.
 * What can go wrong: the directory is read-only, full or somebody else's. Reading goes on where
 * only writing is impossible.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "engine/store/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>

struct store_chance store_chance(void)
{
	struct store_chance name;
	uint64_t chance;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
		chance = (uint64_t)clock_monotonic_ms() << 20 ^ (uint64_t)getpid();
	(void)snprintf(name.text, sizeof(name.text), "%016llx", (unsigned long long)chance);
	return name;
}

int store_require_writable(const struct store *store)
{
	return store->read_only ? fail(-EROFS, "the store %s", store->root) : 0;
}

static bool is_unwritable(int error)
{
	return error == EROFS || error == EACCES || error == EPERM;
}

/* ---- opening ---------------------------------------------------------------- */

static int make_directory(int dir_fd, const char *name)
{
	return mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_file(int dir_fd, const char *name, const char *text)
{
	if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return fs_replace(dir_fd, name, text, strlen(text), 0644);
}

/* In the order in which a reader of the layout needs them; the last one says that all are there. */
static int make_layout(int images_fd)
{
	int r = make_directory(images_fd, "blobs");
	if (r == 0)
		r = make_directory(images_fd, "blobs/sha256");
	if (r == 0)
		r = make_directory(images_fd, STORE_INGEST);
	if (r == 0)
		r = make_file(images_fd, STORE_INDEX,
			"{\"schemaVersion\":2,\"mediaType\":"
			"\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}\n");
	if (r == 0)
		r = make_file(images_fd, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}\n");
	return r;
}

static int open_directory(int dir_fd, const char *path)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_parts(struct store *store)
{
	store->root_fd = open_directory(AT_FDCWD, store->root);
	if (store->root_fd < 0)
		return store->root_fd;
	store->images_fd = open_directory(store->root_fd, "images");
	if (store->images_fd < 0)
		return store->images_fd;
	store->blobs_fd = open_directory(store->images_fd, "blobs/sha256");
	if (store->blobs_fd < 0)
		return store->blobs_fd;
	return faccessat(store->images_fd, "oci-layout", F_OK, 0) < 0 ? -errno : 0;
}

static int make_parts(struct store *store)
{
	int r = fs_make_dirs(store->root, 0700);
	if (r < 0)
		return r;
	close_now(store->root_fd);
	store->root_fd = open_directory(AT_FDCWD, store->root);
	if (store->root_fd < 0)
		return store->root_fd;
	r = make_directory(store->root_fd, "images");
	if (r < 0)
		return r;
	close_now(store->images_fd);
	store->images_fd = open_directory(store->root_fd, "images");
	if (store->images_fd < 0)
		return store->images_fd;
	r = make_layout(store->images_fd);
	if (r < 0)
		return r;
	close_now(store->blobs_fd);
	store->blobs_fd = open_directory(store->images_fd, "blobs/sha256");
	return store->blobs_fd < 0 ? store->blobs_fd : 0;
}

int store_open(const char *data_root, struct store *ret_store)
{
	struct store store = STORE_NONE;
	store.root = arena_strdup(&store.arena, data_root);
	int r = open_parts(&store);
	if (r == -ENOENT) {
		r = make_parts(&store);
		if (r < 0 && is_unwritable(-r)) {
			error_clear();
			store.read_only = true;
			r = 0;
		}
	} else if (r == 0) {
		/* AT_EACCESS: by the rights that writing will be judged by. */
		store.read_only = faccessat(store.images_fd, ".", W_OK, AT_EACCESS) < 0 &&
				  is_unwritable(errno);
	}
	if (r < 0) {
		store_fini(&store);
		return text_empty(error_text()) ? fail(r, "open the store %s", data_root)
						: wrap(r, "open the store %s", data_root);
	}
	*ret_store = store;
	return 0;
}

void store_fini(struct store *store)
{
	close_now(store->root_fd);
	close_now(store->images_fd);
	close_now(store->blobs_fd);
	arena_fini(&store->arena);
}

/* ---- locks ------------------------------------------------------------------ */

int store_lock_file(int dir_fd, const char *name, int operation, int *ret_fd)
{
	autoclose int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, operation) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	*ret_fd = take_fd(fd);
	return 0;
}

int store_lock(struct store *store, bool exclusive, int *ret_fd)
{
	if (store->read_only && !exclusive) {
		*ret_fd = -1;
		return 0;
	}
	int r = store_require_writable(store);
	if (r < 0)
		return r;
	r = store_lock_file(store->images_fd, STORE_LOCK, exclusive ? LOCK_EX : LOCK_SH, ret_fd);
	return r < 0 ? fail(r, "lock the store %s", store->root) : 0;
}

int store_try_lock(struct store *store, int *ret_fd)
{
	int r = store_require_writable(store);
	if (r < 0)
		return r;
	r = store_lock_file(store->images_fd, STORE_LOCK, LOCK_EX | LOCK_NB, ret_fd);
	if (r == -EWOULDBLOCK)
		return 0;
	return r < 0 ? fail(r, "lock the store %s", store->root) : 1;
}

/* ---- the list of images ------------------------------------------------------- */

static int open_spare(const struct store *store)
{
	int fd = openat(store->images_fd, STORE_INDEX_SPARE,
		O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

/*
 * Room for the next list, taken while there is some: on a full disk an image can then still be
 * removed, which is what the person wants to do there. Nobody misses it where there is none.
 */
static void make_spare(const struct store *store, size_t length)
{
	autoclose int fd = open_spare(store);
	if (fd >= 0)
		(void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)length);
}

/*
 * The entry must not be on disk before the blobs it names, so their directory is synced first. The
 * temporary file is always the same one, for there is one writer: what a dead one left is used.
 */
int store_replace_index(struct store *store, const void *text, size_t length)
{
	int r = fsync(store->blobs_fd) < 0 ? -errno : 0;
	if (r < 0)
		return fail(r, "sync the blobs of the store %s", store->root);
	autoclose int fd = open_spare(store);
	r = fd < 0 ? fd : fs_write_all(fd, text, length);
	if (r == 0 && (ftruncate(fd, (off_t)length) < 0 || fdatasync(fd) < 0 ||
			      renameat(store->images_fd, STORE_INDEX_SPARE, store->images_fd,
				      STORE_INDEX) < 0 ||
			      fsync(store->images_fd) < 0))
		r = -errno;
	if (r < 0)
		return fail(r, "write %s/images/" STORE_INDEX, store->root);
	make_spare(store, length);
	return 0;
}
