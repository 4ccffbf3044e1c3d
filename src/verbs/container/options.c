// SPDX-License-Identifier: Apache-2.0

/*
 * What `run` and `create` understand: Docker's and Podman's words. The tables are named after the
 * structs in engine/container/request.h, whose members they fill.
 */

#include "verbs/container/options.h"

#include "base/error.h"
#include "base/fs.h"
#include "verbs/container/preserve.h"

#include <fcntl.h>

/* A repeated option goes into a struct strings as it does into a struct option_list. */
_Static_assert(sizeof(struct strings) == sizeof(struct option_list) &&
		       offsetof(struct strings, count) == offsetof(struct option_list, count),
	"strings and option_list are the same in memory");
#define words_in(tag, member) option_field_(OPTION_LIST, tag, member, struct strings)
#define maybe_integer_in(tag, member) integer_in(tag, member.value)
#define maybe_duration_in(tag, member) duration_in(tag, member.value)

const struct option process_wishes[] = {
	{"-i, --interactive", "pass standard input on", flag_in(process_wishes, interactive)},
	{"-t, --tty", "give the program a terminal", flag_in(process_wishes, terminal)},
	{"-a, --attach=STREAM", "stdin, stdout or stderr: only these",
		words_in(process_wishes, attach)},
	{"--entrypoint=PROGRAM", "the program, or a JSON array of words, instead of the image's",
		text_in(process_wishes, entrypoint)},
	{"-w, --workdir=DIR", "working directory", text_in(process_wishes, working_directory)},
	{"-u, --user=USER[:GROUP]", "run as this user of the image", text_in(process_wishes, user)},
	{"--group-add=GROUP", "further group; keep-groups: those of the caller",
		words_in(process_wishes, group_add)},
	{"-e, --env=NAME[=VALUE]", "set a variable, or pass ours on",
		words_in(process_wishes, environment)},
	{"--env-file=FILE", "set the variables in FILE, one a line",
		words_in(process_wishes, environment_files)},
	{"--env-host", "pass all our variables on", flag_in(process_wishes, environment_host)},
	{"--env-merge=NAME=VALUE", "set a variable; ${NAME} in it stands for the image's",
		words_in(process_wishes, environment_merge)},
	{"--unsetenv=NAME", "leave a variable of the image out", words_in(process_wishes, unset)},
	{"--unsetenv-all", "leave all variables of the image out",
		flag_in(process_wishes, unset_all)},
	{"--http-proxy", "pass our proxy variables on", flag_in(process_wishes, http_proxy),
		.fallback = "true"},
	{"--init", "run rung-init as process 1", flag_in(process_wishes, init)},
	{"--init-path=FILE", "another program as process 1", text_in(process_wishes, init_path)},
	{"--systemd=true|false|always", "surroundings as systemd wants them; true: for an init",
		text_in(process_wishes, systemd), .fallback = "true"},
	{"--ulimit=NAME=SOFT[:HARD]", "resource limit of the program, or \"host\"",
		words_in(process_wishes, ulimits)},
	{"--umask=MODE", "its umask", text_in(process_wishes, umask), .fallback = "0022"},
	{"--tz, --timezone=ZONE", "time zone, or \"local\"", text_in(process_wishes, timezone)},
	{"--personality=WORD", "execution domain: LINUX, LINUX32",
		text_in(process_wishes, personality)},
	{"--oom-score-adj=NUMBER", "how likely it is killed when memory is short, -1000 to 1000",
		maybe_integer_in(process_wishes, oom_score_adj)},
	{"--preserve-fds=NUMBER", "pass descriptors 3 to 2 + NUMBER on",
		integer_in(process_wishes, preserved_fds)},
	{"--preserve-fd=FD", "pass this descriptor on",
		words_in(process_wishes, preserved_fd_list)},
	{"--passwd", "add the user to the image's /etc/passwd and /etc/group",
		flag_in(process_wishes, passwd), .fallback = "true"},
	{"--passwd-entry=LINE", "that line of /etc/passwd; $USERNAME $UID $GID $NAME $HOME in it",
		text_in(process_wishes, passwd_entry)},
	{"--group-entry=LINE", "that line of /etc/group; $GROUPNAME $GID $USERLIST in it",
		text_in(process_wishes, group_entry)},
	{"--hostuser=USER", "add a user of the host to /etc/passwd",
		words_in(process_wishes, host_users)},
	{"--chrootdirs=DIR", "also give DIR, a root inside, the container's /etc files",
		words_in(process_wishes, chroot_directories)},
	{},
};

