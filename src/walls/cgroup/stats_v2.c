// SPDX-License-Identifier: Apache-2.0

/*
 * Statistics from v2's files (Documentation/admin-guide/cgroup-v2.rst), told in
 * v1's terms: swap is memory+swap, "unlimited" the largest number.
 */

#include "walls/cgroup/stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

static void member_of(struct members *members, const char *key, const char *stat,
	const char *stat_key, uint64_t factor)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "%s ", stat_key);
	for (const char *line = stat; line && *line;
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (text_starts(line, wanted)) {
			members_number(
				members, key, strtoull(line + strlen(wanted), NULL, 10) * factor);
			return;
		}
}

void stats_cpu_v2(struct members *members, const struct cgroup_directory *directory)
{
	autofree char *stat = read_if_there(directory, "cpu.stat");
	members_key(members, "usage");
	text_add(members->out, "{");
	struct members usage = {members->out, false};
	member_of(&usage, "total", stat, "usage_usec", 1000);
	member_of(&usage, "kernel", stat, "system_usec", 1000);
	member_of(&usage, "user", stat, "user_usec", 1000);
	text_add(members->out, "}");
	members_key(members, "throttling");
	text_add(members->out, "{");
	struct members throttling = {members->out, false};
	member_of(&throttling, "periods", stat, "nr_periods", 1);
	member_of(&throttling, "throttledPeriods", stat, "nr_throttled", 1);
	member_of(&throttling, "throttledTime", stat, "throttled_usec", 1000);
	text_add(members->out, "}");
	stats_pressure(members, directory, "cpu.pressure");
}

static void entry(struct members *members, const char *key, uint64_t limit, uint64_t usage,
	uint64_t most, uint64_t failures)
{
	members_key(members, key);
	text_add(members->out, "{");
	struct members one = {members->out, false};
	members_number(&one, "limit", limit);
	members_number(&one, "usage", usage);
	if (most)
		members_number(&one, "max", most);
	members_number(&one, "failcnt", failures);
	text_add(members->out, "}");
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void stats_memory_v2(struct members *members, const struct cgroup_directory *directory)
{
	uint64_t usage, limit = UINT64_MAX, failures = 0, swap_limit, kernel;
	if (cgroup_read_u64(directory, "memory.current", &usage) < 0)
		return; /* no memory controller here */
	(void)!cgroup_read_u64(directory, "memory.max", &limit);
	(void)!cgroup_read_key(directory, "memory.events", "max", &failures);
	entry(members, "usage", limit, usage, number_or_zero(directory, "memory.peak"), failures);
	if (cgroup_read_u64(directory, "memory.swap.max", &swap_limit) == 0)
		entry(members, "swap", sum(limit, swap_limit),
			sum(usage, number_or_zero(directory, "memory.swap.current")), 0, 0);
	if (cgroup_read_key(directory, "memory.stat", "kernel", &kernel) == 0)
		entry(members, "kernel", UINT64_MAX, kernel, 0, 0);
	stats_memory_raw(members, directory, "file");
	stats_pressure(members, directory, "memory.pressure");
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
static void block_list(
	struct members *members, const char *key, const char *stat, const char *const fields[3])
{
	static const char *const operations[] = {"Read", "Write", "Discard"};
	members_key(members, key);
	text_add(members->out, "[");
	const char *separator = "";
	autofini(arena_fini) struct arena arena = {};
	char *rest = arena_strdup(&arena, stat);
	for (char *line; (line = next_line(&rest));) {
		unsigned long major, minor;
		if (!read_device(line, &major, &minor))
			continue;
		for (size_t i = 0; i < 3; i++) {
			char wanted[32];
			snprintf(wanted, sizeof(wanted), " %s=", fields[i]);
			const char *found = strstr(line, wanted);
			if (!found)
				continue;
			text_format(members->out,
				"%s{\"major\":%lu,\"minor\":%lu,\"op\":\"%s\",\"value\":%llu}",
				separator, major, minor, operations[i],
				strtoull(found + strlen(wanted), NULL, 10));
			separator = ",";
		}
	}
	text_add(members->out, "]");
}

void stats_block_v2(struct members *members, const struct cgroup_directory *directory)
{
	static const char *const bytes[] = {"rbytes", "wbytes", "dbytes"};
	static const char *const operations[] = {"rios", "wios", "dios"};
	autofree char *stat = read_if_there(directory, "io.stat");
	if (stat) {
		block_list(members, "ioServiceBytesRecursive", stat, bytes);
		block_list(members, "ioServicedRecursive", stat, operations);
	}
	stats_pressure(members, directory, "io.pressure");
}

void stats_hugetlb_v2(struct members *members, const struct cgroup_directory *directory)
{
	int copy = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	if (!listing) {
		scope_close(&copy);
		return;
	}
	struct dirent *item;
	while ((item = readdir(listing))) {
		char size[32], file[64];
		int end = 0;
		uint64_t failures = 0;
		if (sscanf(item->d_name, "hugetlb.%31[0-9KMGB].current%n", size, &end) != 1 ||
			end == 0 || item->d_name[end])
			continue;
		members_key(members, size);
		text_add(members->out, "{");
		struct members one = {members->out, false};
		members_number(&one, "usage", number_or_zero(directory, item->d_name));
		snprintf(file, sizeof(file), "hugetlb.%s.events", size);
		(void)!cgroup_read_key(directory, file, "max", &failures);
		members_number(&one, "failcnt", failures);
		text_add(members->out, "}");
	}
	(void)closedir(listing);
}
