// SPDX-License-Identifier: Apache-2.0

/*
 * A transfer from the request to its end, over as many exchanges as that takes:
 *
 *	token → exchange → 401: another token → 3xx: another address → broken: later again → end
 *
 * What has arrived stays: each further attempt asks for the rest (Range). Attempts are counted anew
 * when bytes came, so a long download over a bad line ends as long as it moves.
 */

#include "fetch.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/random.h>

#define REDIRECTS_MAX 10
#define FIRST_DELAY_MS 500
#define DELAY_MAX_MS 30000

struct transfer *transfer_new(struct fetcher *fetcher, struct endpoint *endpoint)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		memory_exhausted();
	*transfer = (struct transfer){
		.next = fetcher->transfers,
		.fetcher = fetcher,
		.endpoint = endpoint,
		.method = "GET",
		.output_fd = -1,
		.input_fd = -1,
	};
	fetcher->transfers = transfer;
	return transfer;
}

void transfer_free(struct transfer *transfer)
{
	http_stop(transfer);
	close_now(transfer->output_fd);
	close_now(transfer->input_fd);
	text_fini(&transfer->pending);
	text_fini(&transfer->body);
	free(transfer->url);
	arena_fini(&transfer->arena);
	free(transfer);
}

const char *endpoint_base(const struct endpoint *endpoint, struct arena *arena)
{
	const char *scheme = endpoint->scheme == SCHEME_HTTP ? "http" : "https";
	return arena_format(arena, "%s://%s", scheme, endpoint->host);
}

/* ---- ends ---------------------------------------------------------------------- */

static void over(struct transfer *transfer, int error, const char *why)
{
	http_stop(transfer);
	transfer->state = TRANSFER_OVER;
	if (transfer->for_token)
		token_failed(transfer, error, why);
	else
		fetch_tell_end(transfer, error, why);
	close_now(transfer->output_fd); /* the reader sees the end after rung was told */
}

void transfer_fail(struct transfer *transfer, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const char *why = arena_vformat(&transfer->arena, format, arguments);
	va_end(arguments);
	const char *address = transfer->url ? transfer->url : transfer->path;
	over(transfer, error,
		arena_format(&transfer->arena, "%s %.*s: %s", transfer->method,
			(int)strcspn(address, "?"), address, why));
}

static void succeed(struct transfer *transfer)
{
	if (transfer->for_token) {
		http_stop(transfer);
		transfer->state = TRANSFER_OVER;
		token_arrived(transfer);
	} else {
		over(transfer, 0, NULL);
	}
}

/* ---- starts ---------------------------------------------------------------------- */

static void set_url(struct transfer *transfer, const char *url)
{
	char *copy = strdup(url);
	if (!copy)
		memory_exhausted();
	free(transfer->url);
	transfer->url = copy;
}

/* An address of the registry's own that lost its "s" on the way through a proxy gets it back. */
static const char *restore_scheme(struct transfer *transfer, const char *url)
{
	const struct endpoint *endpoint = transfer->endpoint;
	size_t length = strlen(endpoint->host);
	if (endpoint->scheme == SCHEME_HTTPS && strncasecmp(url, "http://", 7) == 0 &&
		strncasecmp(url + 7, endpoint->host, length) == 0 &&
		(url[7 + length] == '/' || !url[7 + length]))
		return arena_format(&transfer->arena, "https://%s", url + 7);
	return url;
}

void transfer_begin(struct transfer *transfer)
{
	http_stop(transfer);
	transfer->state = TRANSFER_WAITING;
	if (!token_prepare(transfer))
		return;
	if (!transfer->url || transfer->redirects == 0) {
		const char *path = transfer->path;
		if (path[0] == '/')
			set_url(transfer,
				arena_format(&transfer->arena, "%s%s",
					endpoint_base(transfer->endpoint, &transfer->arena), path));
		else
			set_url(transfer, restore_scheme(transfer, path));
	}
	http_start(transfer);
}

static void sleep_for(struct transfer *transfer, int64_t delay_ms)
{
	http_stop(transfer);
	transfer->state = TRANSFER_SLEEPING;
	transfer->wake_ms = clock_monotonic_ms() + delay_ms;
}

/* Whether it tries once more; then it sleeps. */
static bool try_later(struct transfer *transfer)
{
	if (transfer->position > transfer->position_at_start)
		transfer->attempts = 0;
	if (!transfer->retry || transfer->attempts >= transfer->endpoint->retries)
		return false;
	int64_t delay_ms = (int64_t)FIRST_DELAY_MS
			   << (transfer->attempts < 8 ? transfer->attempts : 8);
	uint16_t chance = 0;
	(void)!getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	delay_ms += delay_ms * chance / UINT16_MAX / 2; /* so that many do not come back at once */
	if (transfer->endpoint->retry_delay_ms)
		delay_ms = (int64_t)transfer->endpoint->retry_delay_ms;
	if (transfer->answer.retry_after_s >= 0)
		delay_ms = transfer->answer.retry_after_s * 1000;
	if (delay_ms > DELAY_MAX_MS)
		delay_ms = DELAY_MAX_MS;
	transfer->attempts++;
	transfer->redirects = 0; /* the place it led to may be gone */
	sleep_for(transfer, delay_ms);
	return true;
}

/* ---- what an exchange came to --------------------------------------------------------- */

static bool is_transient(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
		return true;
	default:
		return false;
	}
}

static int errno_of(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
		return EKEYREJECTED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return EPROTO;
	default:
		return ECONNRESET;
	}
}

