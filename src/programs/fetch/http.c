// SPDX-License-Identifier: Apache-2.0

/*
 * One HTTP exchange by libcurl: the request, and the callbacks that see the answer pass by.
 *
 * The body of a success goes straight to the output. An output that is full (a pipe to a slower
 * reader) never blocks the others: the rest is kept, curl is paused, the loop waits for the pipe.
 * A server that does not know Range sends the beginning again, which is dropped here.
 */

#include "fetch.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#define BODY_KEPT ((size_t)16 << 10)     /* of an error */
#define TOKEN_BODY_MAX ((size_t)1 << 20) /* tokens are long, but not that long */
#define BUFFER_BYTES (512L << 10)
#define CONNECT_SECONDS 30L
#define STALLED_SECONDS 60L
#define STORING_SECONDS 600L /* registries that move a large blob to its place say nothing */

static bool is_success(const struct transfer *transfer)
{
	return transfer->answer.status == 200 || transfer->answer.status == 206;
}

/* ---- the answer's headers ------------------------------------------------- */

static void begin_answer(struct transfer *transfer, const char *line)
{
	const char *space = strchr(line, ' ');
	transfer->answer = (struct answer){
		.status = space ? strtol(space + 1, NULL, 10) : 0,
		.retry_after_s = -1,
	};
	transfer->body.length = 0;
}

static bool value_of(const char *line, const char *name, const char **ret_value)
{
	size_t length = strlen(name);
	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return false;
	*ret_value = line + length + 1 + strspn(line + length + 1, " \t");
	return true;
}

/* Seconds, or a date; how long is too long is for others to say. */
static int64_t read_pause(const char *value)
{
	int64_t seconds;
	if (parse_int64(value, 0, INT32_MAX, &seconds) >= 0)
		return seconds;
	time_t when = curl_getdate(value, NULL), now = time(NULL);
	return when > now ? when - now : -1;
}

static void keep_header(struct transfer *transfer, const char *line)
{
	struct answer *answer = &transfer->answer;
	const struct {
		const char *name;
		char **value;
	} kept[] = {
		{"Content-Type", &answer->content_type},
		{"Location", &answer->location},
		{"Docker-Content-Digest", &answer->digest},
		{"Link", &answer->link},
		{"Range", &answer->range},
		{"Docker-Upload-UUID", &answer->upload_id},
		{"OCI-Chunk-Min-Length", &answer->chunk_min},
		{"Content-Range", &answer->content_range},
	};
	const char *value;
	for (size_t i = 0; i < array_length(kept); i++)
		if (value_of(line, kept[i].name, &value))
			*kept[i].value = arena_strdup(&transfer->arena, value);
	if (value_of(line, "WWW-Authenticate", &value))
		(void)!challenge_parse(value, &transfer->arena, &answer->challenge);
	if (value_of(line, "Retry-After", &value))
		answer->retry_after_s = read_pause(value);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t length = size * count, kept = length;
	while (kept > 0 && strchr("\r\n \t", bytes[kept - 1]))
		kept--;
	if (kept > 16384)
		return length;
	autofini(text_fini) struct text line = {};
	text_add_bytes(&line, bytes, kept);
	if (text_starts(text_get(&line), "HTTP/"))
		begin_answer(transfer, line.bytes);
	else if (kept > 0)
		keep_header(transfer, line.bytes);
	return length;
}

/* ---- the answer's body ------------------------------------------------------ */

/* Where in the document the body starts; false when it is not where it was asked for. */
static bool locate_body(struct transfer *transfer)
{
	struct answer *answer = &transfer->answer;
	answer->body_begun = true;
	if (answer->status != 206)
		return true;
	const char *range = answer->content_range;
	if (!range || strncasecmp(range, "bytes ", 6) != 0)
		return false;
	char *end;
	answer->position = strtoull(range + 6, &end, 10);
	return *end == '-' && answer->position <= transfer->position;
}

