// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Time: a clock to measure waiting by, and the form in which moments are written down. */

#include <stdint.h>
#include <time.h>

/** Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_monotonic_ms(void);

/** "2026-11-23T18:01:54.123456789Z": RFC 3339 in UTC with nanoseconds, as logrus and Go write it.
 */
struct clock_text {
	char text[40];
};
struct clock_text clock_format(const struct timespec *moment);

/** clock_format() of this moment. */
struct clock_text clock_now(void);

/**
 * When to give up: made from a timeout once, asked for the rest as often as a wait is
 * interrupted. A negative timeout is forever.
 */
struct clock_deadline {
	int64_t at_ms; /* INT64_MAX: never */
};
struct clock_deadline clock_deadline_in(int64_t timeout_ms);

/** Milliseconds left in the form that poll(2) wants: -1 forever, 0 when it has passed. */
int clock_left_ms(const struct clock_deadline *deadline);
