// SPDX-License-Identifier: Apache-2.0

/* HostConfig and NetworkSettings of `inspect`: the wishes that were made when it was created. */

#include "base/error.h"
#include "base/scope.h"
#include "verbs/container/inspect.h"
#include "verbs/container/ports.h"

#include <stdio.h>

/* ---- ports -------------------------------------------------------------------------------- */

static struct port_mapping *read_ports(const struct inspection *at, size_t *ret_count)
{
	struct port_mapping *mappings = NULL;
	*ret_count = 0;
	if (ports_read(&at->instance->published, at->arena, &mappings, ret_count) < 0)
		error_clear();
	return mappings;
}

static bool same_port(const struct port_mapping *a, const struct port_mapping *b)
{
	return a->container == b->container && text_equal(a->protocol, b->protocol);
}

/* {"80/tcp":[{"HostIp":"","HostPort":"8080"}]} */
void inspect_port_bindings(const struct inspection *at, const char *key)
{
	size_t count;
	const struct port_mapping *mappings = read_ports(at, &count);
	struct json_writer *writer = at->writer;
	json_open(writer, key, '{');
	for (size_t i = 0; i < count; i++) {
		size_t earlier = 0;
		while (earlier < i && !same_port(&mappings[earlier], &mappings[i]))
			earlier++;
		if (earlier < i)
			continue;
		json_open(writer,
			arena_format(
				at->arena, "%u/%s", mappings[i].container, mappings[i].protocol),
			'[');
		for (size_t n = i; n < count; n++) {
			if (!same_port(&mappings[i], &mappings[n]))
				continue;
			json_open(writer, NULL, '{');
			json_write_string(writer, "HostIp", mappings[n].address);
			json_write_string(writer, "HostPort",
				mappings[n].host ? arena_format(at->arena, "%u", mappings[n].host)
						 : "");
			json_close(writer);
		}
		json_close(writer);
	}
	json_close(writer);
}

/* ---- what was mounted ------------------------------------------------------------------------ */

static void write_binds(const struct inspection *at)
{
	const struct run_resolved *resolved = &at->request->resolved;
	json_open(at->writer, "Binds", '[');
	for (size_t i = 0; i < resolved->mount_count; i++) {
		const struct run_mount *mount = &resolved->mounts[i];
		if (mount->kind != RUN_MOUNT_BIND && mount->kind != RUN_MOUNT_VOLUME)
			continue;
		autofini(text_fini) struct text text = {};
		const char *source = mount->kind == RUN_MOUNT_VOLUME && mount->name ? mount->name
				     : mount->source                                ? mount->source
										    : "";
		text_format(&text, "%s:%s", source, mount->destination);
		for (size_t n = 0; n < mount->options.count; n++)
			text_format(&text, "%c%s", n ? ',' : ':', mount->options.items[n]);
		json_write_string(at->writer, NULL, text_get(&text));
	}
	json_close(at->writer);
}

/* --tmpfs DESTINATION[:OPTIONS] → {"DESTINATION":"OPTIONS"} */
static void write_tmpfs(const struct inspection *at)
{
	const struct strings *words = &at->request->files.tmpfs;
	json_open(at->writer, "Tmpfs", '{');
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i], *colon = strchr(word, ':');
		const char *key =
			colon ? arena_strndup(at->arena, word, (size_t)(colon - word)) : word;
		json_write_string(at->writer, key, colon ? colon + 1 : "");
	}
	json_close(at->writer);
}

/* /dev/fuse[:/dev/fuse[:rwm]] */
static void write_devices(const struct inspection *at)
{
	const struct strings *words = &at->request->files.devices;
	json_open(at->writer, "Devices", '[');
	for (size_t i = 0; i < words->count; i++) {
		char *copy = arena_strdup(at->arena, words->items[i]), *rest = copy;
		const char *host = strsep(&rest, ":"), *second = rest ? strsep(&rest, ":") : NULL;
		bool path = second && second[0] == '/';
		json_open(at->writer, NULL, '{');
		json_write_string(at->writer, "PathOnHost", host);
		json_write_string(at->writer, "PathInContainer", path ? second : host);
		json_write_string(at->writer, "CgroupPermissions",
			rest              ? rest
			: second && !path ? second
					  : "rwm");
		json_close(at->writer);
	}
	json_close(at->writer);
}

/* ---- limits -------------------------------------------------------------------------------------
 */

