// SPDX-License-Identifier: Apache-2.0

/*
 * Making lists. An image that is added from a registry is brought with all its blobs, so that the
 * list can be pushed anywhere; only its entry in the list keeps it in the store.
 */

#include "engine/registry/list.h"

#include "base/error.h"
#include "engine/registry/layers.h"
#include "engine/store/index.h"
#include "plan/json_write.h"

#define ARTIFACT_MAX ((size_t)256 << 20) /* lists of what an image holds can be long */

/* ---- names ------------------------------------------------------------------------ */

int registry_list_name(const char *word, struct arena *arena, const char **ret_name)
{
	struct reference reference;
	const char *full =
		reference_is_qualified(word) ? word : arena_format(arena, "localhost/%s", word);
	int r = reference_parse(full, arena, &reference);
	if (r < 0)
		return r;
	if (reference.digest)
		return refuse(-EINVAL, "%s: a digest is no name for something new", word);
	*ret_name = reference_name(&reference, arena);
	return 0;
}

static const struct index_entry *find_entry(
	const struct store_index *index, const struct strings *names, const char **ret_name)
{
	for (size_t i = 0; i < names->count; i++) {
		for (size_t k = 0; k < index->count; k++) {
			const char *name = index_name(&index->entries[k]);
			if (name && text_equal(name, names->items[i])) {
				*ret_name = name;
				return &index->entries[k];
			}
		}
	}
	return NULL;
}