const struct option file_wishes[] = {
	{"--rootfs=DIR", "the directory to run in, instead of an image",
		text_in(file_wishes, rootfs)},
	{"-v, --volume=[SOURCE:]DEST[:OPTIONS]", "show a host directory or a volume",
		words_in(file_wishes, volumes)},
	{"--mount=WORDS", "type=bind, volume, tmpfs, image, devpts or glob; source=…,target=…",
		words_in(file_wishes, mounts)},
	{"--tmpfs=DEST[:OPTIONS]", "an empty directory in memory", words_in(file_wishes, tmpfs)},
	{"--volumes-from=CONTAINER[:OPTIONS]", "mount what another container has mounted",
		words_in(file_wishes, volumes_from)},
	{"--image-volume=bind|tmpfs|ignore", "what becomes of the volumes that the image names",
		text_in(file_wishes, image_volume), .fallback = "bind"},
	{"--volume-driver=NAME", "who makes new volumes: local",
		text_in(file_wishes, volume_driver)},
	{"--secret=NAME[,OPTIONS]", "give it a secret as a file in /run/secrets or a variable",
		words_in(file_wishes, secrets)},
	{"--read-only", "nothing can be changed but volumes", flag_in(file_wishes, read_only)},
	{"--read-only-tmpfs", "with --read-only: /run, /tmp and /var/tmp can be changed",
		flag_in(file_wishes, read_only_tmpfs), .fallback = "true"},
	{"--shm-size=SIZE", "size of /dev/shm", size_in(file_wishes, shm_bytes), .fallback = "64m"},
	{"--device=DEVICE[:DEST[:rwm]]", "give it a device, a directory of devices, or a CDI name",
		words_in(file_wishes, devices)},
	{"--device-cgroup-rule=RULE", "\"c 1:3 rwm\": devices that it may make and use",
		words_in(file_wishes, device_rules)},
	{"--gpus=all|COUNT|DEVICES", "give it graphics processors", words_in(file_wishes, gpus)},
	{"--storage-opt=NAME=VALUE", "", words_in(file_wishes, storage_options), .hidden = true},
	{},
};

const struct option life_wishes[] = {
	{"--name=NAME", "a name for it", text_in(life_wishes, name)},
	{"--rm", "remove it at its end", flag_in(life_wishes, remove)},
	{"--rmi", "and its image, if nobody else uses it", flag_in(life_wishes, remove_image)},
	{"--replace", "remove a container of that name first", flag_in(life_wishes, replace)},
	{"--restart=POLICY", "no, on-failure[:COUNT], always or unless-stopped",
		text_in(life_wishes, restart), .fallback = "no"},
	{"--stop-signal=SIGNAL", "what stop sends first", text_in(life_wishes, stop_signal)},
	{"--stop-timeout=SECONDS", "when stop kills it; -1: never",
		maybe_integer_in(life_wishes, stop_timeout_s), .fallback = "10"},
	{"--timeout=SECONDS", "kill it after this time", integer_in(life_wishes, timeout_s)},
	{"-l, --label=NAME[=VALUE]", "a note on the container", words_in(life_wishes, labels)},
	{"--label-file=FILE", "labels, one a line", words_in(life_wishes, label_files)},
	{"--annotation=NAME=VALUE", "a note for the runtime", words_in(life_wishes, annotations)},
	{"--log-driver=DRIVER", "k8s-file, json-file, journald, none or passthrough",
		text_in(life_wishes, log_driver), .fallback = "k8s-file"},
	{"--log-opt=NAME=VALUE", "max-size, max-file, path, tag",
		words_in(life_wishes, log_options)},
	{"--cidfile=FILE", "write its id there", text_in(life_wishes, cidfile)},
	{"--pidfile=FILE", "write its first process's number there", text_in(life_wishes, pidfile)},
	{"--conmon-pidfile=FILE", "write its monitor's number there",
		text_in(life_wishes, conmon_pidfile)},
	{"--requires=CONTAINER", "start that one before it", words_in(life_wishes, requirements)},
	{"--pod=NAME", "make it part of a pod; new:NAME makes the pod too",
		text_in(life_wishes, pod)},
	{"--pod-id-file=FILE", "the pod's id is in FILE", text_in(life_wishes, pod_id_file)},
	{"--isolation=RUNG", "how strong a wall: container, sandbox",
		text_in(life_wishes, isolation), .fallback = "container"},
	{"--runtime=NAME", "another OCI runtime: crun, runc, runsc or a path",
		text_in(life_wishes, runtime)},
	{"--sdnotify=container|conmon|ignore", "who tells systemd that it is ready",
		text_in(life_wishes, sdnotify), .fallback = "container"},
	{},
};

