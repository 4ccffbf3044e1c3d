// SPDX-License-Identifier: Apache-2.0

/*
 * Mark and sweep. The marking reads every manifest and configuration that the list names: some
 * hundred small files for hundreds of images, and no counter that a crash could leave wrong.
 * A manifest that cannot be read stops the collection: what it names is not known, so nothing may
 * be deleted (`system check --repair` takes such an entry out).
 */

#include "engine/image/collect.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/process.h"
#include "engine/image/internal.h"
#include "engine/store/snapshot.h"
#include "plan/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

/* ---- containers ----------------------------------------------------------------- */

static const char *member_string(const struct json *object, const char *key, struct arena *arena)
{
	struct json member;
	const char *value;
	if (object->value->type != JSON_OBJECT || !json_find(object, key, &member) ||
		json_string(&member, &value) < 0) {
		error_clear();
		return NULL;
	}
	return arena_strdup(arena, value);
}

static int read_object(
	int dir_fd, const char *path, struct arena *arena, struct json_document *ret_document)
{
	autofree char *text = NULL;
	size_t length = 0;
	int r = fs_read(dir_fd, path, (size_t)16 << 20, &text, &length);
	if (r < 0)
		return r;
	r = json_parse(text, length, "container", arena, ret_document);
	if (r < 0)
		error_clear();
	return r;
}

/* The kernel knows better than the file: "running" is whose first process lives. */
static bool is_alive(const struct json *state)
{
	struct json member;
	uint64_t pid = 0, start = 0;
	if (json_find(state, "pid", &member) && json_unsigned(&member, 0, INT32_MAX, &pid) < 0)
		error_clear();
	if (json_find(state, "pidStart", &member) &&
		json_unsigned(&member, 0, UINT64_MAX, &start) < 0)
		error_clear();
	return pid > 0 &&
	       process_alive(&(struct process_id){.pid = (pid_t)pid, .start_time = start});
}

/* A container whose files cannot be read is somebody's all the same, but names no image. */
static bool read_user(
	int containers_fd, const char *id, struct arena *arena, struct image_user *ret)
{
	autofini(json_document_fini) struct json_document config = {}, state = {};
	char path[300];
	(void)snprintf(path, sizeof(path), "%s/config.json", id);
	if (read_object(containers_fd, path, arena, &config) < 0)
		return false;
	struct json image;
	const char *image_id = NULL;
	if (json_find(&config.top, "image", &image) && image.value->type == JSON_OBJECT)
		image_id = member_string(&image, "id", arena);
	if (!image_id)
		image_id = member_string(&config.top, "imageId", arena);
	if (!image_id || !digest_is_valid(image_id))
		return false;
	const char *name = member_string(&config.top, "name", arena);
	*ret = (struct image_user){
		.id = arena_strdup(arena, id), .name = name ? name : "", .image_id = image_id};
	(void)snprintf(path, sizeof(path), "%s/state.json", id);
	if (read_object(containers_fd, path, arena, &state) == 0)
		ret->running = is_alive(&state.top);
	return true;
}

int image_find_users(const struct store *store, const char *image_id, struct arena *arena,
	struct image_users *ret_users)
{
	struct image_users users = {};
	size_t room = 0;
	int fd = store->root_fd < 0
			 ? -1
			 : openat(store->root_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		struct image_user user;
		if (entry->d_name[0] == '.' ||
			!read_user(dirfd(directory), entry->d_name, arena, &user))
			continue;
		if (image_id && !text_equal(user.image_id, image_id))
			continue;
		if (users.count == room) {
			room = room ? 2 * room : 16;
			struct image_user *more = arena_new(arena, struct image_user, room);
			for (size_t i = 0; i < users.count; i++)
				more[i] = users.users[i];
			users.users = more;
		}
		users.users[users.count++] = user;
	}
	if (directory)
		(void)closedir(directory);
	*ret_users = users;
	return 0;
}

/* ---- marking ------------------------------------------------------------------------ */

struct needs {
	struct store *store;
	struct digest_set *blobs, *diff_ids;
};