int registry_list_find(struct store *store, const char *word, struct arena *arena,
	const char **ret_name, struct image_manifest *ret_list, const char **ret_digest)
{
	struct store_index index;
	struct strings names;
	const char *name;
	int r = reference_candidates(word, true, arena, &names);
	if (r >= 0)
		r = index_read(store, arena, &index);
	if (r < 0)
		return r;
	const struct index_entry *entry = find_entry(&index, &names, &name);
	if (!entry)
		return refuse(-ENOENT, "no such manifest list: %s", word);
	struct image_manifest list;
	r = image_manifest_read(store, entry->digest, arena, &list);
	if (r < 0)
		return r;
	if (!list.is_index)
		return refuse(-EINVAL, "%s is an image, not a list of manifests", word);
	*ret_name = name;
	*ret_list = list;
	*ret_digest = entry->digest;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------- */

static void write_if(struct json_writer *writer, const char *key, const char *value)
{
	if (!text_empty(value))
		json_write_string(writer, key, value);
}

static void write_annotations(
	struct json_writer *writer, const struct plan_key_value *pairs, size_t count)
{
	json_open_lazily(writer, "annotations", '{');
	for (size_t i = 0; i < count; i++)
		json_write_string(writer, pairs[i].key, pairs[i].value);
	json_close(writer);
}

void registry_list_text(const struct image_manifest *list, struct text *out)
{
	struct json_writer writer = {.out = out, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_unsigned(&writer, "schemaVersion", 2);
	json_write_string(&writer, "mediaType", list->media_type);
	json_open(&writer, "manifests", '[');
	for (size_t i = 0; i < list->manifest_count; i++) {
		const struct image_descriptor *entry = &list->manifests[i];
		json_open(&writer, NULL, '{');
		json_write_string(&writer, "mediaType", entry->media_type);
		json_write_string(&writer, "digest", entry->digest);
		json_write_unsigned(&writer, "size", entry->size);
		json_open(&writer, "platform", '{');
		json_write_string(&writer, "architecture",
			entry->platform.architecture ? entry->platform.architecture : "");
		json_write_string(&writer, "os", entry->platform.os ? entry->platform.os : "");
		write_if(&writer, "os.version", entry->platform.os_version);
		write_if(&writer, "variant", entry->platform.variant);
		json_close(&writer);
		write_annotations(&writer, entry->annotations, entry->annotation_count);
		json_close(&writer);
	}
	json_close(&writer);
	write_annotations(&writer, list->annotations, list->annotation_count);
	json_close(&writer);
}

/* ---- changing ------------------------------------------------------------------------ */

static int drop(struct store *store, const char *digest, const char *name)
{
	autofini(index_edit_fini) struct index_edit edit = INDEX_EDIT_NONE;
	int r = index_edit(store, &edit);
	for (size_t i = 0; r >= 0 && i < edit.index.count; i++) {
		const struct index_entry *entry = &edit.index.entries[i];
		const char *own = index_name(entry);
		bool named = name ? own && text_equal(own, name) : !own;
		if (!named || (digest && !text_equal(entry->digest, digest)))
			continue;
		index_drop(&edit, i);
		return index_edit_commit(store, &edit);
	}
	return r < 0 ? r : -ENOENT;
}

int registry_list_write(
	struct store *store, const char *name, struct image_manifest *list, struct arena *arena)
{
	autofini(text_fini) struct text text = {};
	char digest[DIGEST_SIZE];
	struct image_manifest before;
	const char *old_name = NULL, *old_digest = NULL;
	if (registry_list_find(store, name, arena, &old_name, &before, &old_digest) < 0)
		error_clear();
	list->is_index = true;
	if (!list->media_type)
		list->media_type = MEDIA_OCI_INDEX;
	registry_list_text(list, &text);
	int r = store_put_blob(store, text_get(&text), text.length, digest);
	if (r >= 0)
		r = image_add(store, digest, list->media_type, text.length, name);
	if (r < 0)
		return r;
	/* What the name stood for is nothing that anybody would look for. */
	if (old_digest && !text_equal(old_digest, digest))
		(void)!drop(store, old_digest, NULL);
	return 0;
}

int registry_list_remove(struct store *store, const char *name)
{
	int r = drop(store, NULL, name);
	return r == -ENOENT ? refuse(r, "no such manifest list: %s", name) : r;
}

/* ---- adding ---------------------------------------------------------------------------- */

static int append(
	struct image_manifest *list, const struct image_descriptor *entry, struct arena *arena)
{
	for (size_t i = 0; i < list->manifest_count; i++) {
		if (text_equal(list->manifests[i].digest, entry->digest)) {
			list->manifests[i].platform = entry->platform;
			return 0;
		}
	}
	struct image_descriptor *longer =
		arena_new(arena, struct image_descriptor, list->manifest_count + 1);
	for (size_t i = 0; i < list->manifest_count; i++)
		longer[i] = list->manifests[i];
	longer[list->manifest_count++] = *entry;
	list->manifests = longer;
	return 0;
}

static int append_stored(
	struct store *store, struct image_manifest *list, const char *digest, struct arena *arena)
{
	autofree char *text = NULL;
	size_t length;
	struct image_manifest manifest;
	struct image image = {};
	int r = store_read_blob(store, digest, STORE_DOCUMENT_MAX, &text, &length);
	if (r >= 0)
		r = image_manifest_parse(text, length, digest, arena, &manifest);
	if (r >= 0 && !manifest.is_index)
		r = image_config_read(store, manifest.config.digest, arena, &image);
	if (r < 0)
		return r;
	if (manifest.is_index)
		return refuse(-EINVAL, "a list cannot hold a list");
	const struct image_descriptor entry = {
		.media_type = manifest.media_type,
		.digest = arena_strdup(arena, digest),
		.size = length,
		.platform = {.os = image.os,
			.architecture = image.architecture,
			.variant = image.variant},
	};
	return append(list, &entry, arena);
}

/* What describes an image and is none itself, as attestations do: kept, but never unpacked. */
static int bring_artifact(struct registry_session *session, const struct registry_remote *remote,
	struct store *store, const struct remote_manifest *manifest)
{
	const struct image_manifest *parsed = &manifest->parsed;
	char digest[DIGEST_SIZE];
	for (size_t i = 0; i <= parsed->layer_count; i++) {
		const struct image_descriptor *blob =
			i < parsed->layer_count ? &parsed->layers[i] : &parsed->config;
		const char *text;
		size_t length;
		if (store_has_blob(store, blob->digest))
			continue;
		int r = registry_fetch_blob(session, remote, blob->digest, ARTIFACT_MAX,
			session->arena, &text, &length);
		if (r >= 0)
			r = store_put_blob(store, text, length, digest);
		if (r < 0)
			return r;
	}
	return store_put_blob(store, manifest->text, manifest->length, digest);
}

static int bring(struct registry_session *session, const struct registry_remote *remote,
	struct store *store, const struct remote_manifest *manifest)
{
	const char *text;
	size_t length;
	char digest[DIGEST_SIZE];
	struct image image = {};
	const struct image_manifest *parsed = &manifest->parsed;
	for (size_t i = 0; i < parsed->layer_count; i++)
		if (!registry_is_layer(parsed->layers[i].media_type))
			return bring_artifact(session, remote, store, manifest);
	int r = registry_fetch_blob(session, remote, parsed->config.digest, STORE_DOCUMENT_MAX,
		session->arena, &text, &length);
	if (r >= 0)
		r = image_config_parse(text, length, "configuration", session->arena, &image);
	if (r < 0)
		return r;
	if (image.diff_ids.count != parsed->layer_count)
		return refuse(-EPROTO, "manifest and configuration do not fit each other");
	r = store_put_blob(store, text, length, digest);
	if (r >= 0)
		r = registry_fetch_layers(session, remote, store, parsed, &image.diff_ids);
	if (r >= 0)
		r = store_put_blob(store, manifest->text, manifest->length, digest);
	return r;
}

static int connect_to(struct registry_session *session, const char *word,
	struct reference *reference, struct registry_remote *ret)
{
	struct arena *arena = session->arena;
	struct registries_source *sources;
	struct strings names;
	size_t count;
	int r = reference_candidates(word, false, arena, &names);
	if (r >= 0)
		r = reference_parse(names.items[0], arena, reference);
	if (r >= 0)
		r = registries_sources(
			&session->registries, reference, false, arena, &sources, &count);
	return r < 0 ? r : registry_connect(session, &sources[count - 1], "pull", ret);
}

static int add_remote(struct registry_session *session, struct store *store,
	struct image_manifest *list, const char *word, bool all)
{
	struct arena *arena = session->arena;
	struct registry_remote remote;
	struct remote_manifest manifest, child;
	struct reference reference;
	const struct image_descriptor *chosen = NULL;
	int r = connect_to(session, word, &reference, &remote);
	if (r >= 0)
		r = registry_fetch_manifest(
			session, &remote, reference_target(&reference), &manifest);
	if (r < 0)
		return r;
	if (!manifest.parsed.is_index) {
		r = bring(session, &remote, store, &manifest);
		return r < 0 ? r : append_stored(store, list, manifest.digest, arena);
	}
	if (!all) {
		r = registry_choose_platform(&manifest.parsed, session->options->platform, &chosen);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < manifest.parsed.manifest_count; i++) {
		const struct image_descriptor *entry = &manifest.parsed.manifests[i];
		if (chosen && entry != chosen)
			continue;
		r = registry_fetch_manifest(session, &remote, entry->digest, &child);
		if (r >= 0)
			r = bring(session, &remote, store, &child);
		if (r >= 0)
			r = append(list, entry, arena);
		if (r < 0)
			return r;
	}
	return 0;
}

int registry_list_add(struct store *store, struct image_manifest *list, const char *word, bool all,
	const struct registry_options *options, struct arena *arena)
{
	autofini(registry_session_fini) struct registry_session session = REGISTRY_SESSION_NONE;
	struct image image;
	int r = text_starts(word, "docker://") ? -ENOENT : image_find(store, word, arena, &image);
	if (r >= 0)
		return append_stored(store, list, image.manifest_digest, arena);
	if (r != -ENOENT)
		return r;
	error_clear();
	r = registry_session_init(&session, options, arena);
	if (r >= 0)
		r = add_remote(&session, store, list, word, all);
	return r < 0 ? wrap(r, "add %s", word) : 0;
}

int registry_look(const char *word, const struct registry_options *options, struct arena *arena,
	struct remote_manifest *ret)
{
	autofini(registry_session_fini) struct registry_session session = REGISTRY_SESSION_NONE;
	struct registry_remote remote;
	struct reference reference;
	int r = registry_session_init(&session, options, arena);
	if (r >= 0)
		r = connect_to(&session, word, &reference, &remote);
	if (r >= 0)
		r = registry_fetch_manifest(&session, &remote, reference_target(&reference), ret);
	return r < 0 ? wrap(r, "%s", word) : 0;
}