const struct option network_wishes[] = {
	{"--network, --net=NETWORK", "none, host, container:NAME, ns:PATH or a network's name",
		words_in(network_wishes, networks)},
	{"--network-alias, --net-alias=NAME", "another name for it in its networks",
		words_in(network_wishes, aliases)},
	{"--ip=ADDRESS", "its IPv4 address", text_in(network_wishes, ip)},
	{"--ip6=ADDRESS", "its IPv6 address", text_in(network_wishes, ip6)},
	{"--mac-address=ADDRESS", "its hardware address", text_in(network_wishes, mac_address)},
	{"-p, --publish=[[IP:]HOST:]PORT[/PROTOCOL]", "reach a port of it from outside",
		words_in(network_wishes, publish)},
	{"-P, --publish-all", "reach all ports that it exposes",
		flag_in(network_wishes, publish_all)},
	{"--expose=PORT[/PROTOCOL]", "a port that it listens on", words_in(network_wishes, expose)},
	{"--add-host=NAME:ADDRESS", "a line in its /etc/hosts",
		words_in(network_wishes, add_hosts)},
	{"--dns=ADDRESS", "name server; none: leave the image's resolv.conf",
		words_in(network_wishes, dns)},
	{"--dns-option, --dns-opt=WORD", "option of its resolv.conf",
		words_in(network_wishes, dns_options)},
	{"--dns-search=DOMAIN", "search domain; \".\": none",
		words_in(network_wishes, dns_searches)},
	{"--no-hosts", "leave the image's /etc/hosts", flag_in(network_wishes, no_hosts)},
	{"--no-hostname", "leave the image's /etc/hostname", flag_in(network_wishes, no_hostname)},
	{"--hosts-file=FILE", "what its /etc/hosts begins with; none, image or a file",
		text_in(network_wishes, hosts_file)},
	{"--link=CONTAINER[:NAME]", "", words_in(network_wishes, links), .hidden = true},
	{"--link-local-ip=ADDRESS", "", words_in(network_wishes, link_local_ips), .hidden = true},
	{},
};

const struct option namespace_wishes[] = {
	{"-h, --hostname=NAME", "host name", text_in(namespace_wishes, hostname)},
	{"--domainname=NAME", "NIS domain name", text_in(namespace_wishes, domainname)},
	{"--userns=MODE", "host, keep-id, auto, nomap, ns:PATH or container:NAME",
		text_in(namespace_wishes, user)},
	{"--uidmap=INSIDE:OUTSIDE[:COUNT]", "user ids in a user namespace of its own",
		words_in(namespace_wishes, uid_maps)},
	{"--gidmap=INSIDE:OUTSIDE[:COUNT]", "group ids", words_in(namespace_wishes, gid_maps)},
	{"--subuidname=NAME", "use the ids of NAME in /etc/subuid",
		text_in(namespace_wishes, subuid_name)},
	{"--subgidname=NAME", "use the ids of NAME in /etc/subgid",
		text_in(namespace_wishes, subgid_name)},
	{"--pid=MODE", "private, host, container:NAME or ns:PATH", text_in(namespace_wishes, pid)},
	{"--ipc=MODE", "private, shareable, host, none, container:NAME or ns:PATH",
		text_in(namespace_wishes, ipc)},
	{"--uts=MODE", "private, host, container:NAME or ns:PATH", text_in(namespace_wishes, uts)},
	{"--cgroupns=MODE", "private, host, container:NAME or ns:PATH",
		text_in(namespace_wishes, cgroup)},
	{},
};

