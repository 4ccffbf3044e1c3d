// SPDX-License-Identifier: Apache-2.0

/*
 * Blobs: files named by what they hold. In: bytes and the digest they must have. Out: a name in
 * blobs/sha256, given when the bytes are complete and on disk, so that a name never lies, also
 * after a loss of power: fdatasync, rename, and whoever enters the image syncs the directory once
 * for all blobs (store_replace_index()).
 *
 * What can go wrong: the disk is full (the part file stays, for the next try needs less), two
 * writers want the same blob (the second waits for the first one's lock and finds it done), a
 * writer is killed (its lock ends with it, the next one goes on).
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/sha256.h"
#include "engine/store/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

static int require_digest(const char *digest)
{
	return digest_is_valid(digest)
		       ? 0
		       : refuse(-EINVAL, "\"%.80s\" is not a sha256 digest", digest);
}

bool store_has_blob(const struct store *store, const char *digest)
{
	return digest_is_valid(digest) && store->blobs_fd >= 0 &&
	       faccessat(store->blobs_fd, digest_hex(digest), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int store_blob_size(const struct store *store, const char *digest, uint64_t *ret)
{
	struct stat about;
	if (!digest_is_valid(digest) || store->blobs_fd < 0)
		return -ENOENT;
	if (fstatat(store->blobs_fd, digest_hex(digest), &about, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = (uint64_t)about.st_size;
	return 0;
}

int store_open_blob(const struct store *store, const char *digest)
{
	int r = require_digest(digest);
	if (r < 0)
		return r;
	int fd = store->blobs_fd < 0 ? -1
				     : openat(store->blobs_fd, digest_hex(digest),
					       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0)
		return fail(store->blobs_fd < 0 ? -ENOENT : -errno, "blob %s", digest);
	return fd;
}

int store_read_blob(const struct store *store, const char *digest, size_t max, char **ret_bytes,
	size_t *ret_length)
{
	autoclose int fd = store_open_blob(store, digest);
	if (fd < 0)
		return fd;
	autofree char *bytes = NULL;
	size_t length = 0;
	int r = fs_read_fd(fd, max, &bytes, &length);
	if (r < 0)
		return fail(r, "read blob %s", digest);
	char found[DIGEST_SIZE];
	digest_of(bytes, length, found);
	if (!text_equal(found, digest)) {
		r = refuse(-EBADMSG, "blob %s is damaged: its bytes have the digest %s", digest,
			found);
		hint("rung system check --repair removes it; pull or load the image again");
		return r;
	}
	*ret_bytes = take(bytes);
	if (ret_length)
		*ret_length = length;
	return 0;
}

int store_remove_blob(struct store *store, const char *digest)
{
	int r = require_digest(digest);
	if (r < 0)
		return r;
	if (unlinkat(store->blobs_fd, digest_hex(digest), 0) < 0 && errno != ENOENT)
		return fail(-errno, "delete blob %s", digest);
	return 0;
}

/* ---- adding ------------------------------------------------------------------ */

int store_put_blob(
	struct store *store, const void *bytes, size_t length, char ret_digest[static DIGEST_SIZE])
{
	char digest[DIGEST_SIZE];
	digest_of(bytes, length, digest);
	autofree char *there = NULL;
	/* Read, not only looked up: a damaged document is repaired by writing it again. */
	if (store_has_blob(store, digest) &&
		store_read_blob(store, digest, length, &there, NULL) == 0) {
		memcpy(ret_digest, digest, DIGEST_SIZE);
		return 0;
	}
	error_clear();
	autoclose int fd = -1;
	int r = store_ingest_anonymous(store, &fd);
	if (r < 0)
		return r;
	r = fs_write_all(fd, bytes, length);
	if (r < 0)
		r = fail(r, "write blob %s", digest);
	else
		r = store_ingest_commit(store, digest, fd);
	if (r < 0) {
		store_ingest_discard(store, fd);
		return r;
	}
	memcpy(ret_digest, digest, DIGEST_SIZE);
	return 0;
}

