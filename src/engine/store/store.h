// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The store: an OCI image layout (image-layout.md of the OCI image specification 1.1), which other
 * programs read as `oci:<data>/images`, and the layers unpacked from it (snapshot.h).
 *
 *	<data>/images/oci-layout
 *	<data>/images/index.json         every image, by name or without one (index.h)
 *	<data>/images/blobs/sha256/HEX   manifests, configurations, layers as they came
 *	<data>/images/ingest/HEX         a blob that is still arriving; locked while its writer
 *lives <data>/images/lock               who uses images holds it shared, who deletes blobs
 *exclusive <data>/images/index.lock         who replaces index.json <data>/images/garbage something
 *may be collected (gc.h)
 *
 * There is no daemon and no database: a blob is there when its name is there, because it gets its
 * name by rename(2) after its digest was verified. kill -9 at any instant leaves a part file, which
 * the next writer goes on with. What no index entry and no container needs is garbage; it is
 * deleted under the exclusive lock, so whoever adds blobs for an image that has no entry yet holds
 * the shared lock until image_add() has returned:
 *
 *	autofini(store_fini) struct store store = STORE_NONE;
 *	r = store_open(places_data(arena), &store);
 *	autoclose int lock = -1;
 *	r = store_lock(&store, false, &lock);
 *	... store_put_blob(), store_ingest(), image_add() ...
 *
 * Out of a store on a read-only file system everything can be read; writing says -EROFS.
 */

#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/** Manifests and configurations above this are refused, as Docker's registry does (4 MiB). */
#define STORE_DOCUMENT_MAX ((size_t)4 << 20)

struct store {
	const char *root; /* <data>, absolute */
	int root_fd;      /* of <data> */
	int images_fd;    /* of <data>/images */
	int blobs_fd;     /* of <data>/images/blobs/sha256 */
	bool read_only;   /* nothing can be written: the file system or the permissions say so */
	struct arena arena;
};

#define STORE_NONE \
	{ \
		.root_fd = -1, .images_fd = -1, .blobs_fd = -1 \
	}

/**
 * Opens the store below data_root (places_data()), making it if it is not there. A store that is
 * neither there nor can be made reads as an empty one. Tells a story.
 */
[[nodiscard]] int store_open(const char *data_root, struct store *ret_store);
void store_fini(struct store *store);

/**
 * Takes the lock of the images: shared by those who use or add, exclusive by those who delete.
 * Waits. The lock ends with the descriptor (-1 in a read-only store, where nobody can delete).
 */
[[nodiscard]] int store_lock(struct store *store, bool exclusive, int *ret_fd);

/** The exclusive lock if it is free: 1 and *ret_fd, else 0. */
[[nodiscard]] int store_try_lock(struct store *store, int *ret_fd);

/* ---- blobs ---------------------------------------------------------------- */

/** True if the blob is there. An invalid digest is no blob. */
bool store_has_blob(const struct store *store, const char *digest);

/** Its size in bytes; -ENOENT without a story. */
[[nodiscard]] int store_blob_size(const struct store *store, const char *digest, uint64_t *ret);

/** A descriptor for reading; -ENOENT with a story. */
[[nodiscard]] int store_open_blob(const struct store *store, const char *digest);

/**
 * Reads a whole blob of at most max bytes and verifies its digest: -EBADMSG with a story where the
 * bytes are not those of the name. *ret_bytes is NUL-terminated and the caller's to free.
 */
[[nodiscard]] int store_read_blob(const struct store *store, const char *digest, size_t max,
	char **ret_bytes, size_t *ret_length);

/** Adds a document that is in memory, durably. */
[[nodiscard]] int store_put_blob(
	struct store *store, const void *bytes, size_t length, char ret_digest[static DIGEST_SIZE]);

/** Deletes a blob; for the holder of the exclusive lock. */
[[nodiscard]] int store_remove_blob(struct store *store, const char *digest);

/**
 * Begins or goes on with a blob that arrives in parts. Waits while another process writes the same
 * one. 1: the blob is there (by now), nothing to do. 0: *ret_fd is the part file, open for reading
 * and writing at offset 0 and locked; it may hold the beginning that an earlier writer got, which
 * the new one verifies like everything else (and cuts off by ftruncate(2) where it is wrong).
 * Closing it without a commit keeps what is there for the next try.
 */
[[nodiscard]] int store_ingest(struct store *store, const char *digest, int *ret_fd);

/** The verified part file becomes the blob, durably. The descriptor stays the caller's. */
[[nodiscard]] int store_ingest_commit(struct store *store, const char *digest, int fd);

/**
 * A part file for a blob whose digest is known only at the end (load, import, commit): it has no
 * name until store_ingest_commit() gives it one.
 */
[[nodiscard]] int store_ingest_anonymous(struct store *store, int *ret_fd);

/** Gives up a part file, so that nothing of it stays. */
void store_ingest_discard(struct store *store, int fd);

/**
 * A complete, verified file elsewhere on the store's file system becomes a blob, durably.
 */
[[nodiscard]] int store_adopt_blob(
	struct store *store, int dir_fd, const char *name, const char *digest);

/** -EROFS with a story where nothing can be written: asked before long work begins. */
[[nodiscard]] int store_require_writable(const struct store *store);
