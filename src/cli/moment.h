// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Moments as people write and read them: --since, --until, "2 hours ago". Nanoseconds after 1970.
 * No story is told, the caller knows what the moment was for.
 */

#include "cli/units.h"

#include <stdbool.h>
#include <stdint.h>

/** The present. */
int64_t moment_now(void);

/** RFC 3339 as configurations and states hold it, any offset. 0 or -EINVAL. */
[[nodiscard]] int moment_of_text(const char *text, int64_t *ret_ns);

/**
 * What Docker and Podman understand behind --since and --until: RFC 3339 or a beginning of it
 * ("2026-11-23", "2026-11-23T18:01"; local time where no offset is said), seconds after 1970
 * ("1700000000.5"), or how long ago ("10m", "1h30m"; "-10m" is in the future). 0 or -EINVAL.
 */
[[nodiscard]] int moment_parse(const char *text, int64_t now_ns, int64_t *ret_ns);

/** "3 minutes ago", as `docker ps` says; "" for 0. */
void moment_ago(int64_t ns, int64_t now_ns, char out[static UNITS_TEXT_MAX]);

#define MOMENT_TEXT_MAX 64

/** "2026-11-23 18:01:54 +0100 CET", as Go prints local times; with nanoseconds if wanted. */
void moment_local(int64_t ns, bool nanoseconds, char out[static MOMENT_TEXT_MAX]);

/** "2026-11-23T18:01:54.123456789+01:00": RFC 3339 in local time. */
void moment_rfc3339(int64_t ns, char out[static MOMENT_TEXT_MAX]);
