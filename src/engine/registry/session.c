// SPDX-License-Identifier: Apache-2.0

/* Speaking with one repository: connecting, documents, tags. What moves blobs is in pull and push.
 */

#include "engine/registry/session.h"

#include "base/error.h"
#include "engine/registry/auth.h"
#include "engine/registry/certificates.h"

#define RETRIES 3
#define HUB_HOST "registry-1.docker.io" /* where docker.io's images are */
#define TAG_PAGES_MAX 10000

static const char accept[] = "Accept: " MEDIA_OCI_MANIFEST ", " MEDIA_OCI_INDEX
			     ", " MEDIA_DOCKER_MANIFEST ", " MEDIA_DOCKER_LIST;

int registry_session_init(struct registry_session *session, const struct registry_options *options,
	struct arena *arena)
{
	struct registries registries;
	int r = registries_load(arena, &registries);
	if (r < 0)
		return r;
	*session = (struct registry_session){
		.fetch = FETCH_NONE,
		.registries = registries,
		.options = options,
		.arena = arena,
	};
	return 0;
}

void registry_session_fini(struct registry_session *session)
{
	fetch_fini(&session->fetch);
}

void registry_tell(const struct registry_session *session, const struct registry_news *news)
{
	const struct registry_options *options = session->options;
	if (options->listener)
		options->listener(news, options->listener_context);
}

unsigned registry_retries(const struct registry_session *session)
{
	int wanted = session->options->retries;
	return wanted < 0 ? RETRIES : (unsigned)wanted;
}

int registry_connect(struct registry_session *session, const struct registries_source *source,
	const char *actions, struct registry_remote *ret_remote)
{
	const struct registry_options *options = session->options;
	struct arena *arena = session->arena;
	struct certificates certificates;
	struct auth auth = {};
	int r = certificates_load(options->cert_dir, source->registry, arena, &certificates);
	if (r >= 0 && options->credentials)
		auth = auth_of_words(options->credentials, arena);
	else if (r >= 0)
		r = auth_ask(&session->registries.credential_helpers, options->authfile,
			source->registry, source->repository, arena, &auth);
	if (r < 0)
		return r;
	bool hub = text_equal(source->registry, REFERENCE_DOCKER_HUB);
	const struct fetch_endpoint endpoint = {
		.host = hub ? HUB_HOST : source->registry,
		.insecure = options->tls_verify < 0 ? source->insecure : !options->tls_verify,
		.ca = certificates.authorities,
		.certificate = certificates.client,
		.key = certificates.key,
		.username = auth.username,
		.password = auth.password,
		.identity_token = auth.identity_token,
		.registry_token = auth.registry_token,
		.retries = registry_retries(session),
		.retry_delay_ms = options->retry_delay_ms,
	};
	struct registry_remote remote = {
		.registry = source->registry,
		.repository = source->repository,
		.scope = text_empty(source->repository) ? NULL
							: arena_format(arena, "repository:%s:%s",
								  source->repository, actions),
	};
	r = fetch_add_endpoint(&session->fetch, &endpoint, &remote.endpoint);
	if (r < 0)
		return r;
	*ret_remote = remote;
	return 0;
}

/* ---- documents ------------------------------------------------------------------ */

static int fetch_document(struct registry_session *session, const struct registry_remote *remote,
	const char *path, size_t limit, struct arena *arena, struct fetch_answer *answer,
	const char **ret_text, size_t *ret_length)
{
	const struct fetch_request request = {
		.endpoint = remote->endpoint,
		.path = path,
		.scope = remote->scope,
		.headers = {accept},
		.limit = limit,
	};
	autofree char *text = NULL;
	size_t length;
	int r = fetch_do(&session->fetch, &request, arena, answer, &text, &length);
	if (r < 0)
		return r;
	if (answer->status != 200)
		return fetch_refuse(answer, arena);
	char *copy = arena_alloc(arena, length + 1);
	memcpy(copy, text, length);
	*ret_text = copy;
	*ret_length = length;
	return 0;
}

static int verify(const char *text, size_t length, const char *wanted, const char *what)
{
	char digest[DIGEST_SIZE];
	digest_of(text, length, digest);
	if (text_equal(digest, wanted))
		return 0;
	return refuse(-EPROTO, "%s: its digest is %s, not %s", what, digest, wanted);
}

int registry_fetch_manifest(struct registry_session *session, const struct registry_remote *remote,
	const char *target, struct remote_manifest *ret)
{
	struct arena *arena = session->arena;
	struct fetch_answer answer;
	struct remote_manifest manifest = {};
	const char *path = arena_format(arena, "/v2/%s/manifests/%s", remote->repository, target);
	const char *what = arena_format(arena, "manifest %s", target);
	int r = fetch_document(session, remote, path, STORE_DOCUMENT_MAX, arena, &answer,
		&manifest.text, &manifest.length);
	if (r < 0)
		return wrap(r, "%s", what);
	if (digest_is_valid(target))
		r = verify(manifest.text, manifest.length, target, what);
	else if (answer.digest && digest_is_valid(answer.digest))
		r = verify(manifest.text, manifest.length, answer.digest, what);
	if (r >= 0)
		r = image_manifest_parse(
			manifest.text, manifest.length, what, arena, &manifest.parsed);
	if (r < 0)
		return r;
	digest_of(manifest.text, manifest.length, manifest.digest);
	manifest.media_type = manifest.parsed.media_type;
	*ret = manifest;
	return 0;
}

