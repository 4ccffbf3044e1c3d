// SPDX-License-Identifier: Apache-2.0

#include "engine/store/index.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/store/internal.h"
#include "plan/shape.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define INDEX_BYTES_MAX ((size_t)256 << 20)

static const struct json_field entry_fields[] = {
	STRING("mediaType", struct index_entry, media_type),
	STRING("artifactType", struct index_entry, artifact_type),
	STRING("digest", struct index_entry, digest, .flags = REQUIRED),
	UNSIGNED("size", struct index_entry, size, .flags = REQUIRED),
	PAIRS("annotations", struct index_entry, annotations, annotation_count),
};

static const struct json_shape entry_shape = SHAPE(struct index_entry, entry_fields);

static const struct json_field index_fields[] = {
	ARRAY("manifests", struct store_index, entries, count, &entry_shape),
};

static const struct json_shape index_shape = SHAPE(struct store_index, index_fields);

int index_parse(const char *text, size_t length, const char *name, struct arena *arena,
	struct store_index *ret_index)
{
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text, length, name, arena, &document);
	if (r < 0)
		return r;
	struct store_index index = {};
	r = json_shape_read(&document.top, &index_shape, arena, &index);
	if (r < 0)
		return r;
	for (size_t i = 0; i < index.count; i++) {
		if (!digest_is_valid(index.entries[i].digest))
			return refuse(
				-EINVAL, "%s: manifests[%zu].digest: not a sha256 digest", name, i);
	}
	*ret_index = index;
	return 0;
}

int index_read(const struct store *store, struct arena *arena, struct store_index *ret_index)
{
	autofree char *text = NULL;
	size_t length = 0;
	int r = store->images_fd < 0
			? -ENOENT
			: fs_read(store->images_fd, STORE_INDEX, INDEX_BYTES_MAX, &text, &length);
	if (r == -ENOENT) {
		*ret_index = (struct store_index){};
		return 0;
	}
	const char *name = arena_format(arena, "%s/images/" STORE_INDEX, store->root);
	if (r < 0)
		return fail(r, "read %s", name);
	r = index_parse(text, length, name, arena, ret_index);
	if (r < 0)
		hint("rung system check --repair makes the list again from the images that are "
		     "there");
	return r;
}

const char *index_annotation(const struct index_entry *entry, const char *key)
{
	for (size_t i = 0; i < entry->annotation_count; i++) {
		if (text_equal(entry->annotations[i].key, key))
			return entry->annotations[i].value;
	}
	return NULL;
}

const char *index_name(const struct index_entry *entry)
{
	const char *name = index_annotation(entry, INDEX_NAME);
	return text_empty(name) ? NULL : name;
}

void index_annotate(
	struct index_entry *entry, const char *key, const char *value, struct arena *arena)
{
	struct plan_key_value *pairs =
		arena_new(arena, struct plan_key_value, entry->annotation_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < entry->annotation_count; i++) {
		if (!text_equal(entry->annotations[i].key, key))
			pairs[count++] = entry->annotations[i];
	}
	if (value)
		pairs[count++] = (struct plan_key_value){
			arena_strdup(arena, key), arena_strdup(arena, value)};
	entry->annotations = pairs;
	entry->annotation_count = count;
}

/* ---- changing ---------------------------------------------------------------- */

int index_edit(struct store *store, struct index_edit *ret_edit)
{
	int r = store_require_writable(store);
	if (r < 0)
		return r;
	struct index_edit edit = INDEX_EDIT_NONE;
	r = store_lock_file(store->images_fd, STORE_INDEX_LOCK, LOCK_EX, &edit.lock_fd);
	if (r < 0)
		return fail(r, "lock the list of images");
	r = index_read(store, &edit.arena, &edit.index);
	if (r < 0) {
		index_edit_fini(&edit);
		return r;
	}
	*ret_edit = edit;
	return 0;
}

struct index_entry *index_add(struct index_edit *edit)
{
	struct store_index *index = &edit->index;
	struct index_entry *entries = arena_new(&edit->arena, struct index_entry, index->count + 1);
	for (size_t i = 0; i < index->count; i++)
		entries[i] = index->entries[i];
	index->entries = entries;
	return &entries[index->count++];
}

void index_drop(struct index_edit *edit, size_t number)
{
	struct store_index *index = &edit->index;
	index->count--;
	for (size_t i = number; i < index->count; i++)
		index->entries[i] = index->entries[i + 1];
}

static void write_index(const struct store_index *index, struct text *out)
{
	struct json_writer writer = {.out = out};
	json_open(&writer, NULL, '{');
	json_write_unsigned(&writer, "schemaVersion", 2);
	json_write_string(&writer, "mediaType", "application/vnd.oci.image.index.v1+json");
	json_open(&writer, "manifests", '[');
	for (size_t i = 0; i < index->count; i++) {
		json_open(&writer, NULL, '{');
		json_shape_write(&writer, &entry_shape, &index->entries[i]);
		json_close(&writer);
	}
	json_close(&writer);
	json_close(&writer);
	text_add(out, "\n");
}

int index_edit_commit(struct store *store, struct index_edit *edit)
{
	autofini(text_fini) struct text text = {};
	write_index(&edit->index, &text);
	return store_replace_index(store, text_get(&text), text.length);
}

void index_edit_fini(struct index_edit *edit)
{
	close_now(edit->lock_fd);
	arena_fini(&edit->arena);
}