static int mark_config(struct needs *needs, const char *digest, struct arena *arena)
{
	if (!digest_set_add(needs->blobs, digest))
		return 0;
	struct image image = {};
	int r = image_config_read(needs->store, digest, arena, &image);
	if (r == -EINVAL) {
		error_clear(); /* an artifact: its configuration has no layers to unpack */
		return 0;
	}
	for (size_t i = 0; r == 0 && i < image.diff_ids.count; i++)
		(void)digest_set_add(needs->diff_ids, image.diff_ids.items[i]);
	return r;
}

static int mark_manifest(struct needs *needs, const char *digest, int depth, struct arena *arena)
{
	struct image_manifest manifest;
	if (!digest_set_add(needs->blobs, digest))
		return 0;
	int r = image_manifest_read(needs->store, digest, arena, &manifest);
	if (r < 0)
		return r;
	for (size_t i = 0; i < manifest.layer_count; i++)
		(void)digest_set_add(needs->blobs, manifest.layers[i].digest);
	/* Only what is here of an index was ever wanted. */
	for (size_t i = 0; r == 0 && depth < 4 && i < manifest.manifest_count; i++) {
		if (store_has_blob(needs->store, manifest.manifests[i].digest))
			r = mark_manifest(needs, manifest.manifests[i].digest, depth + 1, arena);
	}
	if (r == 0 && manifest.config.digest &&
		store_has_blob(needs->store, manifest.config.digest))
		r = mark_config(needs, manifest.config.digest, arena);
	return r;
}

int image_needs(struct store *store, struct digest_set *blobs, struct digest_set *diff_ids)
{
	autofini(arena_fini) struct arena arena = {};
	struct needs needs = {store, blobs, diff_ids};
	struct store_index index;
	struct image_users users;
	int r = index_read(store, &arena, &index);
	for (size_t i = 0; r == 0 && i < index.count; i++)
		r = mark_manifest(&needs, index.entries[i].digest, 0, &arena);
	if (r == 0)
		r = image_find_users(store, NULL, &arena, &users);
	for (size_t i = 0; r == 0 && i < users.count; i++) {
		if (store_has_blob(store, users.users[i].image_id))
			r = mark_config(&needs, users.users[i].image_id, &arena);
	}
	return r < 0 ? wrap(r, "find out which blobs are needed") : 0;
}

/* ---- sweeping ------------------------------------------------------------------------- */

/* Images that were removed by force go when their last container has gone. */
static int forget_removed(struct store *store)
{
	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
	int r = index_edit(store, &edit);
	if (r < 0)
		return r;
	bool changed = false;
	for (size_t i = edit.index.count; i-- > 0;) {
		const struct index_entry *entry = &edit.index.entries[i];
		const char *id = index_annotation(entry, INDEX_ID);
		struct image_users users;
		if (!index_annotation(entry, INDEX_REMOVED))
			continue;
		r = image_find_users(store, id ? id : "", &edit.arena, &users);
		if (r < 0)
			return r;
		if (users.count == 0) {
			index_drop(&edit, i);
			changed = true;
		}
	}
	return changed ? index_edit_commit(store, &edit) : 0;
}

int image_collect(
	struct store *store, bool wait, bool all_parts, struct store_collected *ret_collected)
{
	autoclose int lock = -1;
	int r = wait ? store_lock(store, true, &lock) : store_try_lock(store, &lock);
	if (r < 0)
		return r;
	if (!wait && r == 0) {
		store_mark_garbage(store);
		return 0;
	}
	autofini(digest_set_fini) struct digest_set blobs = {}, diff_ids = {};
	struct store_collected collected = {};
	r = forget_removed(store);
	if (r == 0)
		r = image_needs(store, &blobs, &diff_ids);
	if (r == 0)
		r = store_collect(store, &blobs, &diff_ids, all_parts, false, &collected);
	if (r < 0)
		return r;
	store_unmark_garbage(store);
	if (ret_collected)
		*ret_collected = collected;
	return 1;
}

void image_collect_pending(struct store *store)
{
	if (!store->read_only && store_has_garbage(store) &&
		image_collect(store, false, false, NULL) < 0)
		error_clear();
}
