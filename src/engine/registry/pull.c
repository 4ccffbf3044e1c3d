// SPDX-License-Identifier: Apache-2.0

/*
 * From a word to an image in the store: which names it can mean, which places have it, which
 * platform, then its configuration, its layers and, last of all, its entry. Until that entry stands
 * nothing is visible of the new image, and the old one of that name is whole.
 */

#include "engine/registry/pull.h"

#include "base/error.h"
#include "base/log.h"
#include "engine/registry/layers.h"

int registry_parse_policy(const char *word, enum registry_policy *ret_policy)
{
	static const struct {
		const char *word;
		enum registry_policy policy;
	} known[] = {
		{"always", REGISTRY_POLICY_ALWAYS},
		{"true", REGISTRY_POLICY_ALWAYS},
		{"missing", REGISTRY_POLICY_MISSING},
		{"ifnotpresent", REGISTRY_POLICY_MISSING},
		{"never", REGISTRY_POLICY_NEVER},
		{"false", REGISTRY_POLICY_NEVER},
		{"newer", REGISTRY_POLICY_NEWER},
		{"ifnewer", REGISTRY_POLICY_NEWER},
	};
	for (size_t i = 0; i < array_length(known); i++) {
		if (text_equal(word, known[i].word)) {
			*ret_policy = known[i].policy;
			return 0;
		}
	}
	return refuse(
		-EINVAL, "\"%s\" is not a valid pull policy: always, missing, newer, never", word);
}

/* ---- what is there already ---------------------------------------------------------- */

static bool fits_platform(const struct image *image, const char *platform, struct arena *arena)
{
	struct image_platform wanted;
	if (!platform || registry_parse_platform(platform, arena, &wanted) < 0)
		return true;
	return image->os && image->architecture && text_equal(image->os, wanted.os) &&
	       text_equal(image->architecture, wanted.architecture) &&
	       (!wanted.variant || !image->variant || text_equal(image->variant, wanted.variant));
}

static bool is_whole(const struct store *store, const struct image *image)
{
	for (size_t i = 0; i < image->layers.count; i++)
		if (!store_has_blob(store, image->layers.items[i]) ||
			!snapshot_exists(store, image->diff_ids.items[i]))
			return false;
	return true;
}

/* ---- one place ------------------------------------------------------------------------ */

static bool is_image_config(const char *media_type)
{
	return !media_type || text_equal(media_type, MEDIA_OCI_CONFIG) ||
	       text_equal(media_type, MEDIA_DOCKER_CONFIG) ||
	       text_equal(media_type, "application/octet-stream");
}

static int fetch_config(struct registry_session *session, const struct registry_remote *remote,
	struct store *store, const struct image_descriptor *config, struct image *ret_image)
{
	struct arena *arena = session->arena;
	if (!is_image_config(config->media_type))
		return refuse(
			-ENOTSUP, "it is no image, but an artifact of type %s", config->media_type);
	if (store_has_blob(store, config->digest))
		return image_config_read(store, config->digest, arena, ret_image);
	const char *text;
	size_t length;
	char digest[DIGEST_SIZE];
	struct registry_news news = {.step = REGISTRY_BLOB,
		.subject = config->digest,
		.configuration = true,
		.total = config->size};
	registry_tell(session, &news);
	int r = registry_fetch_blob(
		session, remote, config->digest, STORE_DOCUMENT_MAX, arena, &text, &length);
	if (r >= 0)
		r = image_config_parse(text, length, "configuration", arena, ret_image);
	if (r >= 0)
		r = store_put_blob(store, text, length, digest);
	if (r < 0)
		return r;
	news.step = REGISTRY_DONE;
	news.done = config->size;
	registry_tell(session, &news);
	return 0;
}

static void warn_of_platform(const struct image *image)
{
	const struct image_platform platform = {
		.os = image->os, .architecture = image->architecture, .variant = image->variant};
	if (image->architecture && image->os && !image_platform_rank(&platform))
		warn("image platform (%s/%s) does not match this machine's", image->os,
			image->architecture);
}

static int bring(struct registry_session *session, const struct registry_remote *remote,
	struct store *store, const struct remote_manifest *manifest, const char *name)
{
	struct image image = {};
	char digest[DIGEST_SIZE];
	int r = fetch_config(session, remote, store, &manifest->parsed.config, &image);
	if (r < 0)
		return r;
	if (image.diff_ids.count != manifest->parsed.layer_count)
		return refuse(-EPROTO, "the manifest has %zu layers, the configuration %zu",
			manifest->parsed.layer_count, image.diff_ids.count);
	r = snapshot_sweep(store); /* what a pull that was killed has left takes room */
	if (r >= 0)
		r = registry_fetch_layers(
			session, remote, store, &manifest->parsed, &image.diff_ids);
	if (r < 0)
		return r;
	registry_tell(session,
		&(struct registry_news){.step = REGISTRY_WRITING, .subject = manifest->digest});
	r = store_put_blob(store, manifest->text, manifest->length, digest);
	if (r >= 0)
		r = image_add(store, digest, manifest->media_type, manifest->length, name);
	if (r >= 0 && !session->options->platform)
		warn_of_platform(&image);
	return r;
}

