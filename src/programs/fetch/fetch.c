// SPDX-License-Identifier: Apache-2.0

/*
 * rung-fetch: the one process of a command that speaks with registries.
 *
 * In on descriptor 3 come requests (engine/registry/wire.h), out go bodies into the descriptors
 * that came along, and a line about each end. All transfers run in one thread through libcurl's
 * multi interface; nothing here blocks but the wire itself. When the wire closes, by rung's end or
 * by a signal to it, this process ends at once.
 *
 * Why a process of its own: libcurl with TLS costs a start of 6 ms and 20 libraries, which no other
 * command of rung's shall pay, and it reads bytes of strangers, so it keeps no privileges and no
 * files (confine.c). What it must know of secrets rung read and says over the wire.
 */

#include "fetch.h"

#include "base/clock.h"
#include "base/error.h"
#include "confine.h"
#include "engine/registry/wire.h"
#include "plan/json.h"
#include "plan/json_write.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#define WIRE_FD 3
#define TELL_EVERY_MS 100
#define OUTPUTS_MAX 256

/* ---- telling ----------------------------------------------------------------------- */

static void send_or_end(int socket, const struct text *document)
{
	if (fetch_wire_send(socket, document, NULL, 0) < 0)
		_exit(0); /* nobody listens any more */
}

static void write_headers(struct json_writer *writer, const struct answer *answer)
{
	const struct {
		const char *name, *value;
	} headers[] = {
		{"content-type", answer->content_type},
		{"location", answer->location},
		{"docker-content-digest", answer->digest},
		{"link", answer->link},
		{"range", answer->range},
		{"docker-upload-uuid", answer->upload_id},
		{"oci-chunk-min-length", answer->chunk_min},
	};
	json_open(writer, "headers", '{');
	for (size_t i = 0; i < array_length(headers); i++)
		if (headers[i].value)
			json_write_string(writer, headers[i].name, headers[i].value);
	json_close(writer);
}

