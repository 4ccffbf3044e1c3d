// SPDX-License-Identifier: Apache-2.0

/* Statistics from v1's files (Documentation/admin-guide/cgroup-v1/). */

#include "walls/cgroup/stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NANOSECONDS_PER_TICK 10000000ULL /* cpuacct.stat counts in USER_HZ, 100 everywhere */

/* "cpu user system" and one line for each CPU, since Linux 4.13. */
static void per_cpu(struct members *usage, const char *all)
{
	static const char *const keys[] = {"percpu_user", "percpu_kernel"};
	for (int column = 0; column < 2; column++) {
		members_key(usage, keys[column]);
		text_add(usage->out, "[");
		const char *separator = "";
		for (const char *line = strchr(all, '\n'); line && line[1];
			line = strchr(line, '\n')) {
			char *end;
			(void)strtoul(++line, &end, 10);
			unsigned long long user = strtoull(end, &end, 10);
			unsigned long long system = strtoull(end, &end, 10);
			text_format(usage->out, "%s%llu", separator, column ? system : user);
			separator = ",";
		}
		text_add(usage->out, "]");
	}
}

void stats_cpu_v1(struct members *members, const struct cgroup_directory *directory)
{
	uint64_t user = 0, system = 0;
	members_key(members, "usage");
	text_add(members->out, "{");
	struct members usage = {members->out, false};
	members_number(&usage, "total", number_or_zero(directory, "cpuacct.usage"));
	autofree char *each = read_if_there(directory, "cpuacct.usage_percpu");
	if (each) {
		members_key(&usage, "percpu");
		text_add(usage.out, "[");
		char *rest = each;
		const char *separator = "";
		for (char *word; (word = strsep(&rest, " \n"));) {
			uint64_t value;
			if (parse_uint64(word, UINT64_MAX, &value) < 0)
				continue;
			text_format(usage.out, "%s%llu", separator, (unsigned long long)value);
			separator = ",";
		}
		text_add(usage.out, "]");
	}
	autofree char *all = read_if_there(directory, "cpuacct.usage_all");
	if (all)
		per_cpu(&usage, all);
	(void)!cgroup_read_key(directory, "cpuacct.stat", "user", &user);
	(void)!cgroup_read_key(directory, "cpuacct.stat", "system", &system);
	members_number(&usage, "kernel", system * NANOSECONDS_PER_TICK);
	members_number(&usage, "user", user * NANOSECONDS_PER_TICK);
	text_add(members->out, "}");
}

void stats_throttling_v1(struct members *members, const struct cgroup_directory *directory)
{
	static const char *const keys[][2] = {{"nr_periods", "periods"},
		{"nr_throttled", "throttledPeriods"}, {"throttled_time", "throttledTime"}};
	members_key(members, "throttling");
	text_add(members->out, "{");
	struct members throttling = {members->out, false};
	for (size_t i = 0; i < array_length(keys); i++) {
		uint64_t value;
		if (cgroup_read_key(directory, "cpu.stat", keys[i][0], &value) == 0)
			members_number(&throttling, keys[i][1], value);
	}
	text_add(members->out, "}");
}

static void memory_entry(struct members *members, const struct cgroup_directory *directory,
	const char *key, const char *prefix)
{
	static const char *const files[][2] = {{"limit", "limit_in_bytes"},
		{"usage", "usage_in_bytes"}, {"max", "max_usage_in_bytes"}, {"failcnt", "failcnt"}};
	char file[64];
	snprintf(file, sizeof(file), "%s.usage_in_bytes", prefix);
	if (faccessat(directory->fd, file, F_OK, 0) < 0)
		return;
	members_key(members, key);
	text_add(members->out, "{");
	struct members entry = {members->out, false};
	for (size_t i = 0; i < array_length(files); i++) {
		snprintf(file, sizeof(file), "%s.%s", prefix, files[i][1]);
		members_number(&entry, files[i][0], number_or_zero(directory, file));
	}
	text_add(members->out, "}");
}

void stats_memory_v1(struct members *members, const struct cgroup_directory *directory)
{
	memory_entry(members, directory, "usage", "memory");
	memory_entry(members, directory, "swap", "memory.memsw");
	memory_entry(members, directory, "kernel", "memory.kmem");
	memory_entry(members, directory, "kernelTCP", "memory.kmem.tcp");
	stats_memory_raw(members, directory, "cache");
}

/* "8:0 Read 4096" for each device and operation; "Total 4096" at the end has no device. */
static void block_file(struct members *members, const struct cgroup_directory *directory,
	const char *key, const char *const files[], size_t count)
{
	autofree char *text = NULL;
	for (size_t i = 0; i < count && (!text || !text[0]); i++) {
		free(text);
		text = read_if_there(directory, files[i]);
	}
	if (!text)
		return;
	members_key(members, key);
	text_add(members->out, "[");
	char *rest = text;
	const char *separator = "";
	for (char *line; (line = next_line(&rest));) {
		unsigned long major, minor;
		const char *word = read_device(line, &major, &minor);
		size_t length = word ? strspn(word, LETTERS) : 0;
		if (length == 0 || word[length] != ' ')
			continue;
		text_format(members->out,
			"%s{\"major\":%lu,\"minor\":%lu,\"op\":\"%.*s\",\"value\":%llu}", separator,
			major, minor, (int)length, word, strtoull(word + length, NULL, 10));
		separator = ",";
	}
	text_add(members->out, "]");
}

void stats_block_v1(struct members *members, const struct cgroup_directory *directory)
{
	static const char *const bytes[] = {"blkio.bfq.io_service_bytes_recursive",
		"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"};
	static const char *const operations[] = {"blkio.bfq.io_serviced_recursive",
		"blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"};
	block_file(members, directory, "ioServiceBytesRecursive", bytes, array_length(bytes));
	block_file(members, directory, "ioServicedRecursive", operations, array_length(operations));
}

/* One member for each page size that the directory has files of: "hugetlb.2MB.usage_in_bytes". */
void stats_hugetlb_v1(struct members *members, const struct cgroup_directory *directory)
{
	static const char *const files[][2] = {
		{"usage", "usage_in_bytes"}, {"max", "max_usage_in_bytes"}, {"failcnt", "failcnt"}};
	int copy = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	if (!listing) {
		scope_close(&copy);
		return;
	}
	struct dirent *entry;
	while ((entry = readdir(listing))) {
		char size[32], file[80];
		int end = 0;
		if (sscanf(entry->d_name, "hugetlb.%31[0-9KMGB].usage_in_bytes%n", size, &end) !=
				1 ||
			end == 0 || entry->d_name[end])
			continue;
		members_key(members, size);
		text_add(members->out, "{");
		struct members one = {members->out, false};
		for (size_t i = 0; i < array_length(files); i++) {
			snprintf(file, sizeof(file), "hugetlb.%s.%s", size, files[i][1]);
			members_number(&one, files[i][0], number_or_zero(directory, file));
		}
		text_add(members->out, "}");
	}
	(void)closedir(listing);
}