const struct option resource_wishes[] = {
	{"-m, --memory=SIZE", "memory limit", size_in(resource_wishes, memory_bytes)},
	{"--memory-reservation=SIZE", "memory it is left with when memory is short",
		size_in(resource_wishes, memory_reservation_bytes)},
	{"--memory-swap=SIZE", "memory and swap together; -1: unlimited",
		limit_in(resource_wishes, memory_swap_bytes)},
	{"--memory-swappiness=NUMBER", "0 to 100; -1: the system's",
		maybe_integer_in(resource_wishes, memory_swappiness)},
	{"--kernel-memory=SIZE", "", size_in(resource_wishes, kernel_memory_bytes), .hidden = true},
	{"--oom-kill-disable", "wait for memory instead of killing",
		flag_in(resource_wishes, oom_kill_disable)},
	{"--cpus=NUMBER", "how many CPUs' time", decimal_in(resource_wishes, cpus_billionths)},
	{"-c, --cpu-shares=NUMBER", "weight among others", integer_in(resource_wishes, cpu_shares)},
	{"--cpu-period=MICROSECONDS", "length of a period of CPU time",
		integer_in(resource_wishes, cpu_period_us)},
	{"--cpu-quota=MICROSECONDS", "CPU time in each period",
		integer_in(resource_wishes, cpu_quota_us)},
	{"--cpu-rt-period=MICROSECONDS", "the same for real-time scheduling",
		integer_in(resource_wishes, cpu_realtime_period_us)},
	{"--cpu-rt-runtime=MICROSECONDS", "real-time CPU time in each of those",
		integer_in(resource_wishes, cpu_realtime_runtime_us)},
	{"--cpuset-cpus=LIST", "CPUs to run on", text_in(resource_wishes, cpuset_cpus)},
	{"--cpuset-mems=LIST", "memory nodes to use", text_in(resource_wishes, cpuset_mems)},
	{"--pids-limit=NUMBER", "most processes; -1: unlimited",
		integer_in(resource_wishes, pids_limit)},
	{"--blkio-weight=NUMBER", "weight of its disk accesses, 10 to 1000",
		integer_in(resource_wishes, block_weight)},
	{"--blkio-weight-device=DEVICE:WEIGHT", "the same for one disk",
		words_in(resource_wishes, block_weight_devices)},
	{"--device-read-bps=DEVICE:SIZE", "bytes it may read from a disk in a second",
		words_in(resource_wishes, read_bps)},
	{"--device-write-bps=DEVICE:SIZE", "bytes it may write",
		words_in(resource_wishes, write_bps)},
	{"--device-read-iops=DEVICE:NUMBER", "how often it may read in a second",
		words_in(resource_wishes, read_iops)},
	{"--device-write-iops=DEVICE:NUMBER", "how often it may write",
		words_in(resource_wishes, write_iops)},
	{"--hugetlb-limit=SIZE=BYTES", "huge pages of that size that it may use",
		words_in(resource_wishes, hugepage_limits)},
	{"--cgroups=enabled|disabled|no-conmon|split", "disabled: no control groups",
		text_in(resource_wishes, cgroups), .fallback = "enabled"},
	{"--cgroup-parent=PATH", "where its control group is made",
		text_in(resource_wishes, cgroup_parent)},
	{"--cgroup-conf=FILE=VALUE", "write VALUE into a file of its cgroup (v2)",
		words_in(resource_wishes, cgroup_settings)},
	{"--cgroup-manager=auto|cgroupfs|systemd|disabled", "who makes the control groups",
		choice_in(resource_wishes, cgroup_manager)},
	{"--rdt-class=NAME", "resctrl group to run in", text_in(resource_wishes, rdt_class)},
	{},
};

const struct option security_wishes[] = {
	{"--privileged", "all capabilities, no filter, all devices",
		flag_in(security_wishes, privileged)},
	{"--cap-add=CAPABILITY", "give it a capability", words_in(security_wishes, cap_add)},
	{"--cap-drop=CAPABILITY", "take a capability away", words_in(security_wishes, cap_drop)},
	{"--security-opt=OPTION", "no-new-privileges, seccomp=FILE, mask=PATH, unmask=PATH, …",
		words_in(security_wishes, options)},
	{"--sysctl=NAME=VALUE", "a kernel parameter of its namespaces",
		words_in(security_wishes, sysctls)},
	{"--seccomp-policy=default|image", "whose system call filter",
		text_in(security_wishes, seccomp_policy), .fallback = "default"},
	{},
};

