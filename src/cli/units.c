// SPDX-License-Identifier: Apache-2.0

/*
 * Numbers as people write and read them. Everything is integer arithmetic:
 * `--cpus 0.1` must become the same quota on every machine and in every locale,
 * and strtod() would read "0,1" in some of them.
 */

#include "cli/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BILLION 1000000000LL

/*
 * Reads digits with at most one point at *text, as billionths; moves *text
 * behind them. Digits beyond the ninth behind the point are dropped, not refused:
 * Go does the same with the durations it reads.
 */
static int read_billionths(const char **text, int64_t *ret_billionths)
{
	int64_t value = 0, weight = BILLION;
	bool point = false, digits = false;
	const char *c = *text;
	for (; isdigit((unsigned char)*c) || (*c == '.' && !point); c++) {
		if (*c == '.') {
			point = true;
			continue;
		}
		digits = true;
		if (point)
			weight /= 10;
		else if (__builtin_mul_overflow(value, 10, &value))
			return -ERANGE;
		if (__builtin_add_overflow(value, (*c - '0') * weight, &value))
			return -ERANGE;
	}
	if (!digits)
		return -EINVAL;
	*text = c;
	*ret_billionths = value;
	return 0;
}

int parse_decimal(const char *text, int64_t *ret_billionths)
{
	bool negative = *text == '-';
	int64_t value;
	text += negative;
	int r = read_billionths(&text, &value);
	if (r < 0)
		return r;
	if (*text)
		return -EINVAL;
	*ret_billionths = negative ? -value : value;
	return 0;
}

/* The unit at *text in nanoseconds, 0 if there is none; moves *text behind it. */
static int64_t read_unit(const char **text)
{
	static const struct {
		char name[4];
		int64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"\u00b5s", 1000}, {"ms", 1000000}, {"s", BILLION},
		{"m", 60 * BILLION}, {"h", 3600 * BILLION}, {"d", 86400 * BILLION}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i].name);
		char after = strncmp(*text, units[i].name, length) == 0 ? (*text)[length] : 'x';
		if (after == '\0' || isdigit((unsigned char)after) || after == '.') {
			*text += length;
			return units[i].ns;
		}
	}
	return 0;
}

int parse_duration(const char *text, int64_t *ret_ns)
{
	bool negative = *text == '-';
	text += negative;
	int64_t sum = 0;
	bool first = true;
	do {
		int64_t number;
		int r = read_billionths(&text, &number);
		if (r < 0)
			return r;
		bool bare = first && *text == '\0';
		int64_t unit = bare ? BILLION : read_unit(&text);
		if (unit == 0)
			return -EINVAL;
		__int128 ns = (__int128)number * unit / BILLION + sum;
		if (ns > INT64_MAX)
			return -ERANGE;
		sum = (int64_t)ns;
		first = false;
	} while (*text);
	*ret_ns = negative ? -sum : sum;
	return 0;
}

static void size_in_steps(uint64_t bytes, unsigned step, const char *const units[], char *out)
{
	unsigned unit = 0;
	uint64_t divisor = 1;
	while (bytes / divisor >= step && units[unit + 1]) {
		divisor *= step;
		unit++;
	}
	/* Four significant digits, rounded to nearest, without zeros at the end. */
	uint64_t whole = bytes / divisor;
	unsigned scale = whole >= 1000 ? 1 : whole >= 100 ? 10 : whole >= 10 ? 100 : 1000;
	uint64_t scaled = (uint64_t)(((unsigned __int128)bytes * scale + divisor / 2) / divisor);
	unsigned fraction = (unsigned)(scaled % scale), width = scale == 1000  ? 3
								: scale == 100 ? 2
									       : 1;
	while (fraction && fraction % 10 == 0) {
		fraction /= 10;
		width--;
	}
	if (fraction)
		snprintf(out, UNITS_TEXT_MAX, "%llu.%0*u%s", (unsigned long long)(scaled / scale),
			(int)width, fraction, units[unit]);
	else
		snprintf(out, UNITS_TEXT_MAX, "%llu%s", (unsigned long long)(scaled / scale),
			units[unit]);
}

void units_size(uint64_t bytes, char out[static UNITS_TEXT_MAX])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", NULL};
	size_in_steps(bytes, 1000, units, out);
}

void units_binary_size(uint64_t bytes, char out[static UNITS_TEXT_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL};
	size_in_steps(bytes, 1024, units, out);
}

void units_duration(int64_t ns, char out[static UNITS_TEXT_MAX])
{
	/* The boundaries are those of docker/go-units, because scripts compare the words. */
	long long seconds = ns / BILLION, minutes = seconds / 60;
	long long hours = (seconds + 1800) / 3600;
	if (seconds < 1)
		snprintf(out, UNITS_TEXT_MAX, "Less than a second");
	else if (seconds == 1)
		snprintf(out, UNITS_TEXT_MAX, "1 second");
	else if (seconds < 60)
		snprintf(out, UNITS_TEXT_MAX, "%lld seconds", seconds);
	else if (minutes == 1)
		snprintf(out, UNITS_TEXT_MAX, "About a minute");
	else if (minutes < 60)
		snprintf(out, UNITS_TEXT_MAX, "%lld minutes", minutes);
	else if (hours == 1)
		snprintf(out, UNITS_TEXT_MAX, "About an hour");
	else if (hours < 48)
		snprintf(out, UNITS_TEXT_MAX, "%lld hours", hours);
	else if (hours < 24LL * 7 * 2)
		snprintf(out, UNITS_TEXT_MAX, "%lld days", hours / 24);
	else if (hours < 24LL * 30 * 2)
		snprintf(out, UNITS_TEXT_MAX, "%lld weeks", hours / 24 / 7);
	else if (hours < 24LL * 365 * 2)
		snprintf(out, UNITS_TEXT_MAX, "%lld months", hours / 24 / 30);
	else
		snprintf(out, UNITS_TEXT_MAX, "%lld years", seconds / 86400 / 365);
}
