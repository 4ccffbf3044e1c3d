// SPDX-License-Identifier: Apache-2.0

/*
 * Logging in is nothing but asking GET /v2/ with a name and a password: the registry keeps no
 * session. What is kept is in the auth file (auth.h).
 *
 * Searching has no standard. Docker Hub and a few others answer /v1/search; all others may list
 * their repositories (/v2/_catalog), among which we look ourselves.
 */

#include "engine/registry/login.h"

#include "base/error.h"
#include "engine/registry/session.h"

#define ANSWER_MAX ((size_t)4 << 20)
#define HUB_INDEX "index.docker.io"
#define CATALOG_PAGES_MAX 100

static int open_session(struct registry_session *session, const char *registry,
	const struct registry_options *options, struct arena *arena,
	struct registries_source *ret_source)
{
	int r = registry_session_init(session, options, arena);
	if (r < 0)
		return r;
	/* Where requests to this registry go, and whether it is insecure: as for any image of it.
	 */
	struct registries_source *sources;
	size_t count;
	const struct reference any = {.registry = registry, .repository = "any", .tag = "any"};
	r = registries_sources(&session->registries, &any, true, arena, &sources, &count);
	if (r < 0)
		return r;
	*ret_source = sources[0];
	ret_source->registry = registry;
	ret_source->repository = "";
	return 0;
}

int registry_check_login(const char *registry, const struct auth *auth,
	const struct registry_options *options, struct arena *arena)
{
	autofini(registry_session_fini) struct registry_session session = REGISTRY_SESSION_NONE;
	struct registry_options with = *options;
	struct registries_source source;
	struct registry_remote remote;
	struct fetch_answer answer;
	if (auth->username)
		with.credentials = arena_format(arena, "%s:%s", auth->username, auth->password);
	int r = open_session(&session, registry, &with, arena, &source);
	if (r >= 0)
		r = registry_connect(&session, &source, "", &remote);
	if (r < 0)
		return r;
	const struct fetch_request request = {.endpoint = remote.endpoint, .path = "/v2/"};
	r = fetch_do(&session.fetch, &request, arena, &answer, NULL, NULL);
	if (r >= 0 && (answer.status == 401 || answer.status == 403))
		return refuse(-EACCES, "logging into \"%s\": invalid username/password", registry);
	if (r >= 0 && answer.status != 200)
		r = fetch_refuse(&answer, arena);
	return r < 0 ? wrap(r, "logging into \"%s\"", registry) : 0;
}

/* ---- searching -------------------------------------------------------------------- */

/* %XX for all that is not unreserved (RFC 3986). */
static const char *escape(const char *text, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = arena_alloc(arena, 3 * strlen(text) + 1), *end = out;
	for (const char *c = text; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
			     (byte >= 'A' && byte <= 'Z') || strchr("-._~", byte);
		if (plain) {
			*end++ = *c;
		} else {
			*end++ = '%';
			*end++ = hex[byte >> 4];
			*end++ = hex[byte & 15];
		}
	}
	return out;
}

/* 1: *answer and *ret_text hold a good answer; 0: the registry has no such thing. */
static int ask(struct registry_session *session, const struct registry_remote *remote,
	const char *path, const char *scope, struct fetch_answer *answer, char **ret_text,
	size_t *ret_length)
{
	const struct fetch_request request = {
		.endpoint = remote->endpoint, .path = path, .scope = scope, .limit = ANSWER_MAX};
	int r = fetch_do(&session->fetch, &request, session->arena, answer, ret_text, ret_length);
	return r < 0 ? r : answer->status == 200;
}

static const char *text_member(const struct json *object, const char *key)
{
	struct json member;
	const char *text = "";
	if (json_find(object, key, &member) && json_string(&member, &text) < 0)
		error_clear();
	return text;
}

static bool true_member(const struct json *object, const char *key)
{
	struct json member;
	bool truth = false;
	if (json_find(object, key, &member) && json_boolean(&member, &truth) < 0)
		error_clear();
	return truth;
}

