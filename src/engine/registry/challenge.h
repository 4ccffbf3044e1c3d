// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * WWW-Authenticate: what a registry that says 401 wants (RFC 9110 section 11, and the token
 * specification of distribution: docs/spec/auth/token.md).
 */

#include "base/arena.h"

#include <stdbool.h>

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme;
	const char *realm, *service, *scope, *error; /* NULL: not said */
};

/**
 * Reads the value of the header, which may hold several challenges; *challenge keeps the better of
 * what it was and what is found: Bearer before Basic, other schemes are passed over. A Bearer
 * challenge without a realm is none. -EINVAL on what is no list of challenges; no story.
 */
[[nodiscard]] int challenge_parse(
	const char *value, struct arena *arena, struct challenge *challenge);
