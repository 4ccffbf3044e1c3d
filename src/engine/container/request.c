// SPDX-License-Identifier: Apache-2.0

/*
 * A request as JSON and back: a table per struct of request.h. config.json of a container holds it;
 * an older rung's file lacks members, which then are as if not asked for.
 */

#include "engine/container/request.h"

#include "plan/shape.h"

/* clang-format off */

#define LIST(json, member) STRINGS(json, TYPE, member)
#define WORDS(json, member) STRING(json, TYPE, member)
#define YES(json, member) BOOL(json, TYPE, member)
#define COUNT(json, member) UNSIGNED(json, TYPE, member)
#define NUMBER_OF(json, member) SIGNED(json, TYPE, member)
#define MAYBE(json, member) MAYBE_SIGNED(json, TYPE, member)

#define TYPE struct life_wishes
static const struct json_field life_fields[] = {
	WORDS("name", name),
	WORDS("isolation", isolation),
	WORDS("runtime", runtime),
	WORDS("restart", restart),
	WORDS("pod", pod),
	WORDS("podIdFile", pod_id_file),
	YES("remove", remove),
	YES("removeImage", remove_image),
	YES("replace", replace),
	WORDS("pidfile", pidfile),
	WORDS("cidfile", cidfile),
	WORDS("monitorPidfile", conmon_pidfile),
	WORDS("sdnotify", sdnotify),
	LIST("labels", labels),
	LIST("labelFiles", label_files),
	LIST("annotations", annotations),
	LIST("requires", requirements),
	WORDS("stopSignal", stop_signal),
	MAYBE("stopTimeout", stop_timeout_s),
	COUNT("timeout", timeout_s),
	WORDS("logDriver", log_driver),
	LIST("logOptions", log_options),
};
static const struct json_shape life_shape = SHAPE(TYPE, life_fields);
#undef TYPE

#define TYPE struct process_wishes
static const struct json_field process_fields[] = {
	YES("interactive", interactive),
	YES("terminal", terminal),
	YES("init", init),
	LIST("attach", attach),
	WORDS("entrypoint", entrypoint),
	WORDS("workingDirectory", working_directory),
	WORDS("user", user),
	WORDS("initPath", init_path),
	WORDS("umask", umask),
	WORDS("personality", personality),
	WORDS("timezone", timezone),
	WORDS("systemd", systemd),
	LIST("environment", environment),
	LIST("environmentFiles", environment_files),
	LIST("environmentMerge", environment_merge),
	LIST("unset", unset),
	YES("environmentHost", environment_host),
	YES("unsetAll", unset_all),
	BOOL("httpProxy", TYPE, http_proxy, .flags = ALWAYS),
	LIST("groupAdd", group_add),
	LIST("ulimits", ulimits),
	LIST("hostUsers", host_users),
	LIST("chrootDirectories", chroot_directories),
	LIST("preservedFds", preserved_fd_list),
	COUNT("preserveFds", preserved_fds),
	BOOL("passwd", TYPE, passwd, .flags = ALWAYS),
	WORDS("passwdEntry", passwd_entry),
	WORDS("groupEntry", group_entry),
	MAYBE("oomScoreAdj", oom_score_adj),
};
static const struct json_shape process_shape = SHAPE(TYPE, process_fields);
#undef TYPE

#define TYPE struct file_wishes
static const struct json_field file_fields[] = {
	WORDS("rootfs", rootfs),
	LIST("volumes", volumes),
	LIST("mounts", mounts),
	LIST("tmpfs", tmpfs),
	LIST("volumesFrom", volumes_from),
	LIST("secrets", secrets),
	LIST("storageOptions", storage_options),
	WORDS("volumeDriver", volume_driver),
	WORDS("imageVolume", image_volume),
	YES("readOnly", read_only),
	BOOL("readOnlyTmpfs", TYPE, read_only_tmpfs, .flags = ALWAYS),
	COUNT("shmSize", shm_bytes),
	LIST("devices", devices),
	LIST("deviceRules", device_rules),
	LIST("gpus", gpus),
};
static const struct json_shape file_shape = SHAPE(TYPE, file_fields);
#undef TYPE

#define TYPE struct namespace_wishes
static const struct json_field namespace_fields[] = {
	WORDS("user", user),
	WORDS("pid", pid),
	WORDS("ipc", ipc),
	WORDS("uts", uts),
	WORDS("cgroup", cgroup),
	LIST("uidMaps", uid_maps),
	LIST("gidMaps", gid_maps),
	WORDS("subuidName", subuid_name),
	WORDS("subgidName", subgid_name),
	WORDS("hostname", hostname),
	WORDS("domainname", domainname),
};
static const struct json_shape namespace_shape = SHAPE(TYPE, namespace_fields);
#undef TYPE