/* "/dev/sda:1mb" → {"Path":…,"Rate":…} */
static void write_rates(const struct inspection *at, const char *key, const char *number,
	const struct strings *words)
{
	if (words->count == 0) {
		json_write_null(at->writer, key);
		return;
	}
	json_open(at->writer, key, '[');
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i], *colon = strrchr(word, ':');
		uint64_t value = 0;
		if (!colon || parse_size(colon + 1, &value) < 0)
			continue;
		json_open(at->writer, NULL, '{');
		json_write_string(
			at->writer, "Path", arena_strndup(at->arena, word, (size_t)(colon - word)));
		json_write_unsigned(at->writer, number, value);
		json_close(at->writer);
	}
	json_close(at->writer);
}

/* "nofile=1024:2048"; Podman writes RLIMIT_NOFILE. */
static void write_ulimits(const struct inspection *at)
{
	const struct strings *words = &at->request->process.ulimits;
	json_open(at->writer, "Ulimits", '[');
	for (size_t i = 0; i < words->count; i++) {
		char *copy = arena_strdup(at->arena, words->items[i]), *rest = copy;
		const char *name = strsep(&rest, "="), *soft = rest ? strsep(&rest, ":") : "0";
		const char *hard = rest ? rest : soft;
		int64_t soft_number = -1, hard_number = -1;
		(void)!parse_int64(soft, -1, INT64_MAX, &soft_number);
		(void)!parse_int64(hard, -1, INT64_MAX, &hard_number);
		json_open(at->writer, NULL, '{');
		json_write_string(at->writer, "Name", name);
		json_write_signed(at->writer, "Soft", soft_number);
		json_write_signed(at->writer, "Hard", hard_number);
		json_close(at->writer);
	}
	json_close(at->writer);
}

/* Not given: twice the memory, as both tools have it. */
static int64_t memory_swap(const struct resource_wishes *resources)
{
	if (resources->memory_swap_bytes || resources->memory_bytes > INT64_MAX / 2)
		return resources->memory_swap_bytes;
	return 2 * (int64_t)resources->memory_bytes;
}

static void write_memory_and_processes(const struct inspection *at)
{
	const struct resource_wishes *resources = &at->request->resources;
	struct json_writer *writer = at->writer;
	json_write_unsigned(writer, "Memory", resources->memory_bytes);
	json_write_unsigned(writer, "MemoryReservation", resources->memory_reservation_bytes);
	json_write_signed(writer, "MemorySwap", memory_swap(resources));
	if (resources->memory_swappiness.given)
		json_write_signed(writer, "MemorySwappiness", resources->memory_swappiness.value);
	else if (at->manner == MANNER_PODMAN)
		json_write_signed(writer, "MemorySwappiness", -1);
	else
		json_write_null(writer, "MemorySwappiness");
	json_write_unsigned(writer, "KernelMemory", resources->kernel_memory_bytes);
	json_write_bool(writer, "OomKillDisable", resources->oom_kill_disable);
	json_write_signed(writer, "OomScoreAdj",
		at->request->process.oom_score_adj.given ? at->request->process.oom_score_adj.value
							 : 0);
	if (resources->pids_limit || at->manner == MANNER_PODMAN)
		json_write_signed(writer, "PidsLimit", resources->pids_limit);
	else
		json_write_null(writer, "PidsLimit");
	write_ulimits(at);
}

static void write_limits(const struct inspection *at)
{
	const struct resource_wishes *resources = &at->request->resources;
	struct json_writer *writer = at->writer;
	json_write_unsigned(writer, "CpuShares", resources->cpu_shares);
	json_write_signed(writer, "NanoCpus", resources->cpus_billionths);
	json_write_unsigned(writer, "CpuPeriod", resources->cpu_period_us);
	json_write_signed(writer, "CpuQuota", resources->cpu_quota_us);
	json_write_unsigned(writer, "CpuRealtimePeriod", resources->cpu_realtime_period_us);
	json_write_signed(writer, "CpuRealtimeRuntime", resources->cpu_realtime_runtime_us);
	inspect_text(writer, "CpusetCpus", resources->cpuset_cpus);
	inspect_text(writer, "CpusetMems", resources->cpuset_mems);
	json_write_unsigned(writer, "BlkioWeight", resources->block_weight);
	write_rates(at, "BlkioWeightDevice", "Weight", &resources->block_weight_devices);
	write_rates(at, "BlkioDeviceReadBps", "Rate", &resources->read_bps);
	write_rates(at, "BlkioDeviceWriteBps", "Rate", &resources->write_bps);
	write_rates(at, "BlkioDeviceReadIOps", "Rate", &resources->read_iops);
	write_rates(at, "BlkioDeviceWriteIOps", "Rate", &resources->write_iops);
	write_memory_and_processes(at);
	json_write_signed(writer, "DiskQuota", 0);
	json_write_signed(writer, "CpuCount", 0);
	json_write_signed(writer, "CpuPercent", 0);
	json_write_signed(writer, "IOMaximumIOps", 0);
	json_write_signed(writer, "IOMaximumBandwidth", 0);
	inspect_text(writer, "CgroupParent", resources->cgroup_parent);
}