const struct option health_wishes[] = {
	{"--health-cmd=COMMAND", "how to ask whether it is healthy; none: do not",
		text_in(health_wishes, command)},
	{"--health-interval=DURATION", "how often", maybe_duration_in(health_wishes, interval_ns),
		.fallback = "30s"},
	{"--health-timeout=DURATION", "how long an answer may take",
		maybe_duration_in(health_wishes, timeout_ns), .fallback = "30s"},
	{"--health-retries=NUMBER", "failures in a row until it is unhealthy",
		maybe_integer_in(health_wishes, retries), .fallback = "3"},
	{"--health-start-period=DURATION", "failures do not count so long after the start",
		maybe_duration_in(health_wishes, start_period_ns), .fallback = "0s"},
	{"--health-start-interval=DURATION", "how often during that time",
		maybe_duration_in(health_wishes, start_interval_ns)},
	{"--health-on-failure=none|kill|restart|stop", "what to do when it is unhealthy",
		text_in(health_wishes, on_failure), .fallback = "none"},
	{"--no-healthcheck", "do not ask, even if the image says so",
		flag_in(health_wishes, disabled)},
	{"--health-startup-cmd=COMMAND", "what to ask until it has answered once",
		text_in(health_wishes, startup_command)},
	{"--health-startup-interval=DURATION", "how often",
		maybe_duration_in(health_wishes, startup_interval_ns)},
	{"--health-startup-timeout=DURATION", "how long an answer may take",
		maybe_duration_in(health_wishes, startup_timeout_ns)},
	{"--health-startup-retries=NUMBER", "failures until it is restarted",
		maybe_integer_in(health_wishes, startup_retries)},
	{"--health-startup-success=NUMBER", "answers until it counts as started",
		maybe_integer_in(health_wishes, startup_successes)},
	{"--health-log-destination=PLACE", "local, events_logger or a directory",
		text_in(health_wishes, log_destination)},
	{"--health-max-log-count=NUMBER", "how many answers to keep",
		maybe_integer_in(health_wishes, log_max_count)},
	{"--health-max-log-size=NUMBER", "how many bytes of each",
		maybe_integer_in(health_wishes, log_max_size)},
	{},
};

const struct option pull_wishes[] = {
	{"--pull=always|missing|never|newer", "when to ask the registry",
		text_in(pull_wishes, policy), .fallback = "missing"},
	{"--platform=OS/ARCH[/VARIANT]", "which of the image's platforms",
		text_in(pull_wishes, platform)},
	{"--arch=ARCH", "which architecture", text_in(pull_wishes, architecture)},
	{"--os=OS", "which operating system", text_in(pull_wishes, os)},
	{"--variant=VARIANT", "which variant of the architecture", text_in(pull_wishes, variant)},
	{"--authfile=FILE", "where passwords are kept", text_in(pull_wishes, authfile)},
	{"--tls-verify", "insist on encryption", flag_in(pull_wishes, tls_verify),
		.fallback = "true"},
	{"--cert-dir=DIR", "certificates for the registry", text_in(pull_wishes, certificates)},
	{"--creds=USER[:PASSWORD]", "for the registry", text_in(pull_wishes, credentials)},
	{"-q, --quiet", "show no progress", flag_in(pull_wishes, quiet)},
	{"--retry=NUMBER", "how often to try again", maybe_integer_in(pull_wishes, retries)},
	{"--retry-delay=DURATION", "how long to wait before",
		maybe_duration_in(pull_wishes, retry_delay_ns)},
	{"--decryption-key=KEY", "", text_in(pull_wishes, decryption_key), .hidden = true},
	{"--disable-content-trust", "", flag_in(pull_wishes, no_content_trust), .hidden = true},
	{},
};

/* ---- after the parser ----------------------------------------------------------------- */

void container_note_health(const struct invocation *invocation, struct health_wishes *health)
{
	struct optional_i64 *const numbers[] = {&health->interval_ns, &health->timeout_ns,
		&health->start_period_ns, &health->start_interval_ns, &health->retries,
		&health->startup_interval_ns, &health->startup_timeout_ns, &health->startup_retries,
		&health->startup_successes, &health->log_max_count, &health->log_max_size};
	for (size_t i = 0; i < array_length(numbers); i++)
		numbers[i]->given = option_given(invocation, &numbers[i]->value);
}

