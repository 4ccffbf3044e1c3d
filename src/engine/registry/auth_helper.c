// SPDX-License-Identifier: Apache-2.0

/*
 * Credential helpers: programs of others that keep passwords in a safe of theirs. The registry goes
 * in on standard input, a JSON object comes out; no secret is ever in an argument.
 */

#include "base/error.h"
#include "base/process.h"
#include "engine/registry/auth.h"
#include "plan/json.h"
#include "plan/json_write.h"

#include <sys/wait.h>

#define TIMEOUT_MS 60000 /* it may ask its user for the safe's password */

/* The helper in PATH, as Docker finds it; its name must not lead elsewhere. */
static int find_program(const char *helper, struct arena *arena, const char **ret)
{
	const char *path = getenv("PATH");
	if (strchr(helper, '/') || text_empty(helper))
		return refuse(-EINVAL, "credential helper \"%s\": not a name", helper);
	char *rest = arena_strdup(arena, path ? path : "/usr/local/bin:/usr/bin:/bin"), *directory;
	while ((directory = strsep(&rest, ":"))) {
		const char *program =
			arena_format(arena, "%s/docker-credential-%s", directory, helper);
		if (directory[0] == '/' && access(program, X_OK) == 0) {
			*ret = program;
			return 0;
		}
	}
	int r = refuse(-ENOENT, "credential helper docker-credential-%s is not in PATH", helper);
	hint("install it, or take it out of credHelpers and credsStore in the auth file");
	return r;
}

/* Its answer; 1 when it ended well, 0 when it did not. */
static int run(const char *helper, const char *verb, const char *input, struct arena *arena,
	struct text *answer)
{
	const char *program;
	int status, r = find_program(helper, arena, &program);
	if (r < 0)
		return r;
	const struct process_spawn spawn = {
		.program = program,
		.arguments = (const char *const[]){program, verb, NULL},
		.input = input,
		.input_length = strlen(input),
		.output = answer,
		.timeout_ms = TIMEOUT_MS,
	};
	r = process_spawn(&spawn, &status);
	if (r < 0)
		return wrap(r, "docker-credential-%s", helper);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int read_answer(
	const struct text *answer, const char *helper, struct arena *arena, struct auth *ret)
{
	autofini(json_document_fini) struct json_document document = {};
	struct json name, secret;
	const char *username = NULL, *password = NULL;
	const char *file = arena_format(arena, "docker-credential-%s", helper);
	int r = json_parse(text_get(answer), answer->length, file, arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r < 0)
		return r;
	if (!json_find(&document.top, "Username", &name) ||
		!json_find(&document.top, "Secret", &secret))
		return 0;
	r = json_string(&name, &username);
	if (r >= 0)
		r = json_string(&secret, &password);
	if (r < 0)
		return r;
	if (text_equal(username, "<token>"))
		*ret = (struct auth){.identity_token = password};
	else
		*ret = (struct auth){.username = username, .password = password};
	return 1;
}

int auth_helper_get(const char *helper, const char *registry, struct arena *arena, struct auth *ret)
{
	autofini(text_fini) struct text answer = {};
	int r = run(helper, "get", registry, arena, &answer);
	if (r > 0)
		return read_answer(&answer, helper, arena, ret);
	if (r < 0)
		return r;
	/* The one sentence by which all helpers say that there is nothing. */
	if (strstr(text_get(&answer), "credentials not found"))
		return 0;
	return refuse(-EIO, "docker-credential-%s get %s: %.200s", helper, registry,
		answer.length > 0 ? answer.bytes : "failed");
}

int auth_helper_store(
	const char *helper, const char *registry, const struct auth *auth, struct arena *arena)
{
	autofini(text_fini) struct text document = {}, answer = {};
	struct json_writer writer = {.out = &document, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_string(&writer, "ServerURL", registry);
	json_write_string(&writer, "Username", auth->username);
	json_write_string(&writer, "Secret", auth->password);
	json_close(&writer);
	int r = run(helper, "store", text_get(&document), arena, &answer);
	if (r == 0)
		return refuse(-EIO, "docker-credential-%s store: %.200s", helper,
			answer.length > 0 ? answer.bytes : "failed");
	return r < 0 ? r : 0;
}

/* {"https://index.docker.io/v1/": "joe"} */
static int erase_all(const char *helper, struct arena *arena)
{
	autofini(json_document_fini) struct json_document document = {};
	autofini(text_fini) struct text answer = {};
	int gone = 0, r = run(helper, "list", "", arena, &answer);
	if (r <= 0)
		return r;
	r = json_parse(text_get(&answer), answer.length, helper, arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r < 0)
		return r;
	for (const struct json_value *item = document.top.value->first; item; item = item->next) {
		r = auth_helper_erase(helper, item->key, arena);
		if (r < 0)
			return r;
		gone |= r;
	}
	return gone;
}

int auth_helper_erase(const char *helper, const char *registry, struct arena *arena)
{
	autofini(text_fini) struct text answer = {};
	return registry ? run(helper, "erase", registry, arena, &answer) : erase_all(helper, arena);
}
