// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Names looked up the host's way: hosts file, name servers, whatever nsswitch.conf says. The C
 * library's functions for that wait, up to half a minute, so threads call them, a few at most;
 * answers come back through the loop and are remembered for a moment.
 */

#include "base/loop.h"
#include "plan/host.h"

struct resolver;
struct resolve_request;

/** Threads are started when there is something to do. Tells a story. */
[[nodiscard]] int resolver_new(struct loop *loop, struct resolver **ret);

/** Requests that are open end without an answer. NULL is fine. */
void resolver_free(struct resolver *resolver);

enum { RESOLVE_ADDRESSES_MAX = 16 };

struct resolved {
	/* 0; -ENOENT: there is no such name, or nothing of it; -EAGAIN: nobody could tell. */
	int result;
	size_t address_count;
	struct address addresses[RESOLVE_ADDRESSES_MAX];
	uint8_t *message; /* resolve_records(): what the name server said; the callback's to read */
	size_t message_length;
};

/** Called once from the loop, unless resolve_cancel() came first; maybe at once. */
typedef void (*resolve_callback)(const struct resolved *resolved, void *context);

/**
 * Addresses of a name, of both families, the best first (RFC 6724). Returns NULL when the callback
 * was called already.
 */
struct resolve_request *resolve_addresses(
	struct resolver *resolver, const char *name, resolve_callback callback, void *context);

/** Records of another type, as a message of a name server. */
struct resolve_request *resolve_records(struct resolver *resolver, const char *name, uint16_t type,
	resolve_callback callback, void *context);

/** The callback will not be called. NULL is fine. */
void resolve_cancel(struct resolve_request *request);
