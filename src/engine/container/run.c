// SPDX-License-Identifier: Apache-2.0

/*
 * The plan of `rung run`, beginning with the plan that every container has (plan/defaults.h): first
 * the root, then the process, then what the options change.
 */

#include "engine/container/run.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "base/places.h"
#include "engine/container/internal.h"
#include "plan/defaults.h"
#include "plan/oci.h"
#include "rungs/container/filter.h"

#include <fcntl.h>
#include <unistd.h>

static const char path_variable[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

enum run_network run_network(const struct run_request *request)
{
	size_t count = request->network.networks.count;
	bool host = count && text_equal(request->network.networks.items[count - 1], "host");
	return host ? RUN_NETWORK_HOST : RUN_NETWORK_NONE;
}

/* ---- the root ----------------------------------------------------------------------- */

/* @host of an ordinary user: he is himself there, and nobody else exists. */
static bool as_self(const struct run_request *request)
{
	return !request->files.rootfs && geteuid() != 0;
}

static const char *real_rootfs(const struct run_request *request, struct arena *arena)
{
	if (!request->files.rootfs)
		return "/";
	char *real = realpath(request->files.rootfs, NULL);
	if (!real) {
		(void)fail(-errno, "root %s", request->files.rootfs);
		return NULL;
	}
	const char *kept = arena_strdup(arena, real);
	free(real);
	return kept;
}

static int root_mounts(const struct run_request *request, const char *rootfs, const char *home,
	struct plan *plan, struct plan_mount **ret_mounts, size_t *ret_count)
{
	if (!request->files.rootfs)
		return run_host_mounts(request, home, &plan->arena, ret_mounts, ret_count);
	*ret_mounts = arena_new(&plan->arena, struct plan_mount, 1);
	*ret_count = 1;
	return run_overlay(request->layer, "root", rootfs, "/", &plan->arena, *ret_mounts);
}

/*
 * The kernel gives a user namespace a sysfs of its own only together with a network of its own;
 * with the host's network comes the host's, read-only, its control groups among it.
 */
static bool share_sysfs(const struct run_request *request, struct plan_mount *mount)
{
	if (run_network(request) != RUN_NETWORK_HOST || geteuid() == 0)
		return true;
	if (text_equal(mount->destination, "/sys"))
		*mount = (struct plan_mount){.destination = "/sys",
			.source = "/sys",
			.type = "bind",
			.bind = true,
			.recursive = true,
			.recursive_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					 MOUNT_ATTR_NOEXEC};
	return !text_equal(mount->destination, "/sys/fs/cgroup");
}

/* Root of a user namespace may not know group 5; --privileged may change what it is shown. */
static void adapt_default(const struct run_request *request, struct plan_mount *mount)
{
	if (geteuid() == 0 && !run_is_host_root() && text_equal(mount->type, "devpts"))
		mount->data = "newinstance,ptmxmode=0666,mode=0620";
	if (request->security.privileged && strncmp(mount->destination, "/sys", 4) == 0)
		mount->attributes_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
}

static void set_shm(const struct run_request *request, struct plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++)
		if (request->files.shm_bytes && text_equal(plan->mounts[i].destination, "/dev/shm"))
			plan->mounts[i].data = arena_format(&plan->arena, "mode=1777,size=%llu",
				(unsigned long long)request->files.shm_bytes);
}

/* In /dev, which is ours: an image may have no /run, or one that an ordinary user cannot write. */
static const char init_path[] = "/dev/rung-init";

static int add_init(struct plan *plan, struct plan_mount *ret_mount)
{
	const char *program = programs_find("rung-init", &plan->arena);
	if (!program)
		return refuse(-ENOENT, "--init: rung-init is neither beside rung nor installed");
	*ret_mount = (struct plan_mount){.destination = init_path,
		.source = program,
		.type = "bind",
		.bind = true,
		.attributes_set = MOUNT_ATTR_RDONLY};
	struct strings old = plan->process.arguments;
	struct strings words = {arena_new(&plan->arena, const char *, old.count + 3), 0};
	words.items[words.count++] = init_path;
	words.items[words.count++] = "--";
	for (size_t i = 0; i < old.count; i++)
		words.items[words.count++] = old.items[i];
	plan->process.arguments = words;
	return 0;
}