static bool is_named(int dir_fd, const char *name, int fd)
{
	struct stat named, held;
	return fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &held) == 0 &&
	       named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

int store_ingest(struct store *store, const char *digest, int *ret_fd)
{
	int r = require_digest(digest);
	if (r < 0)
		return r;
	if (store_has_blob(store, digest))
		return 1;
	r = store_require_writable(store);
	if (r < 0)
		return r;
	char name[96];
	(void)snprintf(name, sizeof(name), STORE_INGEST "/%s", digest_hex(digest));
	for (;;) {
		autoclose int fd = -1;
		r = store_lock_file(store->images_fd, name, LOCK_EX, &fd);
		if (r < 0)
			return fail(r, "begin blob %s", digest);
		/* Whoever had the lock has finished it, or thrown it away. */
		if (store_has_blob(store, digest)) {
			if (is_named(store->images_fd, name, fd))
				(void)unlinkat(store->images_fd, name, 0);
			return 1;
		}
		if (is_named(store->images_fd, name, fd)) {
			*ret_fd = take_fd(fd);
			return 0;
		}
	}
}

int store_ingest_anonymous(struct store *store, int *ret_fd)
{
	int r = store_require_writable(store);
	if (r < 0)
		return r;
	char name[64];
	for (int tries = 0; tries < 16; tries++) {
		(void)snprintf(name, sizeof(name), STORE_INGEST "/" STORE_ANONYMOUS_PREFIX "%s",
			store_chance().text);
		autoclose int fd = openat(store->images_fd, name,
			O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return fail(-errno, "begin a blob");
		/* Nobody else can have it but a collector that looks for dead writers: once more.
		 */
		if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_named(store->images_fd, name, fd)) {
			(void)unlinkat(store->images_fd, name, 0);
			continue;
		}
		*ret_fd = take_fd(fd);
		return 0;
	}
	return refuse(-EBUSY, "begin a blob: names are taken again and again");
}

/* The name below images/ that a part file has: the kernel remembers it for the descriptor. */
static int part_name(const struct store *store, const char *digest, int fd, char *ret, size_t size)
{
	if (digest) {
		(void)snprintf(ret, size, STORE_INGEST "/%s", digest_hex(digest));
		if (is_named(store->images_fd, ret, fd))
			return 0;
	}
	char path[4096];
	ssize_t length = readlink(fd_path(fd).text, path, sizeof(path) - 1);
	if (length < 0)
		return -errno;
	path[length] = '\0';
	const char *slash = strrchr(path, '/');
	(void)snprintf(ret, size, STORE_INGEST "/%.100s", slash ? slash + 1 : path);
	return is_named(store->images_fd, ret, fd) ? 0 : -ENOENT;
}

void store_ingest_discard(struct store *store, int fd)
{
	char part[128];
	if (part_name(store, NULL, fd, part, sizeof(part)) == 0)
		(void)unlinkat(store->images_fd, part, 0);
}

int store_ingest_commit(struct store *store, const char *digest, int fd)
{
	int r = require_digest(digest);
	if (r < 0)
		return r;
	char part[128];
	r = part_name(store, digest, fd, part, sizeof(part));
	if (r < 0)
		return fail(r, "finish blob %s: its part file", digest);
	if (fdatasync(fd) < 0 || fchmod(fd, 0644) < 0)
		return fail(-errno, "finish blob %s", digest);
	if (renameat(store->images_fd, part, store->blobs_fd, digest_hex(digest)) < 0)
		return fail(-errno, "finish blob %s", digest);
	return 0;
}

int store_adopt_blob(struct store *store, int dir_fd, const char *name, const char *digest)
{
	int r = require_digest(digest);
	if (r == 0)
		r = store_require_writable(store);
	if (r < 0)
		return r;
	autoclose int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fdatasync(fd) < 0 || fchmod(fd, 0644) < 0 ||
		renameat(dir_fd, name, store->blobs_fd, digest_hex(digest)) < 0)
		return fail(-errno, "keep blob %s", digest);
	return 0;
}
