// SPDX-License-Identifier: Apache-2.0

/*
 * Credentials. A registry that wants some says so by 401 and a challenge: Basic wants the password
 * with each request, Bearer wants a token for a scope from another server (distribution's
 * docs/spec/auth/{token,oauth}.md). Transfers that want the same token wait for one fetching of
 * it; once a registry's challenge is known, further scopes get their tokens before they ask.
 *
 * The password goes to the registry itself and to the realm that it names, to nobody else, and to a
 * realm without TLS only where the registry may be insecure.
 */

#include "fetch.h"

#include "base/clock.h"
#include "engine/registry/base64.h"
#include "plan/json.h"

#include <errno.h>
#include <strings.h>

#define TOKEN_SECONDS 60 /* where the server does not say: token.md */
#define TOKEN_MARGIN_MS 5000

static const char *basic(const struct endpoint *endpoint, struct arena *arena)
{
	const char *pair = arena_format(arena, "%s:%s", endpoint->username, endpoint->password);
	return arena_format(arena, "Basic %s", base64_encode(pair, arena));
}

static struct token *find(struct endpoint *endpoint, const char *scope)
{
	for (struct token *token = endpoint->tokens; token; token = token->next)
		if (text_equal(token->scope, scope))
			return token;
	struct token *token = arena_new(&endpoint->arena, struct token, 1);
	*token = (struct token){
		.next = endpoint->tokens, .scope = arena_strdup(&endpoint->arena, scope)};
	endpoint->tokens = token;
	return token;
}

/* ---- fetching ------------------------------------------------------------------ */

static void add_parameter(struct text *text, const char *name, const char *value)
{
	if (text_empty(value))
		return;
	char *escaped = curl_easy_escape(NULL, value, 0);
	if (!escaped)
		memory_exhausted();
	text_format(text, "%s%s=%s", text->length > 0 ? "&" : "", name, escaped);
	curl_free(escaped);
}

/* A scope of several resources ("repository:a:push repository:b:pull") is several parameters. */
static void add_scopes(struct text *text, const char *scopes, struct arena *arena)
{
	char *rest = arena_strdup(arena, scopes), *scope;
	while ((scope = strsep(&rest, " ")))
		add_parameter(text, "scope", scope);
}

static void start_fetching(struct transfer *wanting, struct token *token)
{
	struct endpoint *endpoint = wanting->endpoint;
	const struct challenge *challenge = &endpoint->challenge;
	struct transfer *transfer = transfer_new(wanting->fetcher, endpoint);
	transfer->for_token = token;
	transfer->retry = true;
	token->fetcher = transfer;
	autofini(text_fini) struct text query = {};
	bool by_form = endpoint->identity_token;
	add_parameter(&query, "service", challenge->service);
	if (by_form) {
		add_parameter(&query, "grant_type", "refresh_token");
		add_parameter(&query, "client_id", "rung");
		add_parameter(&query, "refresh_token", endpoint->identity_token);
		add_parameter(&query, "scope", token->scope);
		transfer->method = "POST";
		transfer->form = arena_strdup(&transfer->arena, text_get(&query));
		transfer->path = arena_strdup(&transfer->arena, challenge->realm);
	} else {
		add_parameter(&query, "account", endpoint->username);
		add_scopes(&query, token->scope, &transfer->arena);
		transfer->path = arena_format(&transfer->arena, "%s%s%s", challenge->realm,
			strchr(challenge->realm, '?') ? "&" : "?", text_get(&query));
	}
	if (strncasecmp(challenge->realm, "https://", 8) != 0 &&
		(!endpoint->insecure || strncasecmp(challenge->realm, "http://", 7) != 0))
		transfer_fail(
			transfer, EPROTO, "the registry sends its clients to an insecure address");
	else
		transfer_begin(transfer);
}

bool token_prepare(struct transfer *transfer)
{
	struct endpoint *endpoint = transfer->endpoint;
	if (transfer->for_token || endpoint->challenge.scheme != CHALLENGE_BEARER ||
		endpoint->registry_token)
		return true;
	struct token *token = find(endpoint, transfer->scope);
	transfer->token = token;
	if (token->value && clock_monotonic_ms() < token->expires_ms)
		return true;
	if (!token->fetcher)
		start_fetching(transfer, token);
	return false;
}