int registry_fetch_blob(struct registry_session *session, const struct registry_remote *remote,
	const char *digest, size_t limit, struct arena *arena, const char **ret_text,
	size_t *ret_length)
{
	struct fetch_answer answer;
	const char *path = arena_format(arena, "/v2/%s/blobs/%s", remote->repository, digest);
	const char *text = NULL;
	size_t length = 0;
	int r = fetch_document(session, remote, path, limit, arena, &answer, &text, &length);
	if (r >= 0)
		r = verify(text, length, digest, "blob");
	if (r < 0)
		return wrap(r, "blob %s", digest);
	*ret_text = text;
	*ret_length = length;
	return 0;
}

/* ---- platforms --------------------------------------------------------------------- */

int registry_parse_platform(
	const char *text, struct arena *arena, struct image_platform *ret_platform)
{
	struct image_platform own = image_own_platform();
	char *copy = arena_strdup(arena, text);
	const char *first = strsep(&copy, "/"), *second = strsep(&copy, "/");
	const char *third = strsep(&copy, "/");
	if (copy || text_empty(first) || (third && !third[0]))
		return refuse(
			-EINVAL, "\"%s\" is no platform: write os/architecture[/variant]", text);
	struct image_platform platform = {.os = first, .architecture = second, .variant = third};
	if (!second) { /* Docker takes one word for either */
		bool os = text_equal(first, "linux") || text_equal(first, "windows") ||
			  text_equal(first, "freebsd");
		platform.os = os ? first : own.os;
		platform.architecture = os ? own.architecture : first;
	}
	if (text_empty(platform.architecture))
		platform.architecture = own.architecture;
	static const char *const aliases[][3] = {{"x86_64", "amd64", NULL},
		{"x86-64", "amd64", NULL}, {"aarch64", "arm64", NULL}, {"i386", "386", NULL},
		{"armhf", "arm", "v7"}, {"armel", "arm", "v6"}};
	for (size_t i = 0; i < array_length(aliases); i++) {
		if (!text_equal(platform.architecture, aliases[i][0]))
			continue;
		platform.architecture = aliases[i][1];
		if (!platform.variant)
			platform.variant = aliases[i][2];
	}
	*ret_platform = platform;
	return 0;
}

static int rank(const struct image_platform *child, const struct image_platform *wanted)
{
	if (!wanted)
		return image_platform_rank(child);
	if (!child->os || !child->architecture || !text_equal(child->os, wanted->os) ||
		!text_equal(child->architecture, wanted->architecture))
		return 0;
	if (!wanted->variant)
		return child->variant ? 1 : 2;
	if (child->variant)
		return text_equal(child->variant, wanted->variant) ? 2 : 0;
	return text_equal(wanted->variant, "v8") ? 1 : 0;
}

int registry_choose_platform(const struct image_manifest *index, const char *platform,
	const struct image_descriptor **ret_child)
{
	autofini(arena_fini) struct arena arena = {};
	struct image_platform wanted, own = image_own_platform();
	const struct image_descriptor *best = NULL;
	int best_rank = 0;
	int r = platform ? registry_parse_platform(platform, &arena, &wanted) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < index->manifest_count; i++) {
		const struct image_descriptor *child = &index->manifests[i];
		int fits = rank(&child->platform, platform ? &wanted : NULL);
		if (fits > best_rank) {
			best_rank = fits;
			best = child;
		}
	}
	if (!best) {
		const struct image_platform *told = platform ? &wanted : &own;
		return refuse(-ENOTSUP,
			"no image found in manifest list for architecture %s, variant \"%s\", OS "
			"%s",
			told->architecture, told->variant ? told->variant : "", told->os);
	}
	*ret_child = best;
	return 0;
}

/* ---- tags ---------------------------------------------------------------------------- */

static int read_tags(const char *text, size_t length, const char *what, struct arena *arena,
	struct strings *tags)
{
	autofini(json_document_fini) struct json_document document = {};
	struct json list;
	int r = json_parse(text, length, what, arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r < 0 || !json_find(&document.top, "tags", &list))
		return r;
	r = json_expect(&list, JSON_ARRAY);
	if (r < 0)
		return r;
	struct strings longer = {
		.items = arena_new(arena, const char *, tags->count + list.value->length + 1)};
	for (size_t i = 0; i < tags->count; i++)
		longer.items[longer.count++] = tags->items[i];
	for (const struct json_value *tag = list.value->first; tag; tag = tag->next) {
		if (tag->type != JSON_STRING || !reference_is_tag(tag->text))
			return json_refuse(&list, "holds what is no tag");
		longer.items[longer.count++] = tag->text;
	}
	*tags = longer;
	return 0;
}

const char *registry_next_page(const char *link, struct arena *arena)
{
	const char *end = link && link[0] == '<' ? strchr(link, '>') : NULL;
	if (!end || !strstr(end, "next"))
		return NULL;
	return arena_strndup(arena, link + 1, (size_t)(end - link - 1));
}

int registry_list_tags(struct registry_session *session, const struct registry_remote *remote,
	struct strings *ret_tags)
{
	struct arena *arena = session->arena;
	struct strings tags = {.items = arena_new(arena, const char *, 1)};
	const char *path = arena_format(arena, "/v2/%s/tags/list", remote->repository);
	const char *what =
		arena_format(arena, "tags of %s/%s", remote->registry, remote->repository);
	for (unsigned page = 0; path && page < TAG_PAGES_MAX; page++) {
		struct fetch_answer answer;
		const char *text = NULL;
		size_t length = 0;
		int r = fetch_document(
			session, remote, path, STORE_DOCUMENT_MAX, arena, &answer, &text, &length);
		if (r >= 0)
			r = read_tags(text, length, what, arena, &tags);
		if (r < 0)
			return wrap(r, "%s", what);
		path = registry_next_page(answer.link, arena);
	}
	*ret_tags = tags;
	return 0;
}
