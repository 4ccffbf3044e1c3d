// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * rung's end of rung-fetch: one process per command, started with the first registry that is asked.
 * Requests are sent without waiting, ends come in any order.
 */

#include "base/arena.h"
#include "engine/registry/wire.h"
#include "plan/json.h"

#include <stdint.h>
#include <sys/types.h>

struct fetch {
	int socket; /* -1: not started */
	pid_t pid;
	int pidfd;
	uint64_t requests, endpoints;
};
#define FETCH_NONE \
	{ \
		.socket = -1, .pidfd = -1 \
	}

/** Ends the process, whatever it is at. */
void fetch_fini(struct fetch *fetch);

/** A registry and how to speak with it; see wire.h. */
struct fetch_endpoint {
	const char *host; /* with port */
	bool insecure;
	const char *ca, *certificate, *key; /* PEM */
	const char *username, *password, *identity_token, *registry_token;
	unsigned retries;
	uint64_t retry_delay_ms; /* 0: a short one that doubles each time */
};

/** Makes it known; starts the process if it does not run. Tells a story. */
[[nodiscard]] int fetch_add_endpoint(
	struct fetch *fetch, const struct fetch_endpoint *endpoint, uint64_t *ret_number);

struct fetch_request {
	uint64_t endpoint;
	const char *method; /* NULL: GET */
	const char *path;   /* "/v2/…" or a whole address */
	const char *scope;  /* "repository:library/debian:pull"; NULL: none */
	const char *headers[4];
	uint64_t offset; /* bytes that are there already */
	uint64_t limit;  /* the document is not longer than that; 0: nobody knows */
	bool no_retry;
	int output_fd; /* bodies of success; 0 or -1: none */
	int input_fd;  /* the request's body; 0 or -1: none */
	uint64_t input_offset, input_length;
};

/** Sends it; the descriptors stay the caller's. Tells a story. */
[[nodiscard]] int fetch_send(
	struct fetch *fetch, const struct fetch_request *request, uint64_t *ret_number);

struct fetch_answer {
	uint64_t request;
	bool end;
	uint64_t done;
	int error; /* positive errno: no answer could be had; story says why */
	const char *story;
	int status;
	uint64_t retry_after_s; /* 0: not said */
	const char *url, *content_type, *location, *digest, *link, *range, *chunk_min, *body;
};

/** The next thing that happened. Its strings live in the arena. Tells a story. */
[[nodiscard]] int fetch_next(struct fetch *fetch, struct arena *arena, struct fetch_answer *ret);

/**
 * A request and its end; for use while no other request is under way. A *ret_text that is not NULL
 * gets the body of a success, at most @limit bytes (of request). An answer with any status is
 * success here. Tells a story.
 */
[[nodiscard]] int fetch_do(struct fetch *fetch, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *ret_answer, char **ret_text, size_t *ret_length);

/** The story of a request that got no answer (its error), and what can be done about that. */
[[nodiscard]] int fetch_fail(int error, const char *story);

/** The story of an answer whose status is no success, with what the registry said. */
[[nodiscard]] int fetch_refuse(const struct fetch_answer *answer, struct arena *arena);