/* ---- namespaces, security
 * ------------------------------------------------------------------------- */

static const char *network_mode(const struct inspection *at)
{
	const struct strings *networks = &at->instance->networks;
	return networks->count ? networks->items[0] : "none";
}

static void write_namespaces(const struct inspection *at)
{
	const struct namespace_wishes *wishes = &at->request->namespaces;
	struct json_writer *writer = at->writer;
	bool podman = at->manner == MANNER_PODMAN;
	static const char managers[][12] = {"cgroupfs", "cgroupfs", "systemd", "disabled"};
	json_write_string(writer, "CgroupManager", managers[at->request->resources.cgroup_manager]);
	json_write_string(writer, "CgroupMode", wishes->cgroup ? wishes->cgroup : "private");
	json_write_string(writer, "CgroupnsMode", wishes->cgroup ? wishes->cgroup : "private");
	json_write_string(writer, "Cgroup", "");
	inspect_text(writer, "Cgroups",
		at->request->resources.cgroups ? at->request->resources.cgroups : "default");
	json_write_string(writer, "NetworkMode", network_mode(at));
	json_write_string(writer, "IpcMode",
		wishes->ipc ? wishes->ipc
		: podman    ? "shareable"
			    : "private");
	json_write_string(writer, "PidMode", wishes->pid ? wishes->pid : podman ? "private" : "");
	json_write_string(writer, "UTSMode", wishes->uts ? wishes->uts : podman ? "private" : "");
	inspect_text(writer, "UsernsMode", wishes->user);
}

static void write_security(const struct inspection *at)
{
	const struct security_wishes *security = &at->request->security;
	struct json_writer *writer = at->writer;
	json_write_bool(writer, "Privileged", security->privileged);
	if (at->manner == MANNER_PODMAN) {
		json_write_strings(writer, "CapAdd", &security->cap_add);
		json_write_strings(writer, "CapDrop", &security->cap_drop);
		json_write_strings(writer, "SecurityOpt", &security->options);
	} else {
		inspect_list(writer, "CapAdd", &security->cap_add);
		inspect_list(writer, "CapDrop", &security->cap_drop);
		inspect_list(writer, "SecurityOpt", &security->options);
	}
	json_open(writer, "Sysctls", '{');
	for (size_t i = 0; i < security->sysctls.count; i++) {
		const char *word = security->sysctls.items[i], *equals = strchr(word, '=');
		if (equals)
			json_write_string(writer,
				arena_strndup(at->arena, word, (size_t)(equals - word)),
				equals + 1);
	}
	json_close(writer);
}

/* ---- the rest
 * ------------------------------------------------------------------------------------- */

static void write_log(const struct inspection *at)
{
	const struct instance *instance = at->instance;
	struct json_writer *writer = at->writer;
	json_open(writer, "LogConfig", '{');
	json_write_string(writer, "Type", instance->log_driver ? instance->log_driver : "k8s-file");
	json_open(writer, "Config", '{');
	const char *path = NULL, *tag = NULL, *size = NULL;
	for (size_t i = 0; i < instance->log_options.count; i++) {
		const char *word = instance->log_options.items[i], *equals = strchr(word, '=');
		if (!equals)
			continue;
		const char *key = arena_strndup(at->arena, word, (size_t)(equals - word));
		json_write_string(writer, key, equals + 1);
		path = text_equal(key, "path") ? equals + 1 : path;
		tag = text_equal(key, "tag") ? equals + 1 : tag;
		size = text_equal(key, "max-size") ? equals + 1 : size;
	}
	json_close(writer);
	json_write_string(writer, "Path",
		path ? path : arena_format(at->arena, "%s/ctr.log", instance->directory));
	inspect_text(writer, "Tag", tag);
	json_write_string(writer, "Size", size ? size : "0B");
	json_close(writer);
}

static void write_restart(const struct inspection *at)
{
	const struct instance_restart *restart = &at->instance->restart;
	bool none = restart->policy == INSTANCE_RESTART_NO && at->manner == MANNER_PODMAN;
	json_open(at->writer, "RestartPolicy", '{');
	json_write_string(at->writer, "Name", none ? "" : instance_restart_name(restart->policy));
	json_write_unsigned(at->writer, "MaximumRetryCount", restart->most);
	json_close(at->writer);
}

