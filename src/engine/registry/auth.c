// SPDX-License-Identifier: Apache-2.0

/* Finding credentials: which files, which entry, which helper. */

#include "engine/registry/auth.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/registry/base64.h"
#include "engine/registry/reference.h"
#include "plan/json.h"

#include <fcntl.h>

#define FILE_MAX ((size_t)1 << 20)

const char *auth_key(const char *key, struct arena *arena)
{
	static const char *const schemes[] = {"https://", "http://"};
	bool address = false;
	for (size_t i = 0; i < array_length(schemes); i++) {
		if (text_starts(key, schemes[i])) {
			key += strlen(schemes[i]);
			address = true;
		}
	}
	/* Behind an address Docker writes the version of the protocol, never a repository. */
	const char *name =
		address ? arena_strndup(arena, key, strcspn(key, "/")) : arena_strdup(arena, key);
	bool hub = text_equal(name, "index.docker.io") || text_equal(name, "registry-1.docker.io");
	return hub ? REFERENCE_DOCKER_HUB : name;
}

struct auth auth_of_words(const char *credentials, struct arena *arena)
{
	const char *colon = strchr(credentials, ':');
	size_t length = colon ? (size_t)(colon - credentials) : strlen(credentials);
	return (struct auth){
		.username = arena_strndup(arena, credentials, length),
		.password = arena_strdup(arena, colon ? colon + 1 : ""),
	};
}

/* ---- one file --------------------------------------------------------------------- */

static int read_text(const struct json *object, const char *key, const char **ret)
{
	struct json member;
	const char *text;
	if (!json_find(object, key, &member))
		return 0;
	int r = json_string(&member, &text);
	if (r >= 0 && text[0])
		*ret = text;
	return r;
}

static int read_entry(const struct json *at, struct arena *arena, struct auth *ret)
{
	struct auth auth = {};
	const char *packed = NULL;
	int r = json_expect(at, JSON_OBJECT);
	if (r >= 0)
		r = read_text(at, "auth", &packed);
	if (r >= 0 && packed) {
		const char *words = base64_decode(packed, arena);
		if (!words || !strchr(words, ':'))
			return json_refuse_member(at, "auth", "is not base64 of user:password");
		auth = auth_of_words(words, arena);
	}
	if (r >= 0)
		r = read_text(at, "username", &auth.username);
	if (r >= 0)
		r = read_text(at, "password", &auth.password);
	if (r >= 0)
		r = read_text(at, "identitytoken", &auth.identity_token);
	if (r >= 0)
		r = read_text(at, "registrytoken", &auth.registry_token);
	if (r < 0)
		return r;
	if (auth.username && !auth.password)
		auth.password = "";
	*ret = auth;
	return auth.username || auth.identity_token || auth.registry_token;
}

/* The longest key of an object that covers the name; NULL if none does. */
static const struct json_value *best_member(
	const struct json *object, const char *name, struct arena *arena)
{
	const struct json_value *best = NULL;
	size_t best_length = 0;
	for (const struct json_value *child = object->value->first; child; child = child->next) {
		const char *key = auth_key(child->key, arena);
		size_t length = strlen(key);
		if (length > best_length && strncmp(name, key, length) == 0 &&
			(name[length] == '/' || name[length] == '\0')) {
			best = child;
			best_length = length;
		}
	}
	return best;
}

static int find_helper(
	const struct json *top, const char *registry, struct arena *arena, const char **ret_helper)
{
	struct json helpers;
	if (json_find(top, "credHelpers", &helpers)) {
		int r = json_expect(&helpers, JSON_OBJECT);
		if (r < 0)
			return r;
		const struct json_value *found = best_member(&helpers, registry, arena);
		if (found) {
			struct json child = json_child(&helpers, found, 0);
			return json_string(&child, ret_helper);
		}
	}
	return read_text(top, "credsStore", ret_helper);
}

static int ask_helper(
	const char *helper, const char *registry, struct arena *arena, struct auth *ret)
{
	int r = auth_helper_get(helper, registry, arena, ret);
	if (r == 0 && text_equal(registry, REFERENCE_DOCKER_HUB))
		r = auth_helper_get(helper, AUTH_HUB_KEY, arena, ret);
	return r;
}

int auth_read(const char *text, size_t length, const char *file, const char *registry,
	const char *repository, struct arena *arena, struct auth *ret)
{
	autofini(json_document_fini) struct json_document document = {};
	struct json auths;
	const char *helper = NULL;
	int r = json_parse(text, length, file, arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r >= 0)
		r = find_helper(&document.top, registry, arena, &helper);
	if (r >= 0 && helper)
		r = ask_helper(helper, registry, arena, ret);
	if (r != 0 || !json_find(&document.top, "auths", &auths))
		return r;
	r = json_expect(&auths, JSON_OBJECT);
	if (r < 0)
		return r;
	const char *name = text_empty(repository)
				   ? registry
				   : arena_format(arena, "%s/%s", registry, repository);
	const struct json_value *found = best_member(&auths, name, arena);
	if (!found)
		return 0;
	struct json child = json_child(&auths, found, 0);
	return read_entry(&child, arena, ret);
}

/* ---- which files -------------------------------------------------------------------- */

static int look_into(const char *path, bool wanted, const char *registry, const char *repository,
	struct arena *arena, struct auth *ret)
{
	autofree char *text = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, path, FILE_MAX, &text, &length);
	if (r < 0 && !wanted && (r == -ENOENT || r == -ENOTDIR || r == -EACCES))
		return 0;
	if (r < 0)
		return fail(r, "%s", path);
	if (length == 0)
		return 0;
	return auth_read(text, length, arena_strdup(arena, path), registry, repository, arena, ret);
}

static const char *runtime_file(struct arena *arena)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (!text_empty(runtime))
		return arena_format(arena, "%s/containers/auth.json", runtime);
	return arena_format(arena, "/run/containers/%u/auth.json", (unsigned)geteuid());
}

const char *auth_file_for_writing(const char *authfile, struct arena *arena)
{
	const char *given = getenv("REGISTRY_AUTH_FILE");
	if (!text_empty(authfile))
		return authfile;
	return text_empty(given) ? runtime_file(arena) : given;
}

int auth_find(const char *authfile, const char *registry, const char *repository,
	struct arena *arena, struct auth *ret)
{
	const char *given = getenv("REGISTRY_AUTH_FILE"), *home = places_home();
	const char *config = getenv("XDG_CONFIG_HOME"), *docker = getenv("DOCKER_CONFIG");
	*ret = (struct auth){};
	if (!text_empty(authfile))
		return look_into(authfile, true, registry, repository, arena, ret);
	if (!text_empty(given))
		return look_into(given, false, registry, repository, arena, ret);
	const char *files[3] = {runtime_file(arena)};
	if (!text_empty(config))
		files[1] = arena_format(arena, "%s/containers/auth.json", config);
	else if (home)
		files[1] = arena_format(arena, "%s/.config/containers/auth.json", home);
	if (!text_empty(docker))
		files[2] = arena_format(arena, "%s/config.json", docker);
	else if (home)
		files[2] = arena_format(arena, "%s/.docker/config.json", home);
	int r = 0;
	for (size_t i = 0; r == 0 && i < array_length(files); i++)
		if (files[i])
			r = look_into(files[i], false, registry, repository, arena, ret);
	return r;
}
