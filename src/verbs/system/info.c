// SPDX-License-Identifier: Apache-2.0

/*
 * `rung info`: this machine and what rung keeps on it. One object holds what Docker's info says
 * (names that begin with a capital) and what Podman's says (host, store, version), so templates and
 * programs written for either find their fields.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "base/scope.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "engine/container/idmap.h"
#include "engine/image/image.h"
#include "engine/instance/instance.h"
#include "plan/json_write.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

struct info_options {
	const char *format;
	bool debug;
};

static const struct option info_options[] = {
	{"-f, --format=FORMAT", "json, or a template", text_in(info_options, format)},
	{"-D, --debug", "", flag_in(info_options, debug), .hidden = true},
	{},
};

struct facts {
	struct arena *arena;
	size_t containers, running, paused, stopped, images;
	struct utsname name;
	uint64_t memory_bytes, memory_free_bytes, swap_bytes, swap_free_bytes;
	long processors;
	int64_t uptime_s;
	const char *system, *distribution, *distribution_version, *codename; /* os-release(5) */
	const char *cgroup_version, *cgroup_controllers, *root, *state;
	bool rootless, apparmor, selinux;
	uint64_t disk_bytes, disk_free_bytes;
};

/* ---- finding out --------------------------------------------------------------------------- */

static char *read_file(const char *path, struct arena *arena)
{
	autofree char *text = NULL;
	if (fs_read(AT_FDCWD, path, 1 << 20, &text, NULL) < 0)
		return arena_strdup(arena, "");
	return arena_strdup(arena, text);
}

