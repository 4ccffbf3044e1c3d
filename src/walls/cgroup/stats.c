// SPDX-License-Identifier: Apache-2.0

/*
 * The "data" object of `events --stats`, in the shape of runc's types.Stats, which
 * containerd and others decode (opencontainers/runc types/events.go). All times
 * are nanoseconds, all sizes bytes; what a hierarchy does not tell is left out, as Go's
 * "omitempty" does. Hardware counters (intel_rdt) are not ours to tell.
 */

#include "walls/cgroup/stats.h"

#include "base/error.h"
#include "base/fs.h"

#include <errno.h>

#define STATS_FILE_LIMIT (1UL * 1024 * 1024)

void members_key(struct members *members, const char *key)
{
	if (members->any)
		text_add(members->out, ",");
	members->any = true;
	text_json_string(members->out, key);
	text_add(members->out, ":");
}

void members_number(struct members *members, const char *key, uint64_t value)
{
	members_key(members, key);
	text_format(members->out, "%llu", (unsigned long long)value);
}

char *next_line(char **rest)
{
	char *line = strsep(rest, "\n");
	return line && line[0] ? line : NULL;
}

const char *read_device(const char *line, unsigned long *ret_major, unsigned long *ret_minor)
{
	char *end;
	*ret_major = strtoul(line, &end, 10);
	if (end == line || *end != ':')
		return NULL;
	*ret_minor = strtoul(end + 1, &end, 10);
	return *end == ' ' ? end + 1 : NULL;
}

char *read_if_there(const struct cgroup_directory *directory, const char *file)
{
	char *text = NULL;
	return fs_read(directory->fd, file, STATS_FILE_LIMIT, &text, NULL) < 0 ? NULL : text;
}

uint64_t number_or_zero(const struct cgroup_directory *directory, const char *file)
{
	uint64_t value;
	return cgroup_read_u64(directory, file, &value) < 0 ? 0 : value;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void pressure_line(struct members *lines, char *line)
{
	char *rest = line;
	const char *kind = strsep(&rest, " ");
	if (!rest)
		return;
	members_key(lines, kind);
	text_add(lines->out, "{");
	struct members values = {lines->out, false};
	for (char *pair; (pair = strsep(&rest, " "));) {
		char *number = strchr(pair, '=');
		if (!number || number[1] == '\0' ||
			strspn(number + 1, "0123456789.") != strlen(number + 1))
			continue;
		*number++ = '\0';
		members_key(&values, pair);
		text_add(values.out, number);
	}
	text_add(lines->out, "}");
}

void stats_pressure(
	struct members *members, const struct cgroup_directory *directory, const char *file)
{
	autofree char *text = read_if_there(directory, file);
	if (!text || text[0] == '\0') /* a kernel without CONFIG_PSI, or "psi=0" */
		return;
	members_key(members, "psi");
	text_add(members->out, "{");
	struct members lines = {members->out, false};
	char *rest = text;
	for (char *line; (line = next_line(&rest));)
		pressure_line(&lines, line);
	text_add(members->out, "}");
}

void stats_memory_raw(
	struct members *members, const struct cgroup_directory *directory, const char *cache_key)
{
	autofree char *text = read_if_there(directory, "memory.stat");
	if (!text)
		return;
	uint64_t cache = 0;
	members_key(members, "raw");
	text_add(members->out, "{");
	struct members raw = {members->out, false};
	char *rest = text;
	for (char *line; (line = next_line(&rest));) {
		char *value = strchr(line, ' ');
		uint64_t number;
		if (!value || parse_uint64(value + 1, UINT64_MAX, &number) < 0)
			continue;
		*value = '\0';
		members_number(&raw, line, number);
		if (text_equal(line, cache_key))
			cache = number;
	}
	text_add(members->out, "}");
	members_number(members, "cache", cache);
}

static void stats_pids(struct members *members, const struct cgroup_directory *directory)
{
	uint64_t limit;
	members_number(members, "current", number_or_zero(directory, "pids.current"));
	if (cgroup_read_u64(directory, "pids.max", &limit) == 0 && limit != UINT64_MAX)
		members_number(members, "limit", limit);
}

/* "0-2,5" → [0,1,2,5] */
static void cpu_list(struct members *members, const char *key, const char *text)
{
	members_key(members, key);
	text_add(members->out, "[");
	const char *separator = "";
	for (const char *at = text; *at >= '0' && *at <= '9';) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long n = first; n <= last && n <= UINT16_MAX; n++) {
			text_format(members->out, "%s%lu", separator, n);
			separator = ",";
		}
		at = end + (*end == ',');
	}
	text_add(members->out, "]");
}

static void stats_cpuset(struct members *members, const struct cgroup_directory *directory)
{
	autofree char *cpus = read_if_there(directory,
		place_is_v2(directory->place) ? "cpuset.cpus.effective" : "cpuset.effective_cpus");
	autofree char *mems = read_if_there(directory,
		place_is_v2(directory->place) ? "cpuset.mems.effective" : "cpuset.effective_mems");
	if (cpus)
		cpu_list(members, "cpus", cpus);
	if (mems)
		cpu_list(members, "mems", mems);
}

/* Opens the hierarchy that counts for a controller and lets the writer of its version write. */
static int section(const struct cgroup_location *location, enum cgroup_controller controller,
	stats_writer *v1, stats_writer *v2, struct members *members)
{
	const struct cgroup_place *place = cgroup_v1_place(location, controller);
	if (!place)
		place = cgroup_v2_place(location);
	if (!place)
		return 0;
	struct cgroup_directory directory;
	int r = cgroup_directory_open(place, &directory);
	if (r < 0)
		return fail(
			r, "read statistics: open cgroup %s%s", place->mount_point, place->path);
	stats_writer *writer = place_is_v2(place) ? v2 : v1;
	if (writer)
		writer(members, &directory);
	cgroup_directory_fini(&directory);
	return 0;
}

static const struct {
	const char *key;
	enum cgroup_controller controller;
	stats_writer *v1, *v2;
} sections[] = {
	{"cpuset", CONTROLLER_CPUSET, stats_cpuset, stats_cpuset},
	{"memory", CONTROLLER_MEMORY, stats_memory_v1, stats_memory_v2},
	{"pids", CONTROLLER_PIDS, stats_pids, stats_pids},
	{"blkio", CONTROLLER_IO, stats_block_v1, stats_block_v2},
	{"hugetlb", CONTROLLER_HUGETLB, stats_hugetlb_v1, stats_hugetlb_v2},
};

int cgroup_stats_write(const struct cgroup_location *location, struct text *out)
{
	/* Into a text of its own: out stays untouched if it fails. */
	autofini(text_fini) struct text json = {};
	text_add(&json, "{\"cpu\":{");
	struct members cpu = {&json, false};
	int r = section(location, CONTROLLER_CPUACCT, stats_cpu_v1, stats_cpu_v2, &cpu);
	if (r == 0) /* v2 has told it in the same file */
		r = section(location, CONTROLLER_CPU, stats_throttling_v1, NULL, &cpu);
	text_add(&json, "}");
	for (size_t i = 0; r == 0 && i < array_length(sections); i++) {
		text_format(&json, ",\"%s\":{", sections[i].key);
		struct members members = {&json, false};
		r = section(
			location, sections[i].controller, sections[i].v1, sections[i].v2, &members);
		text_add(&json, "}");
	}
	if (r < 0)
		return r;
	text_add(&json, ",\"intel_rdt\":{},\"network_interfaces\":null}");
	text_add(out, text_get(&json));
	return 0;
}
