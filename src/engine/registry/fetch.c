// SPDX-License-Identifier: Apache-2.0

/*
 * rung's end of the wire. The process gets nothing of our environment but what says which proxy to
 * use, and no descriptor but its socket and our standard error.
 */

#include "engine/registry/fetch.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "base/process.h"
#include "plan/json_write.h"
#include "plan/plan.h"

#include <sys/mman.h>
#include <sys/socket.h>

#define PROGRAM "rung-fetch"
#define SOCKET_THERE 3

void fetch_fini(struct fetch *fetch)
{
	close_now(fetch->socket);
	if (fetch->pidfd >= 0) {
		int status;
		(void)!process_reap(fetch->pidfd, &status);
		close_now(fetch->pidfd);
	}
}

static struct strings environment(struct arena *arena)
{
	static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
	struct strings list = {.items = arena_new(arena, const char *, array_length(names) + 1)};
	for (size_t i = 0; i < array_length(names); i++) {
		const char *value = getenv(names[i]);
		if (!text_empty(value))
			list.items[list.count++] = arena_format(arena, "%s=%s", names[i], value);
	}
	return list;
}

static int start(struct fetch *fetch)
{
	autofini(arena_fini) struct arena arena = {};
	const char *program = programs_find(PROGRAM, &arena);
	if (!program) {
		int r = refuse(-ENOENT, "%s: no such program", PROGRAM);
		hint("it is installed with rung, in libexec/rung");
		return r;
	}
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(-errno, "socketpair");
	autoclose int ours = ends[0];
	autoclose int its = ends[1];
	const struct process_spawn spawn = {
		.program = program,
		.arguments = (const char *const[]){PROGRAM, NULL},
		.environment = environment(&arena).items,
		.working_directory = "/",
		.fds = (const struct process_fd[]){{its, SOCKET_THERE}},
		.fd_count = 1,
	};
	struct process_child child;
	int r = process_start(&spawn, &child);
	if (r < 0)
		return r;
	fetch->socket = take_fd(ours);
	fetch->pid = child.pid;
	fetch->pidfd = child.pidfd;
	return 0;
}

static int send_document(
	struct fetch *fetch, const struct text *document, const int *fds, size_t count)
{
	int r = fetch_wire_send(fetch->socket, document, fds, count);
	return r < 0 ? fail(r, "%s", PROGRAM) : 0;
}

static void write_if(struct json_writer *writer, const char *key, const char *value)
{
	if (value)
		json_write_string(writer, key, value);
}