const char *token_authorization(struct transfer *transfer)
{
	const struct endpoint *endpoint = transfer->endpoint;
	if (transfer->for_token) {
		bool home = transfer->redirects == 0 && endpoint->username && !transfer->form;
		return home ? basic(endpoint, &transfer->arena) : NULL;
	}
	if (endpoint->registry_token)
		return arena_format(&transfer->arena, "Bearer %s", endpoint->registry_token);
	if (endpoint->challenge.scheme == CHALLENGE_BEARER && transfer->token)
		return arena_format(&transfer->arena, "Bearer %s", transfer->token->value);
	if (endpoint->challenge.scheme == CHALLENGE_BASIC && endpoint->username)
		return basic(endpoint, &transfer->arena);
	return NULL;
}

static const char *copy_of(struct endpoint *endpoint, const char *text)
{
	return arena_strdup(&endpoint->arena, text);
}

bool token_renew(struct transfer *transfer)
{
	struct endpoint *endpoint = transfer->endpoint;
	const struct challenge *asked = &transfer->answer.challenge;
	if (transfer->for_token || transfer->authenticated || endpoint->registry_token ||
		asked->scheme == CHALLENGE_NONE)
		return false;
	if (asked->scheme == CHALLENGE_BASIC && !endpoint->username)
		return false;
	transfer->authenticated = true;
	endpoint->challenge = (struct challenge){
		.scheme = asked->scheme,
		.realm = copy_of(endpoint, asked->realm),
		.service = copy_of(endpoint, asked->service),
	};
	if (text_empty(transfer->scope) && !text_empty(asked->scope))
		transfer->scope = asked->scope;
	if (transfer->token) /* it was too old, or not enough */
		transfer->token->expires_ms = 0;
	return true;
}

/* ---- arriving ------------------------------------------------------------------- */

/* Those who wait go on with the token, or end for want of it. */
static void wake(struct transfer *bringer, int error, const char *why)
{
	struct token *token = bringer->for_token;
	token->fetcher = NULL;
	for (struct transfer *t = bringer->fetcher->transfers; t; t = t->next) {
		if (t->state != TRANSFER_WAITING || t->token != token || t->for_token)
			continue;
		if (error == 0) {
			transfer_begin(t);
		} else {
			t->state = TRANSFER_OVER;
			fetch_tell_end(t, error, why);
			close_now(t->output_fd);
		}
	}
}

void token_failed(struct transfer *transfer, int error, const char *why)
{
	wake(transfer, error, why);
}

static int read_token(struct transfer *transfer, struct token *token)
{
	autofini(json_document_fini) struct json_document document = {};
	struct json member;
	const char *value = NULL;
	uint64_t seconds = TOKEN_SECONDS;
	int r = json_parse(text_get(&transfer->body), transfer->body.length, "token",
		&transfer->arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r >= 0 && (json_find(&document.top, "token", &member) ||
			      json_find(&document.top, "access_token", &member)))
		r = json_string(&member, &value);
	if (r >= 0 && json_find(&document.top, "expires_in", &member) &&
		json_unsigned(&member, 0, UINT32_MAX, &seconds) < 0)
		error_clear();
	if (r < 0)
		return r;
	if (text_empty(value) || strpbrk(value, "\r\n"))
		return refuse(-EPROTO, "the answer holds no token");
	free(token->value);
	token->value = strdup(value);
	if (!token->value)
		memory_exhausted();
	if (seconds < TOKEN_SECONDS)
		seconds = TOKEN_SECONDS;
	token->expires_ms = clock_monotonic_ms() + (int64_t)seconds * 1000 - TOKEN_MARGIN_MS;
	return 0;
}

void token_arrived(struct transfer *transfer)
{
	struct token *token = transfer->for_token;
	long status = transfer->answer.status;
	const char *where = transfer->endpoint->host;
	if (status == 401 || status == 403) {
		bool given = transfer->endpoint->username || transfer->endpoint->identity_token;
		return wake(transfer, EACCES,
			given ? arena_format(&transfer->arena,
					"%s: invalid username/password: unauthorized", where)
			      : arena_format(
					&transfer->arena, "%s: authentication required", where));
	}
	if (status != 200)
		return wake(transfer, EPROTO,
			arena_format(&transfer->arena, "%s: token server says status %ld", where,
				status));
	if (read_token(transfer, token) < 0) {
		const char *why =
			arena_format(&transfer->arena, "%s: token: %s", where, error_text());
		error_clear();
		return wake(transfer, EPROTO, why);
	}
	wake(transfer, 0, NULL);
}
