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

/*
 * gmtime_r(3) would read /etc/localtime first, four system calls at every start for a time zone
 * that UTC does not have. Years begin in March here, so that the leap day is a year's last, and
 * months alternate 31 and 30 days in a pattern that repeats every five: 153 days.
 */
static void split_days(int64_t days, int *year, int *month, int *day)
{
	days += 719468 + 146097; /* from -0400-03-01, so that January 0000 is not negative */
	int64_t era = days / 146097, of_era = days % 146097; /* 400 years */
	int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
	int64_t march_month = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * march_month + 2) / 5 + 1);
	*month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
	*year = (int)(era * 400 - 400 + years + (*month <= 2));
}

struct clock_text clock_format(const struct timespec *moment)
{
	/* RFC 3339 has four digits for the year; what does not fit them is nobody's real date. */
	const int64_t first = -62167219200, last = 253402300799;
	int64_t seconds = moment->tv_sec;
	if (seconds < first || seconds > last)
		seconds = 0;
	int64_t of_day = ((seconds % 86400) + 86400) % 86400;
	int year, month, day;
	split_days((seconds - of_day) / 86400, &year, &month, &day);
	struct clock_text out = {};
	(void)snprintf(out.text, sizeof(out.text), "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", year,
		month, day, (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60),
		(unsigned)moment->tv_nsec % 1000000000u);
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