/* ---- names ---------------------------------------------------------------------- */

/* A file of the image can be covered if it is there or may be made. */
static bool can_cover(int root_fd, const char *path)
{
	autoclose int file = fs_open_in(root_fd, path, O_PATH, 0);
	autoclose int parent = fs_open_in(root_fd, "/etc", O_PATH | O_DIRECTORY, 0);
	struct stat about = {};
	bool can = file >= 0 || (parent >= 0 && fstat(parent, &about) == 0 &&
					(run_is_host_root() || about.st_uid == geteuid()));
	error_clear();
	return can;
}

/* As elsewhere, /etc/hosts knows the container's own name. */
static int write_hosts(const struct run_request *request, const char *hostname)
{
	autofini(text_fini) struct text hosts = {};
	autofree char *own = NULL;
	if (run_network(request) == RUN_NETWORK_HOST &&
		fs_read(AT_FDCWD, "/etc/hosts", 1 << 20, &own, NULL) == 0)
		text_add(&hosts, own);
	else
		text_format(&hosts,
			"127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n",
			hostname);
	int r = fs_replace(request->layer->lock_fd, "hosts", text_get(&hosts), hosts.length, 0644);
	return r < 0 || fchmodat(request->layer->lock_fd, "hosts", 0644, 0) == 0
		       ? r
		       : fail(-errno, "write the container's /etc/hosts");
}

static void bind_file(
	const char *source, const char *destination, bool locked, struct plan_mount *ret_mount)
{
	*ret_mount = (struct plan_mount){.destination = destination,
		.source = source,
		.type = "bind",
		.bind = true,
		.attributes_set = locked ? MOUNT_ATTR_RDONLY : 0};
}

/*
 * An image knows neither its host name nor the way to name servers. The host's resolv.conf may be a
 * link into /run, which @host does not show.
 */
static int add_names(const struct run_request *request, const char *rootfs, struct plan *plan,
	struct plan_mount *mounts, size_t *count)
{
	autoclose int root_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return fail(-errno, "root %s", rootfs);
	const char *hosts = arena_format(&plan->arena, "%s/hosts", request->layer->directory);
	if (request->files.rootfs && can_cover(root_fd, "/etc/hosts")) {
		int r = request->layer->lock_fd < 0 ? 0 : write_hosts(request, plan->hostname);
		if (r < 0)
			return r;
		bind_file(hosts, "/etc/hosts", false, &mounts[(*count)++]);
	}
	char *servers = run_network(request) == RUN_NETWORK_HOST
				? realpath("/etc/resolv.conf", NULL)
				: NULL;
	bool hidden = request->files.rootfs || (servers && strncmp(servers, "/run/", 5) == 0);
	if (servers && hidden && can_cover(root_fd, "/etc/resolv.conf"))
		bind_file(arena_strdup(&plan->arena, servers), "/etc/resolv.conf", true,
			&mounts[(*count)++]);
	free(servers);
	return 0;
}

/* In order: the root, what every container has, names, tmpfs, volumes, init. */
static int set_mounts(
	const struct run_request *request, const char *rootfs, const char *home, struct plan *plan)
{
	struct plan_mount *roots;
	size_t root_count;
	int r = root_mounts(request, rootfs, home, plan, &roots, &root_count);
	if (r < 0)
		return r;
	set_shm(request, plan);
	struct plan_mount *all = arena_new(&plan->arena, struct plan_mount,
		root_count + plan->mount_count + request->files.volumes.count +
			request->files.tmpfs.count + request->files.devices.count + 4);
	size_t count = 0;
	for (size_t i = 0; i < root_count; i++)
		all[count++] = roots[i];
	for (size_t i = 0; i < plan->mount_count; i++) {
		adapt_default(request, &plan->mounts[i]);
		if (share_sysfs(request, &plan->mounts[i]))
			all[count++] = plan->mounts[i];
	}
	for (size_t i = 0; !run_is_host_root() && i < request->files.devices.count; i++)
		run_device_mount(request->files.devices.items[i], &plan->arena, &all[count++]);
	r = add_names(request, rootfs, plan, all, &count);
	for (size_t i = 0; r == 0 && i < request->files.tmpfs.count; i++)
		r = run_tmpfs(request->files.tmpfs.items[i], &plan->arena, &all[count++]);
	for (size_t i = 0; r == 0 && i < request->files.volumes.count; i++)
		r = run_volume(request->files.volumes.items[i], &plan->arena, &all[count++]);
	if (r == 0 && request->process.init)
		r = add_init(plan, &all[count++]);
	if (r < 0)
		return r;
	plan->mounts = all;
	plan->mount_count = count;
	plan->root_path = request->layer->merged;
	plan->root_readonly = request->files.read_only;
	return 0;
}