/* Entered under the name already, with all that belongs to it. */
static bool is_present(
	struct store *store, const char *name, const char *digest, struct arena *arena)
{
	struct image image;
	if (image_find(store, name, arena, &image) < 0) {
		error_clear();
		return false;
	}
	return text_equal(image.manifest_digest, digest) && is_whole(store, &image);
}

static int pull_from(struct registry_session *session, const struct registries_source *source,
	struct store *store, const struct reference *reference, const char *name,
	const char **ret_image_id)
{
	struct registry_remote remote;
	struct remote_manifest manifest;
	const struct image_descriptor *child;
	int r = registry_connect(session, source, "pull", &remote);
	if (r >= 0)
		r = registry_fetch_manifest(
			session, &remote, reference_target(reference), &manifest);
	if (r >= 0 && manifest.parsed.is_index) {
		r = registry_choose_platform(&manifest.parsed, session->options->platform, &child);
		if (r >= 0)
			r = registry_fetch_manifest(session, &remote, child->digest, &manifest);
		if (r >= 0 && manifest.parsed.is_index)
			r = refuse(-ENOTSUP, "an index within an index");
	}
	if (r >= 0 && !is_present(store, name, manifest.digest, session->arena))
		r = bring(session, &remote, store, &manifest, name);
	if (r < 0)
		return r;
	*ret_image_id = manifest.parsed.config.digest;
	return 0;
}

/* ---- all places of a name --------------------------------------------------------------- */

static int pull_name(struct registry_session *session, struct store *store, const char *name,
	const char **ret_image_id)
{
	struct arena *arena = session->arena;
	struct reference reference;
	struct registries_source *sources;
	size_t count;
	int r = reference_parse(name, arena, &reference);
	if (r >= 0)
		r = registries_sources(
			&session->registries, &reference, false, arena, &sources, &count);
	if (r < 0)
		return r;
	if (reference.digest) { /* the tag says nothing that the digest does not */
		reference.tag = NULL;
		name = reference_name(&reference, arena);
	}
	registry_tell(session, &(struct registry_news){.step = REGISTRY_TRYING, .subject = name});
	for (size_t i = 0; i < count; i++) {
		r = pull_from(session, &sources[i], store, &reference, name, ret_image_id);
		if (r == -EACCES)
			hint("rung login %s", sources[i].registry);
		if (r >= 0 || !sources[i].mirror || r == -ENOSPC)
			return r;
		step("mirror %s: %s", sources[i].registry, error_text());
		error_clear();
	}
	return r;
}

static int pull_candidates(struct registry_session *session, struct store *store, const char *word,
	const char **ret_image_id)
{
	struct arena *arena = session->arena;
	struct strings names;
	const char *stories = NULL;
	int r = reference_candidates(word, false, arena, &names);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		int tried = pull_name(session, store, names.items[i], ret_image_id);
		if (tried >= 0)
			return tried;
		wrap(tried, "pull %s", names.items[i]);
		if (tried == -ENOSPC || names.count == 1)
			return tried;
		stories = arena_format(
			arena, "%s%s%s", stories ? stories : "", stories ? "; " : "", error_text());
		r = tried;
		error_clear();
	}
	return refuse(r, "%s", stories);
}

static int pull_now(struct store *store, const char *word, const struct registry_options *options,
	struct arena *arena, const char **ret_image_id)
{
	autofini(registry_session_fini) struct registry_session session = REGISTRY_SESSION_NONE;
	autoclose int lock = -1;
	int r = registry_session_init(&session, options, arena);
	if (r >= 0)
		r = store_lock(store, false, &lock);
	return r < 0 ? r : pull_candidates(&session, store, word, ret_image_id);
}

int registry_pull(struct store *store, const char *word, const struct registry_options *options,
	struct arena *arena, const char **ret_image_id)
{
	enum registry_policy policy = options->policy;
	struct image image;
	bool here = false;
	if (policy != REGISTRY_POLICY_ALWAYS) {
		int r = image_find(store, word, arena, &image);
		if (r < 0 && (r != -ENOENT || policy == REGISTRY_POLICY_NEVER))
			return r;
		here = r >= 0 && fits_platform(&image, options->platform, arena);
		if (r < 0)
			error_clear();
		if (r >= 0 && !here && policy == REGISTRY_POLICY_NEVER)
			return refuse(-ENOENT, "%s: no image for %s", word, options->platform);
		if (here && policy != REGISTRY_POLICY_NEWER) {
			*ret_image_id = image.id;
			return 0;
		}
	}
	int r = pull_now(store, word, options, arena, ret_image_id);
	if (r >= 0 || !here)
		return r;
	step("the store's image will do: %s", error_text());
	error_clear();
	*ret_image_id = image.id;
	return 0;
}
