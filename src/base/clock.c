// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>

int64_t clock_monotonic_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: see clock_gettime(2) */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct clock_text clock_format(const struct timespec *moment)
{
	struct clock_text out = {};
	struct tm parts;
	/* RFC 3339 has four digits for the year; what does not fit them is nobody's real date. */
	if (!gmtime_r(&moment->tv_sec, &parts) || parts.tm_year < -1900 || parts.tm_year > 8099)
		(void)gmtime_r(&(time_t){0}, &parts);
	size_t length = strftime(out.text, sizeof(out.text), "%Y-%m-%dT%H:%M:%S", &parts);
	unsigned nanoseconds = (unsigned)moment->tv_nsec % 1000000000u;
	(void)snprintf(out.text + length, sizeof(out.text) - length, ".%09uZ", nanoseconds);
	return out;
}

struct clock_text clock_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return clock_format(&now);
}

struct clock_deadline clock_deadline_in(int64_t timeout_ms)
{
	struct clock_deadline deadline = {INT64_MAX};
	if (timeout_ms >= 0 &&
		__builtin_add_overflow(clock_monotonic_ms(), timeout_ms, &deadline.at_ms))
		deadline.at_ms = INT64_MAX;
	return deadline;
}

int clock_left_ms(const struct clock_deadline *deadline)
{
	if (deadline->at_ms == INT64_MAX)
		return -1;
	int64_t left = deadline->at_ms - clock_monotonic_ms();
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