/* ---- who ------------------------------------------------------------------------------- */

static int set_user(const struct run_request *request, const char *rootfs, struct plan *plan,
	struct run_user *ret_user)
{
	autoclose int root_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return fail(-errno, "root %s", rootfs);
	const char *word = request->process.user;
	if (!word && as_self(request))
		word = arena_format(&plan->arena, "%u:%u", (unsigned)getuid(), (unsigned)getgid());
	int r = run_find_user(root_fd, word, &plan->arena, ret_user);
	if (r < 0)
		return r;
	if (as_self(request)) {
		struct run_user self;
		const char *number = arena_format(&plan->arena, "%u", (unsigned)getuid());
		if (run_find_user(root_fd, number, &plan->arena, &self) == 0)
			ret_user->home = places_home() ? places_home() : self.home;
		ret_user->group_count = 0; /* only one group is mapped */
	}
	plan->process.uid = ret_user->uid;
	plan->process.gid = ret_user->gid;
	plan->process.additional_gids = ret_user->groups;
	plan->process.additional_gid_count = ret_user->group_count;
	return 0;
}

static bool mapped(const struct plan_id_maps *maps, uint32_t id)
{
	for (size_t i = 0; i < maps->count; i++)
		if (id - maps->items[i].container_id < maps->items[i].size)
			return true;
	return false;
}

static int set_namespaces(const struct run_request *request, struct plan *plan)
{
	plan->namespaces[PLAN_NS_NETWORK].wanted = run_network(request) == RUN_NETWORK_NONE;
	if (geteuid() == 0)
		return 0;
	plan->namespaces[PLAN_NS_USER].wanted = true;
	if (as_self(request) && plan->process.uid == getuid())
		run_map_self(&plan->arena, &plan->uid_maps, &plan->gid_maps);
	else
		run_map_ids(&plan->arena, &plan->uid_maps, &plan->gid_maps);
	struct plan_process *process = &plan->process;
	if (!mapped(&plan->uid_maps, process->uid) || !mapped(&plan->gid_maps, process->gid)) {
		int r = refuse(-EINVAL, "user %u:%u does not exist in your user namespace",
			process->uid, process->gid);
		hint("give yourself more ids: usermod --add-subuids 100000-165535 --add-subgids "
		     "100000-165535 NAME, and install uidmap");
		return r;
	}
	size_t kept = 0;
	for (size_t i = 0; i < process->additional_gid_count; i++)
		if (plan->gid_maps.count > 1 &&
			mapped(&plan->gid_maps, process->additional_gids[i]))
			process->additional_gids[kept++] = process->additional_gids[i];
	process->additional_gid_count = kept;
	return 0;
}

/* ---- the process -------------------------------------------------------------------------- */

static bool sets(const struct strings *variables, const char *name, size_t length)
{
	for (size_t i = 0; i < variables->count; i++)
		if (strncmp(variables->items[i], name, length) == 0 &&
			variables->items[i][length] == '=')
			return true;
	return false;
}

/* Of two equal names getenv(3) may find either; only the last one given stays. */
static void unset(struct strings *variables, const char *name, size_t length)
{
	size_t kept = 0;
	for (size_t i = 0; i < variables->count; i++) {
		const char *item = variables->items[i];
		if (strncmp(item, name, length) != 0 || item[length] != '=')
			variables->items[kept++] = item;
	}
	variables->count = kept;
}