void fetch_tell_end(struct transfer *transfer, int error, const char *why)
{
	autofini(text_fini) struct text document = {};
	struct json_writer writer = {.out = &document, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_unsigned(&writer, "request", transfer->request);
	json_write_bool(&writer, "end", true);
	if (error) {
		json_write_unsigned(&writer, "errno", (uint64_t)error);
		json_write_string(&writer, "error", why);
	} else {
		json_write_unsigned(&writer, "status", (uint64_t)transfer->answer.status);
		json_write_unsigned(&writer, "done", transfer->done);
		if (transfer->answer.retry_after_s > 0)
			json_write_unsigned(
				&writer, "retry_after", (uint64_t)transfer->answer.retry_after_s);
		if (transfer->url)
			json_write_string(&writer, "url", transfer->url);
		write_headers(&writer, &transfer->answer);
		if (transfer->body.length > 0)
			json_write_string(&writer, "body", text_get(&transfer->body));
	}
	json_close(&writer);
	send_or_end(transfer->fetcher->socket, &document);
}

void fetch_tell_progress(struct transfer *transfer, int64_t now_ms)
{
	struct pollfd room = {.fd = transfer->fetcher->socket, .events = POLLOUT};
	if (transfer->done == transfer->told || now_ms < transfer->told_ms + TELL_EVERY_MS ||
		poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
		return;
	transfer->told = transfer->done;
	transfer->told_ms = now_ms;
	autofini(text_fini) struct text document = {};
	text_format(&document, "{\"request\":%llu,\"done\":%llu}",
		(unsigned long long)transfer->request, (unsigned long long)transfer->done);
	send_or_end(transfer->fetcher->socket, &document);
}

/* ---- hearing -------------------------------------------------------------------------- */

/* rung's own words: what is wrong here is a bug of ours, and ends the process. */
[[gnu::noreturn]] static void bug(const char *what)
{
	fprintf(stderr, "rung-fetch: %s %s\n", what, error_text());
	_exit(1);
}

static const char *text_of(const struct json *object, const char *key, const char *otherwise)
{
	struct json member;
	const char *value;
	if (!json_find(object, key, &member))
		return otherwise;
	if (json_string(&member, &value) < 0)
		bug("request:");
	return value;
}

static uint64_t number_of(const struct json *object, const char *key)
{
	struct json member;
	uint64_t value;
	if (!json_find(object, key, &member))
		return 0;
	if (json_unsigned(&member, 0, INT64_MAX, &value) < 0)
		bug("request:");
	return value;
}

static bool truth_of(const struct json *object, const char *key)
{
	struct json member;
	bool value;
	if (!json_find(object, key, &member))
		return false;
	if (json_boolean(&member, &value) < 0)
		bug("request:");
	return value;
}

static const char *copy(struct arena *arena, const struct json *object, const char *key)
{
	return arena_strdup(arena, text_of(object, key, NULL));
}

static void hear_endpoint(struct fetcher *fetcher, const struct json *object)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	if (!endpoint)
		memory_exhausted();
	struct arena *arena = &endpoint->arena;
	endpoint->number = number_of(object, "endpoint");
	endpoint->host = copy(arena, object, "host");
	endpoint->insecure = truth_of(object, "insecure");
	endpoint->ca = copy(arena, object, "ca");
	endpoint->certificate = copy(arena, object, "certificate");
	endpoint->key = copy(arena, object, "key");
	endpoint->username = copy(arena, object, "username");
	endpoint->password = copy(arena, object, "password");
	endpoint->identity_token = copy(arena, object, "identity_token");
	endpoint->registry_token = copy(arena, object, "registry_token");
	endpoint->retries = (unsigned)number_of(object, "retries");
	endpoint->retry_delay_ms = number_of(object, "retry_delay_ms");
	endpoint->next = fetcher->endpoints;
	fetcher->endpoints = endpoint;
}

static void hear_headers(struct transfer *transfer, const struct json *object)
{
	struct json list;
	if (!json_find(object, "headers", &list))
		return;
	transfer->headers = arena_new(&transfer->arena, const char *, list.value->length);
	for (const struct json_value *line = list.value->first; line; line = line->next)
		transfer->headers[transfer->header_count++] =
			arena_strdup(&transfer->arena, line->text);
}

static void hear_request(
	struct fetcher *fetcher, const struct json *object, struct fetch_wire_frame *frame)
{
	struct endpoint *endpoint = fetcher->endpoints;
	uint64_t number = number_of(object, "endpoint");
	while (endpoint && endpoint->number != number)
		endpoint = endpoint->next;
	if (!endpoint)
		bug("no such endpoint");
	struct transfer *transfer = transfer_new(fetcher, endpoint);
	struct arena *arena = &transfer->arena;
	transfer->request = number_of(object, "request");
	transfer->method = arena_strdup(arena, text_of(object, "method", "GET"));
	transfer->path = arena_strdup(arena, text_of(object, "path", "/"));
	transfer->scope = arena_strdup(arena, text_of(object, "scope", ""));
	transfer->retry = truth_of(object, "retry");
	transfer->limit = number_of(object, "limit");
	transfer->position = number_of(object, "offset");
	transfer->input_offset = number_of(object, "input_offset");
	transfer->input_length = number_of(object, "input_length");
	hear_headers(transfer, object);
	size_t next = 0;
	if (truth_of(object, "output") && next < frame->fd_count) {
		transfer->output_fd = take_fd(frame->fds[next]);
		next++;
		int flags = fcntl(transfer->output_fd, F_GETFL);
		(void)fcntl(transfer->output_fd, F_SETFL, flags | O_NONBLOCK);
	}
	if (truth_of(object, "input") && next < frame->fd_count)
		transfer->input_fd = take_fd(frame->fds[next]);
	transfer_begin(transfer);
}

static void hear(struct fetcher *fetcher)
{
	autofini(fetch_wire_frame_fini) struct fetch_wire_frame frame = {};
	autofini(arena_fini) struct arena strings = {};
	autofini(json_document_fini) struct json_document document = {};
	int r = fetch_wire_receive(fetcher->socket, &frame);
	if (r <= 0)
		_exit(0);
	if (json_parse(frame.text, frame.length, "request", &strings, &document) < 0 ||
		json_expect(&document.top, JSON_OBJECT) < 0)
		bug("request:");
	struct json member;
	if (json_find(&document.top, "request", &member))
		hear_request(fetcher, &document.top, &frame);
	else
		hear_endpoint(fetcher, &document.top);
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void sweep(struct fetcher *fetcher)
{
	for (struct transfer **link = &fetcher->transfers; *link;) {
		struct transfer *transfer = *link;
		if (transfer->state == TRANSFER_OVER) {
			*link = transfer->next;
			transfer_free(transfer);
		} else {
			link = &transfer->next;
		}
	}
}

static void harvest(struct fetcher *fetcher)
{
	int left;
	CURLMsg *message;
	while ((message = curl_multi_info_read(fetcher->multi, &left))) {
		struct transfer *transfer = NULL;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		if (message->msg == CURLMSG_DONE && transfer)
			transfer_finished(transfer, code);
	}
}

/* Wakes those whose time has come; returns how long the next one sleeps. */
static int wake_sleepers(struct fetcher *fetcher, int64_t now_ms)
{
	int64_t wait_ms = 1000;
	for (struct transfer *t = fetcher->transfers; t; t = t->next) {
		if (t->state == TRANSFER_RUNNING && !t->for_token)
			fetch_tell_progress(t, now_ms);
		if (t->state != TRANSFER_SLEEPING)
			continue;
		if (t->wake_ms <= now_ms)
			transfer_begin(t);
		else if (t->wake_ms - now_ms < wait_ms)
			wait_ms = t->wake_ms - now_ms;
	}
	return (int)wait_ms;
}

static void wait_and_pass_on(struct fetcher *fetcher, int wait_ms)
{
	struct curl_waitfd waits[1 + OUTPUTS_MAX];
	struct transfer *owners[1 + OUTPUTS_MAX];
	unsigned count = 1;
	waits[0] = (struct curl_waitfd){.fd = fetcher->socket, .events = CURL_WAIT_POLLIN};
	for (struct transfer *t = fetcher->transfers; t && count < array_length(waits);
		t = t->next) {
		if (t->pending.length == 0 || t->state == TRANSFER_OVER)
			continue;
		owners[count] = t;
		waits[count++] =
			(struct curl_waitfd){.fd = t->output_fd, .events = CURL_WAIT_POLLOUT};
	}
	curl_multi_poll(fetcher->multi, waits, count, wait_ms, NULL);
	if (waits[0].revents)
		hear(fetcher);
	for (unsigned i = 1; i < count; i++)
		if (waits[i].revents)
			transfer_flush(owners[i]);
}

int main(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	struct fetcher fetcher = {.socket = WIRE_FD, .http_proxy = getenv("HTTP_PROXY")};
	if (getenv("http_proxy") || text_empty(fetcher.http_proxy))
		fetcher.http_proxy = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(fetcher.multi = curl_multi_init()))
		memory_exhausted();
	curl_multi_setopt(fetcher.multi, CURLMOPT_MAX_HOST_CONNECTIONS, 16L);
	confine();
	for (;;) {
		int running;
		int wait_ms = wake_sleepers(&fetcher, clock_monotonic_ms());
		curl_multi_perform(fetcher.multi, &running);
		harvest(&fetcher);
		sweep(&fetcher);
		wait_and_pass_on(&fetcher, wait_ms);
		sweep(&fetcher);
	}
}