static int read_results(const char *text, size_t length, unsigned limit, struct arena *arena,
	struct registry_found **ret_found, size_t *ret_count)
{
	autofini(json_document_fini) struct json_document document = {};
	struct json results, member;
	int r = json_parse(text, length, "search", arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r < 0)
		return r;
	if (!json_find(&document.top, "results", &results))
		return 0;
	r = json_expect(&results, JSON_ARRAY);
	if (r < 0)
		return r;
	size_t count = 0;
	struct registry_found *found =
		arena_new(arena, struct registry_found, results.value->length + 1);
	for (const struct json_value *item = results.value->first; item && count < limit;
		item = item->next) {
		struct json object = json_child(&results, item, count);
		r = json_expect(&object, JSON_OBJECT);
		if (r < 0)
			return r;
		struct registry_found *one = &found[count++];
		one->name = text_member(&object, "name");
		one->description = text_member(&object, "description");
		one->official = true_member(&object, "is_official");
		one->automated = true_member(&object, "is_automated");
		if (json_find(&object, "star_count", &member) &&
			json_unsigned(&member, 0, UINT32_MAX, &one->stars) < 0)
			error_clear();
	}
	*ret_found = found;
	*ret_count = count;
	return 0;
}

static int read_catalog(const char *text, size_t length, const char *term, unsigned limit,
	struct arena *arena, struct registry_found *found, size_t *count)
{
	autofini(json_document_fini) struct json_document document = {};
	struct json names;
	int r = json_parse(text, length, "catalog", arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r < 0 || !json_find(&document.top, "repositories", &names))
		return r;
	r = json_expect(&names, JSON_ARRAY);
	for (const struct json_value *name = r < 0 ? NULL : names.value->first;
		name && *count < limit; name = name->next)
		if (name->type == JSON_STRING && strstr(name->text, term))
			found[(*count)++] =
				(struct registry_found){.name = name->text, .description = ""};
	return r;
}

static int search_catalog(struct registry_session *session, const struct registry_remote *remote,
	const char *term, unsigned limit, struct registry_found **ret_found, size_t *ret_count)
{
	struct arena *arena = session->arena;
	struct registry_found *found = arena_new(arena, struct registry_found, limit + 1);
	size_t count = 0;
	const char *path = "/v2/_catalog?n=100";
	for (unsigned page = 0; path && page < CATALOG_PAGES_MAX && count < limit; page++) {
		autofree char *text = NULL;
		struct fetch_answer answer;
		size_t length;
		int r = ask(session, remote, path, "registry:catalog:*", &answer, &text, &length);
		if (r == 0)
			r = fetch_refuse(&answer, arena);
		if (r >= 0)
			r = read_catalog(text, length, term, limit, arena, found, &count);
		if (r < 0)
			return wrap(r, "catalogue of %s", remote->registry);
		path = registry_next_page(answer.link, arena);
	}
	*ret_found = found;
	*ret_count = count;
	return 0;
}

int registry_search(const char *registry, const char *term, unsigned limit,
	const struct registry_options *options, struct arena *arena,
	struct registry_found **ret_found, size_t *ret_count)
{
	autofini(registry_session_fini) struct registry_session session = REGISTRY_SESSION_NONE;
	struct registries_source source;
	struct registry_remote remote;
	struct fetch_answer answer;
	autofree char *text = NULL;
	size_t length;
	*ret_count = 0;
	int r = open_session(&session, registry, options, arena, &source);
	if (r >= 0 && text_equal(registry, REFERENCE_DOCKER_HUB))
		source.registry = HUB_INDEX;
	if (r >= 0)
		r = registry_connect(&session, &source, "", &remote);
	if (r < 0)
		return r;
	const char *path = arena_format(arena, "/v1/search?q=%s&n=%u", escape(term, arena), limit);
	r = ask(&session, &remote, path, NULL, &answer, &text, &length);
	if (r > 0)
		r = read_results(text, length, limit, arena, ret_found, ret_count);
	else if (r == 0)
		r = search_catalog(&session, &remote, term, limit, ret_found, ret_count);
	return r < 0 ? wrap(r, "search %s", registry) : 0;
}

int registry_tags(const char *word, const struct registry_options *options, struct arena *arena,
	const char **ret_repository, struct strings *ret_tags)
{
	autofini(registry_session_fini) struct registry_session session = REGISTRY_SESSION_NONE;
	struct registry_remote remote;
	struct registries_source *sources;
	struct reference reference;
	struct strings candidates;
	size_t count;
	int r = reference_candidates(word, false, arena, &candidates);
	if (r >= 0)
		r = reference_parse(candidates.items[0], arena, &reference);
	if (r >= 0)
		r = registry_session_init(&session, options, arena);
	if (r >= 0)
		r = registries_sources(
			&session.registries, &reference, false, arena, &sources, &count);
	if (r >= 0)
		r = registry_connect(&session, &sources[count - 1], "pull", &remote);
	if (r >= 0)
		r = registry_list_tags(&session, &remote, ret_tags);
	if (r >= 0)
		*ret_repository = reference_repository(&reference, arena);
	return r;
}