static void add_own(struct plan *plan, struct strings *variables, const char *name)
{
	const char *value = getenv(name);
	if (value && !sets(variables, name, strlen(name)))
		variables->items[variables->count++] =
			arena_format(&plan->arena, "%s=%s", name, value);
}

/* Nothing of ours but what a program needs to find its way: secrets live in environments. */
static void set_environment(
	const struct run_request *request, const struct run_user *user, struct plan *plan)
{
	static const char *const host_names[] = {
		"PATH", "LANG", "LC_ALL", "TZ", "SHELL", "USER", "LOGNAME", "COLORTERM"};
	struct strings all = {
		arena_new(&plan->arena, const char *, request->process.environment.count + 16), 0};
	for (size_t i = 0; i < request->process.environment.count; i++) {
		const char *word = request->process.environment.items[i], *value = getenv(word);
		size_t length = strcspn(word, "=");
		unset(&all, word, length);
		if (word[length])
			all.items[all.count++] = word;
		else if (value)
			all.items[all.count++] = arena_format(&plan->arena, "%s=%s", word, value);
	}
	for (size_t i = 0; !request->files.rootfs && i < array_length(host_names); i++)
		add_own(plan, &all, host_names[i]);
	if (request->process.terminal)
		add_own(plan, &all, "TERM");
	if (!sets(&all, "PATH", 4))
		all.items[all.count++] = path_variable;
	if (user->home && !sets(&all, "HOME", 4))
		all.items[all.count++] = arena_format(&plan->arena, "HOME=%s", user->home);
	if (!sets(&all, "container", 9))
		all.items[all.count++] = "container=rung";
	plan->process.environment = all;
}

/* In @host a relative path means the same as outside. */
static void set_directory(const struct run_request *request, struct plan *plan)
{
	char here[4096];
	plan->process.working_directory = "/";
	if (request->process.working_directory)
		plan->process.working_directory = request->process.working_directory;
	else if (!request->files.rootfs && getcwd(here, sizeof(here)))
		plan->process.working_directory = arena_strdup(&plan->arena, here);
}

static int set_process(
	const struct run_request *request, const struct run_user *user, struct plan *plan)
{
	struct plan_process *process = &plan->process;
	struct strings words = {NULL, 0};
	for (size_t i = 0; i < request->process.environment.count; i++)
		if (request->process.environment.items[i][0] == '=' ||
			!request->process.environment.items[i][0])
			return refuse(-EINVAL, "environment \"%s\": the variable's name is missing",
				request->process.environment.items[i]);
	while (words.count < request->arguments.count)
		words.count++;
	words.items = arena_new(&plan->arena, const char *, words.count + 1);
	memcpy(words.items, request->arguments.items, words.count * sizeof(*words.items));
	process->arguments = words;
	process->terminal = request->process.terminal;
	process->no_new_privileges = false;
	set_directory(request, plan);
	set_environment(request, user, plan);
	if (process->working_directory[0] != '/')
		return refuse(-EINVAL, "--workdir %s is not absolute", process->working_directory);
	process->rlimits =
		arena_new(&plan->arena, struct plan_rlimit, request->process.ulimits.count + 1);
	process->rlimit_count = request->process.ulimits.count;
	for (size_t i = 0; i < request->process.ulimits.count; i++) {
		int r = run_ulimit(request->process.ulimits.items[i], &process->rlimits[i]);
		if (r < 0)
			return r;
	}
	return run_capabilities(request, &process->capabilities);
}

/* ---- how much -------------------------------------------------------------------------------- */