/* The value of NAME= in os-release(5), without quotes. */
static const char *release_word(const char *text, const char *name, struct arena *arena)
{
	size_t length = strlen(name);
	for (const char *line = text; line && *line;) {
		if (strncmp(line, name, length) == 0 && line[length] == '=') {
			const char *value = line + length + 1;
			size_t size = strcspn(value, "\n");
			bool quoted = size > 1 && (*value == '"' || *value == '\'');
			return arena_strndup(arena, value + quoted, size - 2 * quoted);
		}
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return "";
}

static uint64_t kilobytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

static void find_machine(struct facts *facts)
{
	struct arena *arena = facts->arena;
	const char *release = read_file("/etc/os-release", arena);
	const char *memory = read_file("/proc/meminfo", arena);
	(void)uname(&facts->name);
	facts->system = release_word(release, "PRETTY_NAME", arena);
	facts->distribution = release_word(release, "ID", arena);
	facts->distribution_version = release_word(release, "VERSION_ID", arena);
	facts->codename = release_word(release, "VERSION_CODENAME", arena);
	facts->memory_bytes = kilobytes(memory, "MemTotal:");
	facts->memory_free_bytes = kilobytes(memory, "MemFree:");
	facts->swap_bytes = kilobytes(memory, "SwapTotal:");
	facts->swap_free_bytes = kilobytes(memory, "SwapFree:");
	facts->processors = sysconf(_SC_NPROCESSORS_ONLN);
	facts->uptime_s = strtoll(read_file("/proc/uptime", arena), NULL, 10);
	facts->apparmor = access("/sys/kernel/security/apparmor", F_OK) == 0;
	facts->selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
	facts->rootless = !run_is_host_root();
}

/* cgroups(7): one tree, or a directory for each v1 hierarchy, perhaps with a v2 tree beside. */
static void find_cgroups(struct facts *facts)
{
	bool unified = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	facts->cgroup_version = unified ? "2" : "1";
	if (unified) {
		char *words = read_file("/sys/fs/cgroup/cgroup.controllers", facts->arena);
		words[strcspn(words, "\n")] = '\0';
		facts->cgroup_controllers = words;
		return;
	}
	autofini(text_fini) struct text text = {};
	char *rest = read_file("/proc/cgroups", facts->arena), *line;
	while ((line = strsep(&rest, "\n"))) {
		size_t length = strcspn(line, "\t");
		if (*line && *line != '#')
			text_format(&text, "%s%.*s", text.length ? " " : "", (int)length, line);
	}
	facts->cgroup_controllers = arena_strdup(facts->arena, text_get(&text));
}

static int count_containers(struct facts *facts)
{
	struct instance *instances;
	int r = instance_list(facts->arena, &instances, &facts->containers);
	if (r < 0)
		return r;
	for (size_t i = 0; i < facts->containers; i++) {
		if (instances[i].state.status == INSTANCE_PAUSED)
			facts->paused++;
		else if (instance_is_alive(&instances[i]))
			facts->running++;
		else
			facts->stopped++;
	}
	return 0;
}

static int count_images(struct facts *facts)
{
	autofini(store_fini) struct store store = STORE_NONE;
	struct image *images;
	int r = store_open(facts->root, &store);
	return r < 0 ? r : image_list(&store, facts->arena, &images, &facts->images);
}

static int find_facts(struct facts *facts)
{
	struct statvfs disk;
	facts->root = places_data(facts->arena);
	facts->state = places_state("", facts->arena);
	find_machine(facts);
	find_cgroups(facts);
	int r = count_containers(facts);
	if (r == 0)
		r = count_images(facts);
	if (statvfs(facts->root, &disk) == 0) {
		facts->disk_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
		facts->disk_free_bytes = (uint64_t)disk.f_bfree * disk.f_frsize;
	}
	return r;
}

/* ---- Docker's half ------------------------------------------------------------------------------
 */

static void write_words(struct json_writer *writer, const char *key, const char *words)
{
	autofree char *copy = strdup(words);
	char *rest = copy, *word;
	json_open(writer, key, '[');
	while ((word = strsep(&rest, " ")))
		if (*word)
			json_write_string(writer, NULL, word);
	json_close(writer);
}

static void write_limits(const struct facts *facts, struct json_writer *writer)
{
	static const struct {
		char key[16], controller[8];
	} limits[] = {{"MemoryLimit", "memory"}, {"SwapLimit", "memory"}, {"CpuCfsPeriod", "cpu"},
		{"CpuCfsQuota", "cpu"}, {"CPUShares", "cpu"}, {"CPUSet", "cpuset"},
		{"PidsLimit", "pids"}};
	for (size_t i = 0; i < array_length(limits); i++) {
		const char *at = strstr(facts->cgroup_controllers, limits[i].controller);
		json_write_bool(writer, limits[i].key, at != NULL);
	}
}

static void write_plugins(struct json_writer *writer, const char *key, bool capital)
{
	json_open(writer, key, '{');
	write_words(writer, capital ? "Volume" : "volume", "local");
	write_words(writer, capital ? "Network" : "network", "none host");
	json_write_null(writer, capital ? "Authorization" : "authorization");
	write_words(
		writer, capital ? "Log" : "log", "k8s-file json-file journald none passthrough");
	json_close(writer);
}

static void write_docker(const struct facts *facts, struct json_writer *writer)
{
	json_write_string(writer, "ID", facts->name.nodename);
	json_write_unsigned(writer, "Containers", facts->containers);
	json_write_unsigned(writer, "ContainersRunning", facts->running);
	json_write_unsigned(writer, "ContainersPaused", facts->paused);
	json_write_unsigned(writer, "ContainersStopped", facts->stopped);
	json_write_unsigned(writer, "Images", facts->images);
	json_write_string(writer, "Driver", "overlay2");
	json_open(writer, "DriverStatus", '[');
	json_close(writer);
	write_plugins(writer, "Plugins", true);
	write_limits(facts, writer);
	json_write_bool(writer, "Debug", false);
	json_write_string(writer, "SystemTime", clock_now().text);
	json_write_string(writer, "LoggingDriver", "k8s-file");
	json_write_string(writer, "CgroupDriver", "cgroupfs");
	json_write_string(writer, "CgroupVersion", facts->cgroup_version);
	json_write_string(writer, "KernelVersion", facts->name.release);
	json_write_string(writer, "OperatingSystem", facts->system);
	json_write_string(writer, "OSVersion", facts->distribution_version);
	json_write_string(writer, "OSType", "linux");
	json_write_string(writer, "Architecture", facts->name.machine);
	json_write_string(writer, "IndexServerAddress", "https://index.docker.io/v1/");
	json_write_signed(writer, "NCPU", facts->processors);
	json_write_unsigned(writer, "MemTotal", facts->memory_bytes);
	json_write_string(writer, "DockerRootDir", facts->root);
	json_write_string(writer, "Name", facts->name.nodename);
	json_write_string(writer, "ServerVersion", RUNG_VERSION);
	json_open(writer, "Runtimes", '{');
	json_open(writer, "rung", '{');
	json_write_string(writer, "path", "rung oci");
	json_close(writer);
	json_close(writer);
	json_write_string(writer, "DefaultRuntime", "rung");
	json_open(writer, "Swarm", '{');
	json_write_string(writer, "LocalNodeState", "inactive");
	json_close(writer);
	json_write_bool(writer, "LiveRestoreEnabled", true);
	json_write_string(writer, "InitBinary", "rung-init");
	json_write_bool(writer, "ExperimentalBuild", false);
	json_open(writer, "SecurityOptions", '[');
	json_write_string(writer, NULL, "name=seccomp,profile=builtin");
	json_write_string(writer, NULL, "name=cgroupns");
	if (facts->rootless)
		json_write_string(writer, NULL, "name=rootless");
	json_close(writer);
	json_write_null(writer, "Warnings");
}

/* ---- Podman's half ------------------------------------------------------------------------------
 */

/* Podman's templates say .Host.CgroupVersion where its JSON says host.cgroupVersion. */
struct spelling {
	struct arena *arena;
	bool capital;
};

static const char *spelled(const struct spelling *spelling, const char *key)
{
	if (!spelling->capital)
		return key;
	char *copy = arena_strdup(spelling->arena, key);
	copy[0] = (char)(copy[0] >= 'a' && copy[0] <= 'z' ? copy[0] - 'a' + 'A' : copy[0]);
	return copy;
}

#define KEY(name) spelled(spelling, name)

static void write_host(
	const struct facts *facts, const struct spelling *spelling, struct json_writer *writer)
{
	json_open(writer, KEY("host"), '{');
	json_write_string(writer, KEY("arch"), version_architecture());
	write_words(writer, KEY("cgroupControllers"), facts->cgroup_controllers);
	json_write_string(writer, KEY("cgroupManager"), "cgroupfs");
	json_write_string(
		writer, KEY("cgroupVersion"), facts->cgroup_version[0] == '2' ? "v2" : "v1");
	json_write_signed(writer, spelling->capital ? "CPUs" : "cpus", facts->processors);
	json_open(writer, KEY("distribution"), '{');
	json_write_string(writer, KEY("codename"), facts->codename);
	json_write_string(writer, KEY("distribution"), facts->distribution);
	json_write_string(writer, KEY("version"), facts->distribution_version);
	json_close(writer);
	json_write_string(writer, KEY("eventLogger"), "file");
	json_write_string(writer, KEY("hostname"), facts->name.nodename);
	json_write_string(writer, KEY("kernel"), facts->name.release);
	json_write_string(writer, KEY("logDriver"), "k8s-file");
	json_write_unsigned(writer, KEY("memFree"), facts->memory_free_bytes);
	json_write_unsigned(writer, KEY("memTotal"), facts->memory_bytes);
	json_write_unsigned(writer, KEY("swapFree"), facts->swap_free_bytes);
	json_write_unsigned(writer, KEY("swapTotal"), facts->swap_bytes);
	json_open(writer, spelling->capital ? "OCIRuntime" : "ociRuntime", '{');
	json_write_string(writer, KEY("name"), "rung");
	json_write_string(writer, KEY("version"), RUNG_VERSION);
	json_close(writer);
	json_write_string(writer, spelling->capital ? "OS" : "os", "linux");
	json_open(writer, KEY("security"), '{');
	json_write_bool(writer, KEY("apparmorEnabled"), facts->apparmor);
	json_write_bool(writer, KEY("rootless"), facts->rootless);
	json_write_bool(writer, KEY("seccompEnabled"), true);
	json_write_string(writer, KEY("seccompProfilePath"), "");
	json_write_bool(
		writer, spelling->capital ? "SELinuxEnabled" : "selinuxEnabled", facts->selinux);
	json_close(writer);
	json_write_bool(writer, KEY("serviceIsRemote"), false);
	json_write_string(writer, KEY("uptime"),
		arena_format(facts->arena, "%jdh %jdm %jds", (intmax_t)facts->uptime_s / 3600,
			(intmax_t)facts->uptime_s / 60 % 60, (intmax_t)facts->uptime_s % 60));
	json_close(writer);
}

static void write_store(
	const struct facts *facts, const struct spelling *spelling, struct json_writer *writer)
{
	json_open(writer, KEY("store"), '{');
	json_open(writer, KEY("containerStore"), '{');
	json_write_unsigned(writer, KEY("number"), facts->containers);
	json_write_unsigned(writer, KEY("paused"), facts->paused);
	json_write_unsigned(writer, KEY("running"), facts->running);
	json_write_unsigned(writer, KEY("stopped"), facts->stopped);
	json_close(writer);
	json_write_string(writer, KEY("graphDriverName"), "overlay");
	json_write_string(writer, KEY("graphRoot"), facts->root);
	json_write_unsigned(writer, KEY("graphRootAllocated"), facts->disk_bytes);
	json_write_unsigned(
		writer, KEY("graphRootUsed"), facts->disk_bytes - facts->disk_free_bytes);
	json_open(writer, KEY("imageStore"), '{');
	json_write_unsigned(writer, KEY("number"), facts->images);
	json_close(writer);
	json_write_string(writer, KEY("runRoot"), facts->state);
	json_write_string(
		writer, KEY("volumePath"), arena_format(facts->arena, "%s/volumes", facts->root));
	json_close(writer);
}

static void write_podman(
	const struct facts *facts, const struct spelling *spelling, struct json_writer *writer)
{
	write_host(facts, spelling, writer);
	write_store(facts, spelling, writer);
	json_open(writer, KEY("version"), '{');
	json_write_string(writer, "Version", RUNG_VERSION);
	json_write_string(writer, "Os", "linux");
	json_write_string(
		writer, "OsArch", arena_format(facts->arena, "linux/%s", version_architecture()));
	json_close(writer);
	if (!spelling->capital)
		write_plugins(writer, "plugins", false);
}

/* ---- lines
 * ------------------------------------------------------------------------------------------ */

static void print_lines(const struct facts *facts)
{
	char memory[UNITS_TEXT_MAX];
	units_binary_size(facts->memory_bytes, memory);
	printf("Containers: %zu\n Running: %zu\n Paused: %zu\n Stopped: %zu\nImages: %zu\n",
		facts->containers, facts->running, facts->paused, facts->stopped, facts->images);
	printf("Server Version: %s\nStorage Driver: overlay\nLogging Driver: k8s-file\n",
		RUNG_VERSION);
	printf("Cgroup Driver: cgroupfs\nCgroup Version: %s\nCgroup Controllers: %s\n",
		facts->cgroup_version, facts->cgroup_controllers);
	printf("Security Options:\n seccomp: default policy\n%s%s%s",
		facts->rootless ? " rootless\n" : "", facts->apparmor ? " apparmor\n" : "",
		facts->selinux ? " selinux\n" : "");
	printf("Kernel Version: %s\nOperating System: %s\nOSType: linux\nArchitecture: %s\n",
		facts->name.release, facts->system, facts->name.machine);
	printf("CPUs: %ld\nTotal Memory: %s\nName: %s\nRoot Dir: %s\nState Dir: %s\n",
		facts->processors, memory, facts->name.nodename, facts->root, facts->state);
}

static int run(struct invocation *invocation)
{
	const struct info_options *options = options_of(invocation, info_options);
	struct facts facts = {.arena = invocation->arena};
	int r = find_facts(&facts);
	if (r < 0)
		return r;
	bool podman = manner_of(invocation) == MANNER_PODMAN;
	if (!options->format && !podman) {
		print_lines(&facts);
		return 0;
	}
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	bool template = options->format && !text_equal(options->format, "json");
	json_open(&writer, NULL, '{');
	if (!podman || template)
		write_docker(&facts, &writer);
	write_podman(&facts, &(struct spelling){facts.arena, false}, &writer);
	if (template)
		write_podman(&facts, &(struct spelling){facts.arena, true}, &writer);
	json_close(&writer);
	return output_thing(options->format, &out);
}

const struct verb verb_info = {
	.name = "info",
	.summary = "show this machine and what rung keeps on it",
	verb_options(info_options),
	.examples = "Where everything lies\n$ rung info --format '{{.DockerRootDir}}'\n",
	.run = run,
};
