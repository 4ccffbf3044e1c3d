// SPDX-License-Identifier: Apache-2.0

/*
 * Moments: words to nanoseconds and back. Reading is by hand rather than strptime(3), which knows
 * neither fractions nor "Z", and takes blanks wherever it likes.
 */

#include "cli/moment.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BILLION = 1000000000 };

int64_t moment_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * BILLION + now.tv_nsec;
}

/* Exactly so many digits; -1 if there are others. Moves on behind them. */
static int digits(const char **at, int count)
{
	int value = 0;
	for (int i = 0; i < count; i++) {
		if (!isdigit((unsigned char)(*at)[i]))
			return -1;
		value = value * 10 + (*at)[i] - '0';
	}
	*at += count;
	return value;
}

static bool take_character(const char **at, const char *any)
{
	if (**at == '\0' || !strchr(any, **at))
		return false;
	(*at)++;
	return true;
}

/* ".123456789" → nanoseconds; more digits than nine are dropped. -1: no digits behind the point. */
static int64_t fraction(const char **at)
{
	if (!take_character(at, "."))
		return 0;
	int64_t value = 0, scale = BILLION / 10;
	if (!isdigit((unsigned char)**at))
		return -1;
	for (; isdigit((unsigned char)**at); (*at)++, scale /= 10)
		value += (**at - '0') * scale;
	return value;
}

/* "Z", "+01:00", "" (then *ret_local). False: something else. */
static bool offset(const char **at, int *ret_seconds, bool *ret_local)
{
	*ret_seconds = 0;
	*ret_local = **at == '\0';
	if (*ret_local || take_character(at, "Zz"))
		return true;
	int sign = **at == '-' ? -1 : 1;
	if (!take_character(at, "+-"))
		return false;
	int hours = digits(at, 2);
	(void)take_character(at, ":");
	int minutes = digits(at, 2);
	if (hours < 0 || minutes < 0 || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool clock_part(const char **at, struct tm *time, int64_t *ret_ns)
{
	time->tm_hour = digits(at, 2);
	if (time->tm_hour < 0 || time->tm_hour > 23)
		return false;
	if (!take_character(at, ":"))
		return true;
	time->tm_min = digits(at, 2);
	if (time->tm_min < 0 || time->tm_min > 59)
		return false;
	if (!take_character(at, ":"))
		return true;
	time->tm_sec = digits(at, 2);
	*ret_ns = fraction(at);
	return time->tm_sec >= 0 && time->tm_sec <= 60 && *ret_ns >= 0;
}

static int read_date(const char *text, bool complete, int64_t *ret_ns)
{
	const char *at = text;
	struct tm time = {.tm_isdst = -1};
	int64_t ns = 0;
	int offset_s;
	bool local;
	time.tm_year = digits(&at, 4) - 1900;
	if (time.tm_year < -1900 || !take_character(&at, "-"))
		return -EINVAL;
	time.tm_mon = digits(&at, 2) - 1;
	if (time.tm_mon < 0 || time.tm_mon > 11 || !take_character(&at, "-"))
		return -EINVAL;
	time.tm_mday = digits(&at, 2);
	if (time.tm_mday < 1 || time.tm_mday > 31)
		return -EINVAL;
	bool has_clock = take_character(&at, "Tt ");
	if (has_clock && !clock_part(&at, &time, &ns))
		return -EINVAL;
	if (!offset(&at, &offset_s, &local) || *at || (complete && (local || !has_clock)))
		return -EINVAL;
	/* mktime(3) reads the local time zone; only where it is asked for. */
	int64_t seconds = local ? mktime(&time) : timegm(&time) - offset_s;
	if (seconds > INT64_MAX / BILLION - 1 || seconds < INT64_MIN / BILLION + 1)
		return -EINVAL; /* before 1677 or after 2262 */
	*ret_ns = seconds * BILLION + ns;
	return 0;
}

int moment_of_text(const char *text, int64_t *ret_ns)
{
	return text ? read_date(text, true, ret_ns) : -EINVAL;
}

/* "1700000000", "1700000000.25" */
static int read_seconds(const char *text, int64_t *ret_ns)
{
	char *end;
	errno = 0;
	long long seconds = strtoll(text, &end, 10);
	const char *at = end;
	if (errno || end == text || seconds > INT64_MAX / BILLION - 1 || seconds < 0)
		return -EINVAL;
	int64_t ns = fraction(&at);
	if (ns < 0 || *at)
		return -EINVAL;
	*ret_ns = (int64_t)seconds * BILLION + ns;
	return 0;
}

int moment_parse(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	if (read_date(text, false, ret_ns) == 0)
		return 0;
	if (isdigit((unsigned char)text[0]) && read_seconds(text, ret_ns) == 0)
		return 0;
	int64_t ago_ns;
	if (parse_duration(text, &ago_ns) < 0 || __builtin_sub_overflow(now_ns, ago_ns, ret_ns))
		return -EINVAL;
	return 0;
}

void moment_ago(int64_t ns, int64_t now_ns, char out[static UNITS_TEXT_MAX])
{
	out[0] = '\0';
	if (ns <= 0)
		return;
	char duration[UNITS_TEXT_MAX];
	units_duration(now_ns > ns ? now_ns - ns : 0, duration);
	(void)snprintf(out, UNITS_TEXT_MAX, "%.26s ago", duration);
}

static int64_t split(int64_t ns, struct tm *ret_time)
{
	time_t seconds = (time_t)(ns / BILLION);
	(void)localtime_r(&seconds, ret_time);
	return ns % BILLION;
}

void moment_local(int64_t ns, bool nanoseconds, char out[static MOMENT_TEXT_MAX])
{
	struct tm time;
	int64_t rest = split(ns, &time);
	size_t length = strftime(out, MOMENT_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &time);
	if (nanoseconds)
		length += (size_t)snprintf(
			out + length, MOMENT_TEXT_MAX - length, ".%09u", (unsigned)rest);
	(void)strftime(out + length, MOMENT_TEXT_MAX - length, " %z %Z", &time);
}

void moment_rfc3339(int64_t ns, char out[static MOMENT_TEXT_MAX])
{
	struct tm time;
	int64_t rest = split(ns, &time);
	size_t length = strftime(out, MOMENT_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &time);
	long minutes = time.tm_gmtoff / 60;
	if (minutes == 0)
		(void)snprintf(out + length, MOMENT_TEXT_MAX - length, ".%09uZ", (unsigned)rest);
	else
		(void)snprintf(out + length, MOMENT_TEXT_MAX - length, ".%09u%c%02ld:%02ld",
			(unsigned)rest, minutes < 0 ? '-' : '+', labs(minutes) / 60,
			labs(minutes) % 60);
}