static int set_limits(const struct run_request *request, struct plan *plan)
{
	struct plan_resources *resources = &plan->resources;
	if (request->resources.memory_bytes)
		resources->memory_limit =
			(struct optional_i64){true, (int64_t)request->resources.memory_bytes};
	if (request->resources.memory_swap_bytes)
		resources->memory_swap =
			(struct optional_i64){true, request->resources.memory_swap_bytes};
	if (request->resources.cpus_billionths) {
		const uint64_t period_us = 100000;
		resources->cpu_period = (struct optional_u64){true, period_us};
		resources->cpu_quota = (struct optional_i64){true,
			request->resources.cpus_billionths / (1000000000 / (int64_t)period_us)};
		if (resources->cpu_quota.value < 1000)
			return refuse(-EINVAL, "--cpus is less than 0.01");
	}
	if (request->resources.cpu_shares)
		resources->cpu_shares = (struct optional_u64){true, request->resources.cpu_shares};
	resources->cpuset_cpus = request->resources.cpuset_cpus;
	if (request->resources.pids_limit)
		resources->pids_limit = (struct optional_i64){true, request->resources.pids_limit};
	return 0;
}

/* Devices of the host are denied but for those every container has; --privileged opens all. */
static int set_devices(const struct run_request *request, struct plan *plan)
{
	size_t room = request->files.devices.count + 2;
	struct plan_resources *resources = &plan->resources;
	resources->device_rules = arena_new(&plan->arena, struct plan_device_rule, room);
	resources->device_rule_count = 0;
	plan->devices = arena_new(&plan->arena, struct plan_device, room);
	plan->device_count = 0;
	resources->device_rules[resources->device_rule_count++] =
		(struct plan_device_rule){.allow = request->security.privileged,
			.type = 'a',
			.major = -1,
			.minor = -1,
			.read = true,
			.write = true,
			.mknod = true};
	for (size_t i = 0; i < request->files.devices.count; i++) {
		int r = run_device(request->files.devices.items[i], &plan->arena, plan);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_security(const struct run_request *request, struct plan *plan)
{
	plan->annotations = arena_new(&plan->arena, struct plan_key_value, 1);
	plan->annotations[0] =
		(struct plan_key_value){FILTER_ANNOTATION, FILTER_ANNOTATION_DEFAULT};
	plan->annotation_count = 1;
	if (request->security.privileged) {
		plan->annotation_count = 0;
		plan->masked_paths = plan->readonly_paths = (struct strings){};
	} else if (!request->files.rootfs) {
		/* The layers of all containers lie on this system, too. */
		size_t count = plan->masked_paths.count;
		struct strings paths = {arena_new(&plan->arena, const char *, count + 2), count};
		memcpy(paths.items, plan->masked_paths.items, count * sizeof(*paths.items));
		paths.items[paths.count++] = request->data_root;
		plan->masked_paths = paths;
	}
	for (size_t i = 0; i < request->security.options.count; i++) {
		int r = run_security_option(request->security.options.items[i], &plan->arena, plan);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whoever shares the host's network is found under its name. */
static const char *choose_hostname(const struct run_request *request, struct arena *arena)
{
	char own[65] = "";
	if (request->namespaces.hostname)
		return request->namespaces.hostname;
	if (run_network(request) == RUN_NETWORK_HOST && gethostname(own, sizeof(own) - 1) == 0)
		return arena_strdup(arena, own);
	return arena_strndup(arena, request->id, strnlen(request->id, 63));
}

int run_plan(const struct run_request *request, struct plan *ret_plan)
{
	autofini(plan_fini) struct plan plan = {};
	plan_default(&plan, false);
	const char *rootfs = real_rootfs(request, &plan.arena);
	if (!rootfs)
		return -ENOENT;
	plan.hostname = choose_hostname(request, &plan.arena);
	struct run_user user;
	int r = set_user(request, rootfs, &plan, &user);
	if (r == 0)
		r = set_namespaces(request, &plan);
	if (r == 0)
		r = set_process(request, &user, &plan);
	if (r == 0)
		r = set_limits(request, &plan);
	if (r == 0)
		r = set_devices(request, &plan);
	if (r == 0)
		r = set_security(request, &plan);
	if (r == 0)
		r = set_mounts(request, rootfs, user.home, &plan);
	if (r < 0)
		return r;
	*ret_plan = plan;
	plan = (struct plan){};
	return 0;
}
