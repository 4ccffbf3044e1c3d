// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * index.json: the list of images (image-index.md of the OCI image specification). One descriptor
 * for each pair of name and manifest; one without a name is a dangling image. Annotations starting
 * with "org.rung." keep what lists print, so that they need no other file; entries that another
 * program wrote lack them and are read the long way.
 */

#include "engine/store/store.h"
#include "plan/plan.h"

#define INDEX_NAME "org.opencontainers.image.ref.name"
#define INDEX_ID "org.rung.id"           /* digest of the configuration */
#define INDEX_SIZE "org.rung.size"       /* bytes of all files of all layers */
#define INDEX_CREATED "org.rung.created" /* as the configuration says it */
#define INDEX_REMOVED "org.rung.removed" /* "1": only a container needs it still */

struct index_entry {
	const char *media_type, *digest; /* of the manifest */
	uint64_t size;                   /* of the manifest */
	const char *artifact_type;
	struct plan_key_value *annotations;
	size_t annotation_count;
};

struct store_index {
	struct index_entry *entries;
	size_t count;
};

/** The entry's annotation, NULL if it has none of that name. */
const char *index_annotation(const struct index_entry *entry, const char *key);

/** The name in full, NULL for a dangling image. */
const char *index_name(const struct index_entry *entry);

/** Sets an annotation, or removes it (value NULL). */
void index_annotate(
	struct index_entry *entry, const char *key, const char *value, struct arena *arena);

/** Reads the list. An empty store has an empty one. Tells a story. */
[[nodiscard]] int index_read(
	const struct store *store, struct arena *arena, struct store_index *ret_index);

/**
 * A change: nobody else changes the list between index_edit() and index_edit_fini().
 *
 *	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
 *	r = index_edit(store, &edit);
 *	struct index_entry *entry = index_add(&edit);
 *	...
 *	r = index_edit_commit(store, &edit);
 */
struct index_edit {
	struct arena arena;
	struct store_index index;
	int lock_fd;
};

#define INDEX_EDIT_NONE \
	{ \
		.lock_fd = -1 \
	}

[[nodiscard]] int index_edit(struct store *store, struct index_edit *ret_edit);

/** A new, empty entry at the end; earlier pointers to entries are void. */
struct index_entry *index_add(struct index_edit *edit);

void index_drop(struct index_edit *edit, size_t number);

/** Replaces the file durably, after making all blobs' names durable. Tells a story. */
[[nodiscard]] int index_edit_commit(struct store *store, struct index_edit *edit);
void index_edit_fini(struct index_edit *edit);

/** Reads a list out of a document, for tests. */
[[nodiscard]] int index_parse(const char *text, size_t length, const char *name,
	struct arena *arena, struct store_index *ret_index);