static void note_given(const struct invocation *invocation, struct run_request *request)
{
	struct optional_i64 *const numbers[] = {&request->life.stop_timeout_s,
		&request->process.oom_score_adj, &request->resources.memory_swappiness,
		&request->pull.retries, &request->pull.retry_delay_ns};
	container_note_health(invocation, &request->health);
	for (size_t i = 0; i < array_length(numbers); i++)
		numbers[i]->given = option_given(invocation, &numbers[i]->value);
}

static void append(struct strings *list, size_t *room, const char *word, struct arena *arena)
{
	if (list->count + 1 >= *room) {
		const char **more = arena_new(arena, const char *, *room = 2 * *room + 16);
		if (list->count)
			memcpy(more, list->items, list->count * sizeof(*more));
		list->items = more;
	}
	list->items[list->count++] = word;
	list->items[list->count] = NULL;
}

/* "a,b" given once is "a" and "b" given twice. */
static void split_commas(struct strings *list, struct arena *arena)
{
	struct strings all = {};
	size_t room = 0;
	for (size_t i = 0; i < list->count; i++) {
		char *rest = arena_strdup(arena, list->items[i]), *word;
		while ((word = strsep(&rest, ",")))
			if (*word)
				append(&all, &room, word, arena);
	}
	*list = all;
}

/* Lines of a file, blank ones and comments left out, in front of what the list holds. */
static int read_lines(
	const struct strings *files, const char *option, struct arena *arena, struct strings *list)
{
	struct strings all = {};
	size_t room = 0;
	for (size_t i = 0; i < files->count; i++) {
		autofree char *content = NULL;
		int r = fs_read(AT_FDCWD, files->items[i], 1 << 20, &content, NULL);
		if (r < 0)
			return fail(r, "%s %s", option, files->items[i]);
		char *rest = arena_strdup(arena, content), *line;
		while ((line = strsep(&rest, "\n"))) {
			line += strspn(line, " \t");
			size_t length = strlen(line);
			if (length > 0 && line[length - 1] == '\r')
				line[length - 1] = '\0';
			if (*line != '\0' && *line != '#')
				append(&all, &room, line, arena);
		}
	}
	for (size_t i = 0; i < list->count; i++)
		append(&all, &room, list->items[i], arena);
	*list = all;
	return 0;
}

static int choose_root(const struct invocation *invocation, struct run_request *request)
{
	const char **arguments = invocation->arguments;
	size_t count = invocation->argument_count;
	request->image_name = NULL;
	if (!request->files.rootfs) {
		if (!arguments[0]) {
			int r = usage_error(invocation, "what to run in is missing");
			hint("name an image, @host for the running system, or --rootfs DIR");
			return r;
		}
		request->image_name = *arguments++;
		count--;
	}
	if (request->image_name && text_equal(request->image_name, "@host") && arguments[0] &&
		arguments[0][0] == '-')
		return usage_error(invocation, "option %s must come before @host", arguments[0]);
	request->arguments = (struct strings){arguments, count};
	return 0;
}

int container_options_read(const struct invocation *invocation, struct run_request *request)
{
	struct arena *arena = invocation->arena;
	struct strings *const lists[] = {&request->security.cap_add, &request->security.cap_drop,
		&request->process.group_add, &request->process.ulimits,
		&request->process.host_users, &request->process.chroot_directories,
		&request->process.preserved_fd_list, &request->process.attach,
		&request->namespaces.uid_maps, &request->namespaces.gid_maps,
		&request->network.add_hosts, &request->network.dns, &request->network.dns_options,
		&request->network.dns_searches, &request->network.expose, &request->network.publish,
		&request->life.requirements, &request->files.device_rules};
	note_given(invocation, request);
	for (size_t i = 0; i < array_length(lists); i++)
		split_commas(lists[i], arena);
	int r = preserve_descriptors(request->process.preserved_fds,
		&request->process.preserved_fd_list, &request->process.preserved_fds);
	if (r < 0)
		return r;
	request->life.remove |= request->life.remove_image;
	if (text_empty(request->life.name)) /* --name "$NAME" of a script that has none */
		request->life.name = NULL;
	/* Files first, so that what stands on the command line wins. */
	r = read_lines(&request->process.environment_files, "--env-file", arena,
		&request->process.environment);
	if (r == 0)
		r = read_lines(
			&request->life.label_files, "--label-file", arena, &request->life.labels);
	return r < 0 ? r : choose_root(invocation, request);
}