static void write_names(const struct inspection *at)
{
	const struct network_wishes *network = &at->request->network;
	struct json_writer *writer = at->writer;
	json_write_strings(writer, "Dns", &network->dns);
	json_write_strings(writer, "DnsOptions", &network->dns_options);
	json_write_strings(writer, "DnsSearch", &network->dns_searches);
	if (at->manner == MANNER_PODMAN) {
		json_write_strings(writer, "ExtraHosts", &network->add_hosts);
		json_write_strings(writer, "GroupAdd", &at->request->process.group_add);
	} else {
		inspect_list(writer, "ExtraHosts", &network->add_hosts);
		inspect_list(writer, "GroupAdd", &at->request->process.group_add);
	}
	json_write_strings(writer, "Links", &network->links);
	json_write_bool(writer, "PublishAllPorts", network->publish_all);
}

void inspect_host_config(const struct inspection *at)
{
	const struct run_request *request = at->request;
	struct json_writer *writer = at->writer;
	json_open(writer, "HostConfig", '{');
	write_binds(at);
	json_write_string(writer, "ContainerIDFile", at->instance->cidfile);
	write_log(at);
	write_namespaces(at);
	inspect_port_bindings(at, "PortBindings");
	write_restart(at);
	json_write_bool(writer, "AutoRemove", at->instance->remove);
	inspect_text(writer, "VolumeDriver", request->files.volume_driver);
	json_write_strings(writer, "VolumesFrom", &request->files.volumes_from);
	write_security(at);
	write_names(at);
	json_write_bool(writer, "ReadonlyRootfs", request->files.read_only);
	write_tmpfs(at);
	json_write_unsigned(writer, "ShmSize",
		request->files.shm_bytes      ? request->files.shm_bytes
		: at->manner == MANNER_PODMAN ? 65536000
					      : 64 << 20);
	json_write_string(writer, "Runtime",
		at->instance->runtime[0]      ? at->instance->runtime
		: at->manner == MANNER_PODMAN ? "oci"
					      : "rung");
	json_write_bool(writer, "Init", request->process.init);
	json_open(writer, "ConsoleSize", '[');
	json_write_unsigned(writer, NULL, 0);
	json_write_unsigned(writer, NULL, 0);
	json_close(writer);
	json_write_string(writer, "Isolation", "");
	write_limits(at);
	write_devices(at);
	inspect_list(writer, "DeviceCgroupRules", &request->files.device_rules);
	json_close(writer);
}

/* ---- NetworkSettings
 * ------------------------------------------------------------------------------- */

/* An endpoint, filled in when there are networks with addresses. */
static void write_endpoint(struct json_writer *writer)
{
	json_write_string(writer, "EndpointID", "");
	json_write_string(writer, "Gateway", "");
	json_write_string(writer, "IPAddress", "");
	json_write_unsigned(writer, "IPPrefixLen", 0);
	json_write_string(writer, "IPv6Gateway", "");
	json_write_string(writer, "GlobalIPv6Address", "");
	json_write_unsigned(writer, "GlobalIPv6PrefixLen", 0);
	json_write_string(writer, "MacAddress", "");
}

void inspect_network_settings(const struct inspection *at)
{
	const struct strings *networks = &at->instance->networks;
	struct json_writer *writer = at->writer;
	json_open(writer, "NetworkSettings", '{');
	write_endpoint(writer);
	json_write_string(writer, "Bridge", "");
	json_write_string(writer, "SandboxID", "");
	json_write_string(writer, "SandboxKey",
		at->instance->state.pid
			? arena_format(at->arena, "/proc/%d/ns/net", (int)at->instance->state.pid)
			: "");
	json_write_bool(writer, "HairpinMode", false);
	json_write_string(writer, "LinkLocalIPv6Address", "");
	json_write_unsigned(writer, "LinkLocalIPv6PrefixLen", 0);
	inspect_port_bindings(at, "Ports");
	json_open(writer, "Networks", '{');
	for (size_t i = 0; i < networks->count; i++) {
		json_open(writer, networks->items[i], '{');
		write_endpoint(writer);
		json_write_string(writer, "NetworkID", networks->items[i]);
		json_write_null(writer, "DriverOpts");
		json_write_null(writer, "IPAMConfig");
		json_write_null(writer, "Links");
		inspect_list(writer, "Aliases", &at->request->network.aliases);
		json_close(writer);
	}
	json_close(writer);
	json_close(writer);
}
