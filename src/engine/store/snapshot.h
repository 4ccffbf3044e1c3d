// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Snapshots: unpacked layers, a cache of the blobs. One layer is one directory named by the digest
 * of its uncompressed tar, so that images which share a layer share the directory, and an image is
 * a list of them for overlayfs. Whiteouts are devices 0:0, opaque directories carry
 * trusted.overlay.opaque, for an ordinary user user.overlay.opaque.
 *
 *	<data>/snapshots/HEX/tree/       the layer
 *	<data>/snapshots/HEX/size        bytes of its files together, as a number
 *	<data>/snapshots/.HEX.RANDOM/    one that is still being unpacked; locked while that goes on
 *
 *	struct snapshot snapshot = SNAPSHOT_NONE;
 *	r = snapshot_begin(store, diff_id, &snapshot);
 *	... unpack into snapshot.tree_fd, set snapshot.unpacked_size ...
 *	r = snapshot_commit(store, &snapshot, diff_id);
 *	snapshot_fini(store, &snapshot);   (autofini cannot: it needs the store)
 *
 * A snapshot that another process committed meanwhile wins, ours is thrown away: both hold the same
 * bytes.
 */

#include "engine/store/store.h"
#include "plan/plan.h"

struct snapshot {
	char name[112]; /* of the directory below snapshots/; "" when there is none */
	int directory_fd;
	int tree_fd;            /* open for the unpacking program to enter */
	uint64_t unpacked_size; /* bytes of its files, set by the caller; 0: not known */
};

#define SNAPSHOT_NONE \
	{ \
		.directory_fd = -1, .tree_fd = -1 \
	}

bool snapshot_exists(const struct store *store, const char *diff_id);

/** Makes an empty directory to unpack into. Tells a story. */
[[nodiscard]] int snapshot_begin(
	struct store *store, const char *diff_id, struct snapshot *ret_snapshot);

/** Gives it its name. Tells a story. */
[[nodiscard]] int snapshot_commit(
	struct store *store, struct snapshot *snapshot, const char *diff_id);

/**
 * Takes over a directory with a "tree" in it that somebody else unpacked on the same file system
 * (`load`, a container's layer): it is moved. Tells a story.
 */
[[nodiscard]] int snapshot_adopt(struct store *store, int dir_fd, const char *name,
	const char *diff_id, uint64_t unpacked_size);

/**
 * A directory of the caller's below snapshots/, removed by the next command when the caller dies
 * (the descriptor is its lock). Tells a story.
 */
[[nodiscard]] int snapshot_make_scratch(struct store *store, char *ret_name, size_t name_size);

/** Removes it again, with all that is in it. */
void snapshot_remove_scratch(struct store *store, const char *name);

/** Removes what was not committed. */
void snapshot_fini(struct store *store, struct snapshot *snapshot);

/** "<data>/snapshots/HEX/tree", whether it is there or not. */
const char *snapshot_path(const struct store *store, const char *diff_id, struct arena *arena);

/** Bytes that its files have together, 0 where nobody has written that down. */
uint64_t snapshot_size(const struct store *store, const char *diff_id);

/** The diff ids of all snapshots. */
[[nodiscard]] int snapshot_list(
	const struct store *store, struct arena *arena, struct strings *ret_diff_ids);

/** Removes one, whoever its files belong to; for the holder of the exclusive lock. */
[[nodiscard]] int snapshot_remove(struct store *store, const char *diff_id);

/** Removes what dead processes left half unpacked; returns how many. */
[[nodiscard]] int snapshot_sweep(struct store *store);
