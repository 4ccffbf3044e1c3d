// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Numbers as people write and read them. Out-parameters are untouched on
 * failure; no story is told, the caller knows what the number was for.
 */

#include <stddef.h>
#include <stdint.h>

/** "1.5" as billionths, 1500000000: at most nine digits behind the point. 0, -EINVAL, -ERANGE. */
[[nodiscard]] int parse_decimal(const char *text, int64_t *ret_billionths);

/**
 * Go's duration syntax ("1h15m", "1.5s", "300ms", "2us") in nanoseconds; a bare
 * number is seconds, as for `docker stop --time`. A leading "-" is understood.
 * 0, -EINVAL, -ERANGE.
 */
[[nodiscard]] int parse_duration(const char *text, int64_t *ret_ns);

/** Room that the functions below need. */
#define UNITS_TEXT_MAX 32

/** "1.5MB", powers of 1000 with four significant digits, as `docker images` prints. */
void units_size(uint64_t bytes, char out[static UNITS_TEXT_MAX]);

/** "1.5MiB", powers of 1024, as `docker stats` prints. */
void units_binary_size(uint64_t bytes, char out[static UNITS_TEXT_MAX]);

/** "Less than a second", "5 minutes", "About an hour", "3 weeks", as `docker ps` prints. */
void units_duration(int64_t ns, char out[static UNITS_TEXT_MAX]);