#define TYPE struct network_wishes
static const struct json_field network_fields[] = {
	LIST("networks", networks),
	LIST("aliases", aliases),
	LIST("publish", publish),
	LIST("expose", expose),
	LIST("links", links),
	LIST("linkLocalAddresses", link_local_ips),
	LIST("addHosts", add_hosts),
	LIST("dns", dns),
	LIST("dnsOptions", dns_options),
	LIST("dnsSearches", dns_searches),
	YES("noHosts", no_hosts),
	YES("noHostname", no_hostname),
	YES("publishAll", publish_all),
	WORDS("hostsFile", hosts_file),
	WORDS("ip", ip),
	WORDS("ip6", ip6),
	WORDS("macAddress", mac_address),
};
static const struct json_shape network_shape = SHAPE(TYPE, network_fields);
#undef TYPE

static const struct word manager_items[] = {
	{"auto", RUN_CGROUP_AUTO},
	{"cgroupfs", RUN_CGROUPFS},
	{"systemd", RUN_CGROUP_SYSTEMD},
	{"disabled", RUN_CGROUP_DISABLED},
};
static const struct words manager_words = {"cgroup manager", manager_items, 4};

#define TYPE struct resource_wishes
static const struct json_field resource_fields[] = {
	COUNT("memory", memory_bytes),
	COUNT("memoryReservation", memory_reservation_bytes),
	COUNT("kernelMemory", kernel_memory_bytes),
	NUMBER_OF("memorySwap", memory_swap_bytes),
	MAYBE("memorySwappiness", memory_swappiness),
	YES("oomKillDisable", oom_kill_disable),
	NUMBER_OF("nanoCpus", cpus_billionths),
	COUNT("cpuShares", cpu_shares),
	COUNT("cpuPeriod", cpu_period_us),
	COUNT("cpuRealtimePeriod", cpu_realtime_period_us),
	NUMBER_OF("cpuQuota", cpu_quota_us),
	NUMBER_OF("cpuRealtimeRuntime", cpu_realtime_runtime_us),
	WORDS("cpusetCpus", cpuset_cpus),
	WORDS("cpusetMems", cpuset_mems),
	NUMBER_OF("pidsLimit", pids_limit),
	COUNT("blockWeight", block_weight),
	LIST("blockWeightDevices", block_weight_devices),
	LIST("readBps", read_bps),
	LIST("writeBps", write_bps),
	LIST("readIops", read_iops),
	LIST("writeIops", write_iops),
	LIST("hugepageLimits", hugepage_limits),
	WORDS("cgroupParent", cgroup_parent),
	WORDS("cgroups", cgroups),
	WORDS("rdtClass", rdt_class),
	LIST("cgroupSettings", cgroup_settings),
	WORD("cgroupManager", TYPE, cgroup_manager, &manager_words),
};
static const struct json_shape resource_shape = SHAPE(TYPE, resource_fields);
#undef TYPE

#define TYPE struct security_wishes
static const struct json_field security_fields[] = {
	YES("privileged", privileged),
	LIST("capAdd", cap_add),
	LIST("capDrop", cap_drop),
	LIST("options", options),
	LIST("sysctls", sysctls),
	WORDS("seccompPolicy", seccomp_policy),
};
static const struct json_shape security_shape = SHAPE(TYPE, security_fields);
#undef TYPE

#define TYPE struct health_wishes
static const struct json_field health_wish_fields[] = {
	WORDS("command", command),
	MAYBE("interval", interval_ns),
	MAYBE("timeout", timeout_ns),
	MAYBE("startPeriod", start_period_ns),
	MAYBE("startInterval", start_interval_ns),
	MAYBE("retries", retries),
	WORDS("onFailure", on_failure),
	YES("disabled", disabled),
	WORDS("startupCommand", startup_command),
	MAYBE("startupInterval", startup_interval_ns),
	MAYBE("startupTimeout", startup_timeout_ns),
	MAYBE("startupRetries", startup_retries),
	MAYBE("startupSuccesses", startup_successes),
	WORDS("logDestination", log_destination),
	MAYBE("logMaxCount", log_max_count),
	MAYBE("logMaxSize", log_max_size),
};
static const struct json_shape health_wish_shape = SHAPE(TYPE, health_wish_fields);
#undef TYPE

#define TYPE struct pull_wishes
static const struct json_field pull_fields[] = {
	WORDS("policy", policy),
	WORDS("platform", platform),
	WORDS("architecture", architecture),
	WORDS("os", os),
	WORDS("variant", variant),
};
static const struct json_shape pull_shape = SHAPE(TYPE, pull_fields);
#undef TYPE