/* 0 when all is gone or kept; negative errno. */
static int put(struct transfer *transfer, const char *bytes, size_t length)
{
	while (length > 0 && transfer->pending.length == 0) {
		ssize_t written = write(transfer->output_fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			break;
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	text_add_bytes(&transfer->pending, bytes, length);
	return 0;
}

static int keep_body(struct transfer *transfer, const char *bytes, size_t length)
{
	size_t most = transfer->for_token ? TOKEN_BODY_MAX : BODY_KEPT;
	if (transfer->body.length + length > most) {
		if (transfer->for_token)
			return -EFBIG;
		length = most - transfer->body.length;
	}
	text_add_bytes(&transfer->body, bytes, length);
	return 0;
}

static int take_body(struct transfer *transfer, const char *bytes, size_t length)
{
	struct answer *answer = &transfer->answer;
	if (!is_success(transfer) || transfer->output_fd < 0)
		return keep_body(transfer, bytes, length);
	if (!answer->body_begun && !locate_body(transfer))
		return -EPROTO;
	uint64_t begin = answer->position;
	answer->position += length;
	if (answer->position <= transfer->position)
		return 0;
	if (transfer->limit > 0 && answer->position > transfer->limit)
		return -EFBIG;
	if (begin < transfer->position) {
		bytes += transfer->position - begin;
		length -= transfer->position - begin;
	}
	transfer->position += length;
	transfer->done = transfer->position;
	return put(transfer, bytes, length);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	if (transfer->pending.length > 0) {
		transfer->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	transfer->failure = take_body(transfer, bytes, size * count);
	return transfer->failure < 0 ? CURL_WRITEFUNC_ERROR : size * count;
}

void transfer_flush(struct transfer *transfer)
{
	struct text pending = transfer->pending;
	transfer->pending = (struct text){};
	int r = put(transfer, pending.bytes, pending.length);
	text_fini(&pending);
	if (r < 0) {
		transfer_fail(transfer, -r, "write: %s", strerror(-r));
		return;
	}
	if (transfer->pending.length > 0)
		return;
	if (transfer->state == TRANSFER_DRAINING) {
		transfer_finished(transfer, CURLE_OK);
	} else if (transfer->paused) {
		transfer->paused = false;
		curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
	}
}

/* ---- the request -------------------------------------------------------------- */

static size_t on_read(char *buffer, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	size_t room = size * count;
	uint64_t left = transfer->input_length - transfer->sent;
	if (left < room)
		room = left;
	if (room == 0)
		return 0;
	ssize_t got = pread(
		transfer->input_fd, buffer, room, (off_t)(transfer->input_offset + transfer->sent));
	if (got <= 0) {
		transfer->failure = got < 0 ? -errno : -EIO;
		return CURL_READFUNC_ABORT;
	}
	transfer->sent += (uint64_t)got;
	if (transfer->sent > transfer->done)
		transfer->done = transfer->sent;
	return (size_t)got;
}

static int on_seek(void *context, curl_off_t offset, int origin)
{
	struct transfer *transfer = context;
	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	transfer->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void set_blob(CURL *easy, CURLoption option, const char *text)
{
	if (text_empty(text))
		return;
	struct curl_blob blob = {
		.data = (void *)text, .len = strlen(text), .flags = CURL_BLOB_NOCOPY};
	curl_easy_setopt(easy, option, &blob);
}

static bool is_loopback(const char *host)
{
	return text_starts(host, "127.") || text_starts(host, "localhost") ||
	       text_starts(host, "[::1]");
}

static void set_security(struct transfer *transfer, bool at_home)
{
	CURL *easy = transfer->easy;
	const struct endpoint *endpoint = transfer->endpoint;
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	set_blob(easy, CURLOPT_CAINFO_BLOB, endpoint->ca);
	if (at_home) {
		set_blob(easy, CURLOPT_SSLCERT_BLOB, endpoint->certificate);
		set_blob(easy, CURLOPT_SSLKEY_BLOB, endpoint->key);
	}
	if (endpoint->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (at_home && is_loopback(endpoint->host))
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	else if (text_starts(transfer->url, "http:") && transfer->fetcher->http_proxy)
		curl_easy_setopt(easy, CURLOPT_PROXY, transfer->fetcher->http_proxy);
}

static void set_method(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	if (text_equal(transfer->method, "HEAD")) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (transfer->input_fd >= 0) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(
			easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->input_length);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
	} else if (transfer->form || !text_equal(transfer->method, "GET")) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->form ? transfer->form : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->method);
}

static void add_header(struct transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->list, line);
	if (!longer)
		memory_exhausted();
	transfer->list = longer;
}

static void set_headers(struct transfer *transfer, bool at_home)
{
	for (size_t i = 0; i < transfer->header_count; i++)
		add_header(transfer, transfer->headers[i]);
	add_header(transfer, "Expect:");
	if (transfer->input_fd < 0 && !transfer->form)
		add_header(transfer, "Content-Type:"); /* not that of a form */
	const char *value = at_home ? token_authorization(transfer) : NULL;
	if (value)
		add_header(transfer, arena_format(&transfer->arena, "Authorization: %s", value));
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->list);
	curl_easy_setopt(transfer->easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	if (transfer->position > 0)
		curl_easy_setopt(transfer->easy, CURLOPT_RANGE,
			arena_format(
				&transfer->arena, "%llu-", (unsigned long long)transfer->position));
}

/* Whether the address belongs to the registry itself, the only one to see its credentials. */
static bool is_at_home(struct transfer *transfer)
{
	if (transfer->for_token)
		return true; /* what it may see is decided in token.c */
	const char *base = endpoint_base(transfer->endpoint, &transfer->arena);
	size_t length = strlen(base);
	return strncasecmp(transfer->url, base, length) == 0 &&
	       (transfer->url[length] == '/' || !transfer->url[length]);
}

void http_start(struct transfer *transfer)
{
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		memory_exhausted();
	CURL *easy = transfer->easy;
	transfer->sent = 0;
	transfer->failure = 0;
	transfer->paused = false;
	transfer->position_at_start = transfer->position;
	transfer->curl_error[0] = '\0';
	transfer->answer = (struct answer){.retry_after_s = -1};
	curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "rung/" RUNG_VERSION);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	bool storing = text_equal(transfer->method, "PUT");
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, storing ? STORING_SECONDS : STALLED_SECONDS);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* Wait for what the first connection turns out to speak; without TLS that is known. */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, text_starts(transfer->url, "https:") ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	bool at_home = is_at_home(transfer);
	set_security(transfer, at_home);
	set_method(transfer);
	set_headers(transfer, at_home);
	transfer->state = TRANSFER_RUNNING;
	curl_multi_add_handle(transfer->fetcher->multi, easy);
}

void http_stop(struct transfer *transfer)
{
	if (transfer->easy) {
		curl_multi_remove_handle(transfer->fetcher->multi, transfer->easy);
		curl_easy_cleanup(take(transfer->easy));
	}
	curl_slist_free_all(take(transfer->list));
}
