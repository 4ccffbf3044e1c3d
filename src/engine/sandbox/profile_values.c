// SPDX-License-Identifier: Apache-2.0

/*
 * The numbers of limits. Durations and processors are read here again, as the command line's
 * readers (cli/units.h) stand on a floor above.
 */

#include "engine/sandbox/profile_values.h"

#include "base/error.h"

#include <ctype.h>

/* "1.5" → 1500000000 */
static int read_decimal(const char *text, uint64_t *ret_billionths)
{
	uint64_t whole = 0, part = 0, unit = 1000000000;
	const char *c = text;
	if (!isdigit((unsigned char)*c))
		return -EINVAL;
	for (; isdigit((unsigned char)*c); c++) {
		whole = whole * 10 + (uint64_t)(*c - '0');
		if (whole > 1000000)
			return -ERANGE;
	}
	if (*c == '.') {
		if (!isdigit((unsigned char)*++c))
			return -EINVAL;
		for (; isdigit((unsigned char)*c) && unit > 1; c++) {
			unit /= 10;
			part += (uint64_t)(*c - '0') * unit;
		}
	}
	if (*c)
		return -EINVAL;
	*ret_billionths = whole * 1000000000 + part;
	return 0;
}

/* "1h30m", "90s", "90" → nanoseconds */
static int read_duration(const char *text, uint64_t *ret_ns)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	uint64_t seconds = 0;
	do {
		uint64_t number = 0;
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++) {
			number = number * 10 + (uint64_t)(*text - '0');
			if (number > 1000000000)
				return -ERANGE;
		}
		size_t unit = 0;
		while (*text && unit < array_length(units) && units[unit].letter != *text)
			unit++;
		if (unit == array_length(units))
			return -EINVAL;
		seconds += number * (*text ? units[unit].seconds : 1);
		text += *text ? 1 : 0;
	} while (*text);
	if (seconds > INT64_MAX / 1000000000)
		return -ERANGE;
	*ret_ns = seconds * 1000000000;
	return 0;
}

int profile_read_amount(enum profile_limit limit, const char *text, uint64_t *ret_amount)
{
	uint64_t amount = 0;
	int r = -EINVAL;
	switch (limit) {
	case PROFILE_LIMIT_MEMORY:
	case PROFILE_LIMIT_DISK:
		r = parse_size(text, &amount);
		break;
	case PROFILE_LIMIT_CPUS:
		r = read_decimal(text, &amount);
		break;
	case PROFILE_LIMIT_PIDS:
		r = parse_uint64(text, 4194304, &amount); /* PID_MAX_LIMIT */
		break;
	case PROFILE_LIMIT_TIME:
		r = read_duration(text, &amount);
		break;
	}
	if (r < 0 || amount == 0)
		return refuse(
			-EINVAL, "%s: that is no limit on %s", text, profile_limit_names[limit]);
	*ret_amount = amount;
	return 0;
}