static const struct word mount_kind_items[] = {
	{"bind", RUN_MOUNT_BIND},
	{"volume", RUN_MOUNT_VOLUME},
	{"tmpfs", RUN_MOUNT_TMPFS},
	{"image", RUN_MOUNT_IMAGE},
	{"devpts", RUN_MOUNT_DEVPTS},
};
static const struct words mount_kind_words = {"kind of mount", mount_kind_items, 5};

#define TYPE struct run_mount
static const struct json_field mount_fields[] = {
	WORD("type", TYPE, kind, &mount_kind_words, .flags = ALWAYS),
	WORDS("name", name),
	WORDS("source", source),
	WORDS("destination", destination),
	LIST("options", options),
	WORDS("subpath", subpath),
	YES("anonymous", anonymous),
	YES("copy", copy),
	YES("chown", chown),
	YES("overlay", overlay),
};
static const struct json_shape mount_shape = SHAPE(TYPE, mount_fields);
#undef TYPE

#define TYPE struct run_secret
static const struct json_field secret_fields[] = {
	WORDS("id", id),
	WORDS("name", name),
	WORDS("target", target),
	YES("environment", environment),
	COUNT("uid", uid),
	COUNT("gid", gid),
	COUNT("mode", mode),
};
static const struct json_shape secret_shape = SHAPE(TYPE, secret_fields);
#undef TYPE

#define TYPE struct run_health
static const struct json_field health_fields[] = {
	LIST("test", test),
	NUMBER_OF("interval", interval_ns),
	NUMBER_OF("timeout", timeout_ns),
	NUMBER_OF("startPeriod", start_period_ns),
	NUMBER_OF("startInterval", start_interval_ns),
	NUMBER_OF("retries", retries),
	WORDS("onFailure", on_failure),
};
static const struct json_shape health_shape = SHAPE(TYPE, health_fields);
#undef TYPE

#define TYPE struct plan_id_map
static const struct json_field map_fields[] = {
	COUNT("containerId", container_id),
	COUNT("hostId", host_id),
	COUNT("size", size),
};
static const struct json_shape map_shape = SHAPE(TYPE, map_fields);
#undef TYPE

#define TYPE struct run_resolved
static const struct json_field resolved_fields[] = {
	YES("given", given),
	LIST("entrypoint", entrypoint),
	LIST("command", command),
	LIST("environment", environment),
	WORDS("user", user),
	WORDS("workingDirectory", working_directory),
	WORDS("hostname", hostname),
	WORDS("stopSignal", stop_signal),
	PAIRS("labels", TYPE, labels, label_count),
	LIST("exposedPorts", exposed_ports),
	ARRAY("mounts", TYPE, mounts, mount_count, &mount_shape),
	ARRAY("secrets", TYPE, secrets, secret_count, &secret_shape),
	OBJECT("health", TYPE, health, &health_shape),
	YES("systemd", systemd),
	ARRAY("uidMaps", TYPE, uid_maps.items, uid_maps.count, &map_shape),
	ARRAY("gidMaps", TYPE, gid_maps.items, gid_maps.count, &map_shape),
};
static const struct json_shape resolved_shape = SHAPE(TYPE, resolved_fields);
#undef TYPE

#define TYPE struct run_request
static const struct json_field request_fields[] = {
	WORDS("image", image_name),
	LIST("arguments", arguments),
	OBJECT("life", TYPE, life, &life_shape),
	OBJECT("process", TYPE, process, &process_shape),
	OBJECT("files", TYPE, files, &file_shape),
	OBJECT("namespaces", TYPE, namespaces, &namespace_shape),
	OBJECT("network", TYPE, network, &network_shape),
	OBJECT("resources", TYPE, resources, &resource_shape),
	OBJECT("security", TYPE, security, &security_shape),
	OBJECT("health", TYPE, health, &health_wish_shape),
	OBJECT("pull", TYPE, pull, &pull_shape),
	OBJECT("resolved", TYPE, resolved, &resolved_shape),
};
static const struct json_shape request_shape = SHAPE(TYPE, request_fields);
#undef TYPE

/* clang-format on */

void run_request_write(
	const struct run_request *request, struct json_writer *writer, const char *key)
{
	json_open(writer, key, '{');
	json_shape_write(writer, &request_shape, request);
	json_close(writer);
}

int run_request_read(const struct json *at, struct arena *arena, struct run_request *ret_request)
{
	struct run_request read = {};
	int r = json_shape_read(at, &request_shape, arena, &read);
	if (r < 0)
		return r;
	ret_request->image_name = read.image_name;
	ret_request->arguments = read.arguments;
	ret_request->life = read.life;
	ret_request->process = read.process;
	ret_request->files = read.files;
	ret_request->namespaces = read.namespaces;
	ret_request->network = read.network;
	ret_request->resources = read.resources;
	ret_request->security = read.security;
	ret_request->health = read.health;
	ret_request->pull = read.pull;
	ret_request->resolved = read.resolved;
	return 0;
}