int fetch_add_endpoint(
	struct fetch *fetch, const struct fetch_endpoint *endpoint, uint64_t *ret_number)
{
	int r = fetch->socket < 0 ? start(fetch) : 0;
	if (r < 0)
		return r;
	autofini(text_fini) struct text document = {};
	struct json_writer writer = {.out = &document, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_unsigned(&writer, "endpoint", fetch->endpoints);
	json_write_string(&writer, "host", endpoint->host);
	json_write_bool(&writer, "insecure", endpoint->insecure);
	write_if(&writer, "ca", endpoint->ca);
	write_if(&writer, "certificate", endpoint->certificate);
	write_if(&writer, "key", endpoint->key);
	write_if(&writer, "username", endpoint->username);
	write_if(&writer, "password", endpoint->password);
	write_if(&writer, "identity_token", endpoint->identity_token);
	write_if(&writer, "registry_token", endpoint->registry_token);
	json_write_unsigned(&writer, "retries", endpoint->retries);
	json_write_unsigned(&writer, "retry_delay_ms", endpoint->retry_delay_ms);
	json_close(&writer);
	r = send_document(fetch, &document, NULL, 0);
	if (r < 0)
		return r;
	*ret_number = fetch->endpoints++;
	return 0;
}

int fetch_send(struct fetch *fetch, const struct fetch_request *request, uint64_t *ret_number)
{
	autofini(text_fini) struct text document = {};
	struct json_writer writer = {.out = &document, .compact = true};
	int fds[WIRE_FDS];
	size_t count = 0;
	json_open(&writer, NULL, '{');
	json_write_unsigned(&writer, "request", fetch->requests);
	json_write_unsigned(&writer, "endpoint", request->endpoint);
	write_if(&writer, "method", request->method);
	json_write_string(&writer, "path", request->path);
	write_if(&writer, "scope", request->scope);
	json_open_lazily(&writer, "headers", '[');
	for (size_t i = 0; i < array_length(request->headers) && request->headers[i]; i++)
		json_write_string(&writer, NULL, request->headers[i]);
	json_close(&writer);
	json_write_unsigned(&writer, "offset", request->offset);
	json_write_unsigned(&writer, "limit", request->limit);
	json_write_bool(&writer, "retry", !request->no_retry);
	if (request->output_fd > 0) {
		json_write_bool(&writer, "output", true);
		fds[count++] = request->output_fd;
	}
	if (request->input_fd > 0) {
		json_write_bool(&writer, "input", true);
		json_write_unsigned(&writer, "input_offset", request->input_offset);
		json_write_unsigned(&writer, "input_length", request->input_length);
		fds[count++] = request->input_fd;
	}
	json_close(&writer);
	int r = send_document(fetch, &document, fds, count);
	if (r < 0)
		return r;
	*ret_number = fetch->requests++;
	return 0;
}

/* ---- answers -------------------------------------------------------------------- */

static int read_text(const struct json *object, const char *key, const char **ret)
{
	struct json member;
	return json_find(object, key, &member) ? json_string(&member, ret) : 0;
}

static int read_number(const struct json *object, const char *key, uint64_t *ret)
{
	struct json member;
	return json_find(object, key, &member) ? json_unsigned(&member, 0, INT64_MAX, ret) : 0;
}

static int read_headers(const struct json *object, struct fetch_answer *answer)
{
	const struct {
		const char *name, **value;
	} kept[] = {
		{"content-type", &answer->content_type},
		{"location", &answer->location},
		{"docker-content-digest", &answer->digest},
		{"link", &answer->link},
		{"range", &answer->range},
		{"oci-chunk-min-length", &answer->chunk_min},
	};
	struct json headers;
	if (!json_find(object, "headers", &headers))
		return 0;
	int r = json_expect(&headers, JSON_OBJECT);
	for (size_t i = 0; r >= 0 && i < array_length(kept); i++)
		r = read_text(&headers, kept[i].name, kept[i].value);
	return r;
}

static int read_answer(const struct json *object, struct fetch_answer *answer)
{
	struct json member;
	uint64_t status = 0, error = 0;
	int r = json_expect(object, JSON_OBJECT);
	if (r >= 0)
		r = read_number(object, "request", &answer->request);
	if (r >= 0)
		r = read_number(object, "done", &answer->done);
	if (r >= 0)
		r = read_number(object, "status", &status);
	if (r >= 0)
		r = read_number(object, "errno", &error);
	if (r >= 0)
		r = read_number(object, "retry_after", &answer->retry_after_s);
	if (r >= 0)
		r = read_text(object, "error", &answer->story);
	if (r >= 0)
		r = read_text(object, "body", &answer->body);
	if (r >= 0)
		r = read_text(object, "url", &answer->url);
	if (r >= 0)
		r = read_headers(object, answer);
	if (r < 0)
		return r;
	answer->end = json_find(object, "end", &member);
	answer->status = (int)status;
	answer->error = (int)error;
	return 0;
}

int fetch_next(struct fetch *fetch, struct arena *arena, struct fetch_answer *ret)
{
	autofini(fetch_wire_frame_fini) struct fetch_wire_frame frame = {};
	autofini(json_document_fini) struct json_document document = {};
	int r = fetch_wire_receive(fetch->socket, &frame);
	if (r <= 0)
		return r < 0 ? fail(r, "%s", PROGRAM) : refuse(-EPIPE, "%s has died", PROGRAM);
	struct fetch_answer answer = {};
	r = json_parse(frame.text, frame.length, PROGRAM, arena, &document);
	if (r >= 0)
		r = read_answer(&document.top, &answer);
	if (r < 0)
		return r;
	*ret = answer;
	return 0;
}

int fetch_do(struct fetch *fetch, const struct fetch_request *request, struct arena *arena,
	struct fetch_answer *ret_answer, char **ret_text, size_t *ret_length)
{
	struct fetch_request with = *request;
	autoclose int body = ret_text ? memfd_create("body", MFD_CLOEXEC) : -1;
	if (ret_text && body < 0)
		return fail(-errno, "memfd_create");
	with.output_fd = body;
	uint64_t number;
	struct fetch_answer answer = {};
	int r = fetch_send(fetch, &with, &number);
	while (r >= 0 && !(answer.end && answer.request == number))
		r = fetch_next(fetch, arena, &answer);
	if (r < 0)
		return r;
	if (answer.error)
		return fetch_fail(answer.error, answer.story);
	if (ret_text) {
		if (lseek(body, 0, SEEK_SET) < 0)
			return fail(-errno, "read what was fetched");
		r = fs_read_fd(body, request->limit, ret_text, ret_length);
		if (r < 0)
			return fail(r, "read what was fetched");
	}
	*ret_answer = answer;
	return 0;
}

int fetch_fail(int error, const char *story)
{
	int r = refuse(-error, "%s", story ? story : "no answer");
	if (error == ENOKEY)
		hint("put its authority's certificate into /etc/containers/certs.d/REGISTRY/ca.crt "
		     "or ~/.config/containers/certs.d/REGISTRY/ca.crt, or take any with "
		     "--tls-verify=false");
	if (error == EPROTOTYPE)
		hint("if it is meant to be without TLS: --tls-verify=false, or insecure = true in "
		     "registries.conf");
	return r;
}

/* ---- what registries say ------------------------------------------------------------ */

/* {"errors":[{"code":"MANIFEST_UNKNOWN","message":"…"}]}, OCI distribution specification 1.1. */
static const char *said(const char *body, struct arena *arena)
{
	autofini(json_document_fini) struct json_document document = {};
	struct json errors, message;
	const char *text = NULL;
	if (text_empty(body))
		return NULL;
	int r = json_parse(body, strlen(body), "error", arena, &document);
	if (r >= 0)
		r = json_expect(&document.top, JSON_OBJECT);
	if (r >= 0 && json_find(&document.top, "errors", &errors) &&
		json_expect(&errors, JSON_ARRAY) >= 0 && errors.value->first) {
		struct json first = json_child(&errors, errors.value->first, 0);
		if (json_expect(&first, JSON_OBJECT) >= 0 && json_find(&first, "message", &message))
			(void)!json_string(&message, &text);
	}
	error_clear();
	for (const char *c = text; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return NULL; /* nothing for a terminal */
	return text;
}

int fetch_refuse(const struct fetch_answer *answer, struct arena *arena)
{
	static const struct {
		int status, error;
		const char *words;
	} known[] = {
		{401, EACCES, "unauthorized: authentication required"},
		{403, EACCES, "access denied"},
		{404, ENOENT, "not found"},
		{405, EOPNOTSUPP, "the registry does not allow this"},
		{413, EFBIG, "too large for the registry"},
		{416, ERANGE, "the registry has not as many bytes"},
		{429, EBUSY, "too many requests"},
	};
	const char *message = said(answer->body, arena);
	for (size_t i = 0; i < array_length(known); i++)
		if (known[i].status == answer->status)
			return refuse(-known[i].error, "%s%s%s%s", known[i].words,
				message ? " (" : "", message ? message : "", message ? ")" : "");
	return refuse(-EPROTO, "the registry answers with status %d%s%s", answer->status,
		message ? ": " : "", message ? message : "");
}
