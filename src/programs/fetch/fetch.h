// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the files of rung-fetch share. */

#include "base/arena.h"
#include "base/text.h"
#include "engine/registry/challenge.h"

#include <curl/curl.h>

struct transfer;

/** A token for a scope of an endpoint: wanted, being fetched, or there. */
struct token {
	struct token *next;
	const char *scope;
	char *value;              /* NULL while it is being fetched */
	int64_t expires_ms;       /* CLOCK_MONOTONIC */
	struct transfer *fetcher; /* the transfer that brings it, NULL if none runs */
};

enum scheme { SCHEME_UNKNOWN, SCHEME_HTTPS, SCHEME_HTTP };

/** A registry. */
struct endpoint {
	struct endpoint *next;
	uint64_t number;
	const char *host; /* with port */
	bool insecure;    /* certificates are not verified, plain HTTP will do */
	enum scheme scheme;
	const char *ca, *certificate, *key; /* PEM, NULL: none */
	const char *username, *password, *identity_token, *registry_token;
	unsigned retries;
	uint64_t retry_delay_ms;    /* 0: FIRST_DELAY_MS, doubled each time */
	struct challenge challenge; /* what it wanted last */
	struct token *tokens;
	struct arena arena;
};

/** What the answer's headers said. */
struct answer {
	long status;
	bool body_begun;
	uint64_t position; /* of the next body byte in the whole document */
	char *content_type, *location, *digest, *link, *range, *upload_id, *chunk_min;
	char *content_range;
	int64_t retry_after_s; /* -1: not said */
	struct challenge challenge;
};

enum transfer_state {
	TRANSFER_WAITING,  /* for a token */
	TRANSFER_SLEEPING, /* until wake_ms */
	TRANSFER_RUNNING,  /* curl has it */
	TRANSFER_DRAINING, /* all has arrived, the output does not take it yet */
	TRANSFER_OVER,     /* to be freed */
};

/** One request of rung's, with all attempts, redirects and authentication it takes. */
struct transfer {
	struct transfer *next;
	struct fetcher *fetcher;
	struct endpoint *endpoint;
	struct token *for_token; /* it brings this token, and belongs to no request */
	struct token *token;     /* it used, or waits for, this one */
	uint64_t request;
	enum transfer_state state;
	const char *method, *path, *scope, *form;
	const char **headers;
	size_t header_count;
	bool retry;        /* may be repeated */
	uint64_t position; /* of the next byte for the output */
	uint64_t done;     /* bytes moved, for progress */
	uint64_t limit;    /* of position; 0: none */
	int output_fd, input_fd;
	uint64_t input_offset, input_length, sent;

	CURL *easy;
	struct curl_slist *list;
	char *url; /* of the present attempt */
	char curl_error[CURL_ERROR_SIZE];
	unsigned attempts, redirects;
	uint64_t position_at_start; /* of this attempt: progress forgives failures */
	bool authenticated;         /* credentials were tried */
	int64_t wake_ms, told_ms;
	uint64_t told;
	struct answer answer;
	struct text pending; /* for an output that was full */
	struct text body;    /* of an error, or of a token */
	bool paused;
	int failure; /* negative errno of a callback */
	struct arena arena;
};

struct fetcher {
	int socket;
	CURLM *multi;
	const char *http_proxy; /* $HTTP_PROXY, which curl passes over */
	struct endpoint *endpoints;
	struct transfer *transfers;
};

/* ---- transfer.c ---- */

/** A new transfer of an endpoint, not started. */
struct transfer *transfer_new(struct fetcher *fetcher, struct endpoint *endpoint);
void transfer_free(struct transfer *transfer);

/** Starts (or starts again) as soon as it has what it needs. */
void transfer_begin(struct transfer *transfer);

/** curl has done with it. */
void transfer_finished(struct transfer *transfer, CURLcode code);

/** Passes on what the output did not take before. */
void transfer_flush(struct transfer *transfer);

/** Gives up: tells rung, or those who wait for the token. */
[[gnu::format(printf, 3, 4)]] void transfer_fail(
	struct transfer *transfer, int error, const char *format, ...);

/** "https://host" of the endpoint as far as it is known. */
const char *endpoint_base(const struct endpoint *endpoint, struct arena *arena);

/* ---- http.c: one exchange, and what its callbacks see ---- */

/** Gives the exchange to curl. */
void http_start(struct transfer *transfer);
void http_stop(struct transfer *transfer);

/* ---- token.c ---- */

/** Whether the transfer can go: false while it waits for a token. */
bool token_prepare(struct transfer *transfer);

/** The value of the Authorization header, NULL for none. */
const char *token_authorization(struct transfer *transfer);

/** After a 401: true when another attempt makes sense. */
bool token_renew(struct transfer *transfer);

/** The answer to a token's transfer is there; body is what it said. */
void token_arrived(struct transfer *transfer);

/** It could not be had: all who wait for it fail. */
void token_failed(struct transfer *transfer, int error, const char *why);

/* ---- fetch.c ---- */

/** Tells rung how the request ended. error 0: an answer with a status. */
void fetch_tell_end(struct transfer *transfer, int error, const char *why);
void fetch_tell_progress(struct transfer *transfer, int64_t now_ms);