/* A registry that need not be secure may not speak TLS at all. */
static bool fall_back(struct transfer *transfer, CURLcode code)
{
	struct endpoint *endpoint = transfer->endpoint;
	if (!endpoint->insecure || endpoint->scheme == SCHEME_HTTPS || transfer->for_token ||
		transfer->redirects > 0 || transfer->path[0] != '/' ||
		!text_starts(transfer->url, "https:"))
		return false;
	/* Not resolved: there may be a proxy for plain HTTP alone. */
	if (code != CURLE_SSL_CONNECT_ERROR && code != CURLE_COULDNT_CONNECT &&
		code != CURLE_GOT_NOTHING && code != CURLE_RECV_ERROR &&
		code != CURLE_COULDNT_RESOLVE_HOST)
		return false;
	endpoint->scheme = SCHEME_HTTP;
	transfer_begin(transfer);
	return true;
}

/* Who was connected to is told by the address already, unless it was a proxy. */
static const char *connecting(struct transfer *transfer, const char *said, const char *why)
{
	static const char before[] = "Failed to connect to ";
	if (!text_starts(said, before))
		return why;
	const char *host = said + sizeof(before) - 1;
	const char *to = arena_strndup(&transfer->arena, host, strcspn(host, " "));
	if (strstr(transfer->url, to))
		return why;
	const char *port = strstr(host, " port ");
	uint64_t number = port ? strtoull(port + 6, NULL, 10) : 0;
	return arena_format(
		&transfer->arena, "proxy %s:%llu: %s", to, (unsigned long long)number, why);
}

/* What curl and OpenSSL say, in the words of those who read it. */
static const char *explain(struct transfer *transfer, CURLcode *code, int *error)
{
	const char *said =
		transfer->curl_error[0] ? transfer->curl_error : curl_easy_strerror(*code);
	long os_error = 0;
	*error = errno_of(*code);
	if (*code == CURLE_COULDNT_CONNECT &&
		curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK &&
		os_error > 0)
		return connecting(transfer, said, strerror((int)os_error));
	if (*code == CURLE_SSL_CONNECT_ERROR &&
		(strstr(said, "wrong version number") || strstr(said, "packet length too long"))) {
		*code = CURLE_UNSUPPORTED_PROTOCOL; /* it will not learn it */
		*error = EPROTOTYPE;
		return "the server does not speak TLS";
	}
	if (*code == CURLE_PEER_FAILED_VERIFICATION &&
		(strstr(said, "issuer certificate") || strstr(said, "self-signed"))) {
		*error = ENOKEY;
		return "its certificate is of an authority that is not known here";
	}
	return said;
}

static void broken(struct transfer *transfer, CURLcode code)
{
	if (transfer->failure == -EFBIG) {
		transfer_fail(transfer, EFBIG, "the answer is larger than it may be");
	} else if (transfer->failure == -EPROTO) {
		transfer_fail(transfer, EPROTO, "the answer begins at another byte than asked for");
	} else if (transfer->failure < 0) {
		transfer_fail(transfer, -transfer->failure, "%s", strerror(-transfer->failure));
	} else if (!fall_back(transfer, code)) {
		int error;
		const char *why = explain(transfer, &code, &error);
		if (!is_transient(code) || !try_later(transfer))
			transfer_fail(transfer, error, "%s", why);
	}
}

static bool is_redirect(const struct answer *answer)
{
	return answer->location &&
	       (answer->status == 301 || answer->status == 302 || answer->status == 303 ||
		       answer->status == 307 || answer->status == 308);
}

static bool may_repeat_elsewhere(const struct transfer *transfer)
{
	return transfer->answer.status != 303 || text_equal(transfer->method, "GET") ||
	       text_equal(transfer->method, "HEAD");
}

static void redirect(struct transfer *transfer)
{
	if (++transfer->redirects > REDIRECTS_MAX)
		return transfer_fail(
			transfer, ELOOP, "redirected more than %d times", REDIRECTS_MAX);
	CURLU *address = curl_url();
	char *target = NULL;
	bool ok = address && !curl_url_set(address, CURLUPART_URL, transfer->url, 0) &&
		  !curl_url_set(address, CURLUPART_URL, transfer->answer.location, 0) &&
		  !curl_url_get(address, CURLUPART_URL, &target, 0);
	const char *copy =
		ok ? restore_scheme(transfer, arena_strdup(&transfer->arena, target)) : NULL;
	curl_free(target);
	curl_url_cleanup(address);
	if (!copy || !may_repeat_elsewhere(transfer))
		return transfer_fail(transfer, EPROTO, "redirected to nowhere");
	if (strncasecmp(transfer->url, "https:", 6) == 0 && strncasecmp(copy, "https:", 6) != 0 &&
		!transfer->endpoint->insecure)
		return transfer_fail(
			transfer, EPROTO, "redirected from https to an insecure address");
	set_url(transfer, copy);
	transfer_begin(transfer);
}

static bool is_busy(long status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

void transfer_finished(struct transfer *transfer, CURLcode code)
{
	struct endpoint *endpoint = transfer->endpoint;
	if (code != CURLE_OK)
		return broken(transfer, code);
	if (transfer->pending.length > 0) {
		transfer->state = TRANSFER_DRAINING;
		return;
	}
	if (endpoint->scheme == SCHEME_UNKNOWN && !transfer->for_token)
		endpoint->scheme = SCHEME_HTTPS;
	if (transfer->answer.status == 401 && transfer->redirects == 0 && token_renew(transfer))
		return transfer_begin(transfer);
	if (is_redirect(&transfer->answer))
		return redirect(transfer);
	if (is_busy(transfer->answer.status) && try_later(transfer))
		return;
	succeed(transfer);
}
