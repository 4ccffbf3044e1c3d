// SPDX-License-Identifier: Apache-2.0

/*
 * What a container uses. Control groups tell what they count; for the rest (an ordinary user on
 * v1, no delegation, a controller that is not there) its processes are added up, which misses what
 * those that have ended used. Bytes on the network are those of its own interfaces, without the
 * loopback; a container in the host's network has none of its own.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "plan/json.h"
#include "rungs/container/record.h"
#include "verbs/container/processes.h"
#include "verbs/container/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { FILE_MAX = 1 << 20 };

static int64_t monotonic_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- control groups ------------------------------------------------------------------------- */

static uint64_t number_at(const struct json *top, const char *const path[])
{
	struct json at = *top;
	uint64_t value = 0;
	for (size_t i = 0; path[i]; i++) {
		if (at.value->type != JSON_OBJECT)
			return 0;
		const struct json parent = at;
		if (!json_find(&parent, path[i], &at))
			return 0;
		at.parent = NULL; /* it lived on the stack */
	}
	if (at.value->type != JSON_NUMBER || json_unsigned(&at, 0, UINT64_MAX, &value) < 0)
		error_clear();
	return value;
}

#define NUMBER(top, ...) number_at((top), (const char *const[]){__VA_ARGS__, NULL})

/* "io_service_bytes_recursive": [{"op":"Read","value":1}, …] */
static void add_blocks(const struct json *top, struct usage *usage)
{
	struct json blocks, list;
	if (!json_find(top, "blkio", &blocks) || blocks.value->type != JSON_OBJECT ||
		!json_find(&blocks, "ioServiceBytesRecursive", &list) ||
		list.value->type != JSON_ARRAY)
		return;
	for (const struct json_value *entry = list.value->first; entry; entry = entry->next) {
		struct json at = json_child(&list, entry, 0), operation;
		if (entry->type != JSON_OBJECT || !json_find(&at, "op", &operation) ||
			operation.value->type != JSON_STRING)
			continue;
		uint64_t value = NUMBER(&at, "value");
		if (strcasecmp(operation.value->text, "read") == 0)
			usage->read_bytes += value;
		else if (strcasecmp(operation.value->text, "write") == 0)
			usage->written_bytes += value;
	}
}

/* What both tools call used: without the cache that would be given back at once. */
static void take_memory(const struct json *top, struct usage *usage)
{
	uint64_t used = NUMBER(top, "memory", "usage", "usage");
	uint64_t idle = NUMBER(top, "memory", "raw", "total_inactive_file");
	if (!idle)
		idle = NUMBER(top, "memory", "raw", "inactive_file");
	usage->memory_bytes = used > idle ? used - idle : used;
	usage->memory_limit_bytes = NUMBER(top, "memory", "usage", "limit");
}

static void read_cgroup(const struct instance *instance, struct arena *arena, struct usage *usage)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	autofini(json_document_fini) struct json_document document = {};
	autofini(text_fini) struct text text = {};
	if (container_load(instance->record_root, instance->id, &record) == 0 &&
		record.cgroup.place_count > 0 && cgroup_stats_write(&record.cgroup, &text) == 0 &&
		json_parse(text_get(&text), text.length, "statistics", arena, &document) == 0) {
		const struct json *top = &document.top;
		usage->cpu_ns = NUMBER(top, "cpu", "usage", "total");
		usage->kernel_ns = NUMBER(top, "cpu", "usage", "kernel");
		usage->processes = NUMBER(top, "pids", "current");
		take_memory(top, usage);
		add_blocks(top, usage);
	}
	error_clear();
}

/* ---- processes --------------------------------------------------------------------------------
 */

static uint64_t value_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void add_io(pid_t pid, struct usage *usage)
{
	char path[48];
	autofree char *text = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	if (fs_read(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
		return;
	usage->read_bytes += value_of(text, "\nread_bytes: ");
	usage->written_bytes += value_of(text, "\nwrite_bytes: ");
}

/* Only what no control group has told. */
static void read_processes(
	const struct instance *instance, struct arena *arena, struct usage *usage)
{
	struct process_view *processes;
	size_t count;
	bool blocks = usage->read_bytes == 0 && usage->written_bytes == 0;
	if (usage->cpu_ns && usage->memory_bytes && usage->processes && !blocks)
		return;
	if (container_processes(instance, arena, &processes, &count) < 0) {
		error_clear();
		return;
	}
	struct usage sum = {};
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	for (size_t i = 0; i < count; i++) {
		sum.cpu_ns += (processes[i].user_ticks + processes[i].system_ticks) * tick_ns;
		sum.kernel_ns += processes[i].system_ticks * tick_ns;
		sum.memory_bytes += processes[i].resident_bytes;
		if (blocks)
			add_io(processes[i].pid, &sum);
	}
	if (!usage->cpu_ns) {
		usage->cpu_ns = sum.cpu_ns;
		usage->kernel_ns = sum.kernel_ns;
	}
	if (!usage->memory_bytes)
		usage->memory_bytes = sum.memory_bytes;
	if (!usage->processes)
		usage->processes = count;
	if (blocks) {
		usage->read_bytes = sum.read_bytes;
		usage->written_bytes = sum.written_bytes;
	}
}

/* ---- network, memory of the machine -------------------------------------------------------------
 */

static ino_t network_namespace(const char *process)
{
	char path[64];
	struct stat about;
	(void)snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	return stat(path, &about) == 0 ? about.st_ino : 0;
}

/* proc_net(5), dev: "eth0: received… (8 columns) sent…" */
static void read_network(const struct instance *instance, struct usage *usage)
{
	char process[16], path[64];
	autofree char *text = NULL;
	(void)snprintf(process, sizeof(process), "%d", (int)instance->state.pid);
	ino_t theirs = network_namespace(process);
	if (!theirs || theirs == network_namespace("self"))
		return;
	(void)snprintf(path, sizeof(path), "/proc/%s/net/dev", process);
	if (fs_read(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
		return;
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		char *colon = strchr(line, ':');
		unsigned long long received, sent;
		if (!colon || sscanf(colon + 1, "%llu %*u %*u %*u %*u %*u %*u %*u %llu", &received,
				      &sent) != 2)
			continue;
		*colon = '\0';
		if (text_equal(line + strspn(line, " "), "lo"))
			continue;
		usage->received_bytes += received;
		usage->sent_bytes += sent;
	}
}

static uint64_t machine_memory(void)
{
	autofree char *text = NULL;
	if (fs_read(AT_FDCWD, "/proc/meminfo", FILE_MAX, &text, NULL) < 0)
		return 0;
	return value_of(text, "MemTotal:") * 1024;
}

void container_usage(const struct instance *instance, struct arena *arena, struct usage *ret_usage)
{
	struct usage usage = {.at_ns = monotonic_ns()};
	if (instance_is_alive(instance) && instance->state.pid > 0) {
		usage.known = true;
		read_cgroup(instance, arena, &usage);
		read_processes(instance, arena, &usage);
		read_network(instance, &usage);
		uint64_t all = machine_memory();
		if (!usage.memory_limit_bytes || usage.memory_limit_bytes > all)
			usage.memory_limit_bytes = all; /* also v1's word for unlimited */
	}
	*ret_usage = usage;
}
