// SPDX-License-Identifier: Apache-2.0

/*
 * The OCI specification counts in cgroup v1's numbers; these are v2's. Pure functions.
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <stdio.h>

/* Two functions of libm, which nothing else of rung needs; exact to 12 digits in 1..2^18 and 0..4.
 */
static double log_two(uint64_t number)
{
	int whole = 63 - __builtin_clzll(number);
	double rest = (double)number / (double)(1ULL << whole), result = whole;
	double bit = 0.5;
	for (int n = 0; n < 50; n++) {
		rest *= rest;
		if (rest >= 2) {
			rest /= 2;
			result += bit;
		}
		bit /= 2;
	}
	return result;
}

static double ten_to(double exponent)
{
	const double ln_ten = 2.302585092994045684;
	double term = 1, sum = 1;
	for (int n = 1; n < 60; n++) {
		term *= exponent * ln_ten / n;
		sum += term;
	}
	return sum;
}

/*
 * Kernels weigh a v1 cgroup by 2..262144 (default 1024) and a v2 one by 1..10000
 * (default 100). The straight line used until 2025 turned the default 1024 into 39,
 * so that a container got less than half of its share beside a systemd unit. runc
 * since 1.3.2 and crun since 1.23 agree on this curve through all three fixed points
 * (opencontainers/runc pull request 4785): with l = log2(shares),
 * weight = 10^((l² + 125 l) / 612 − 7/34), rounded up.
 */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log_two(shares);
	double weight = ten_to((l * l + 125 * l) / 612.0 - 7.0 / 34.0);
	return (uint64_t)(weight - 1e-9) + 1; /* rounded up; 1024 shares are 100, not 100.0…1 */
}

uint64_t cgroup_io_weight(uint64_t block_weight)
{
	if (block_weight < 10)
		return 1;
	if (block_weight > 1000)
		return 10000;
	return 1 + (block_weight - 10) * 9999 / 990;
}

int cgroup_swap_of_memsw(int64_t memsw, int64_t memory, bool *ret_given, int64_t *ret_swap)
{
	if (memsw == 0) { /* unlimited memory means unlimited swap, as v1 has it */
		*ret_given = memory == -1;
		*ret_swap = -1;
		return 0;
	}
	if (memsw == -1 || memory == -1) { /* nothing to subtract from, or nothing to subtract */
		*ret_given = true;
		*ret_swap = memsw;
		return 0;
	}
	if (memory == 0)
		return refuse(-EINVAL, "swap limit: memory+swap %lld needs a memory limit",
			(long long)memsw);
	if (memsw < memory)
		return refuse(-EINVAL,
			"swap limit: memory+swap (%lld) is less than the memory limit (%lld)",
			(long long)memsw, (long long)memory);
	*ret_given = true;
	*ret_swap = memsw - memory;
	return 0;
}

struct limit_text limit_text(int64_t value)
{
	struct limit_text text = {"max"};
	if (value >= 0)
		snprintf(text.text, sizeof(text.text), "%lld", (long long)value);
	return text;
}

int cgroup_check_page_size(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	if (digits > 0 && digits < 12 && strlen(name + digits) == 2 && name[digits + 1] == 'B' &&
		strchr("KMG", name[digits]))
		return 0;
	return refuse(-EINVAL,
		"huge page limit: \"%s\" is no page size (\"64KB\", \"2MB\", \"1GB\")", name);
}
