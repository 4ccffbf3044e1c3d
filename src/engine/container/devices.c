// SPDX-License-Identifier: Apache-2.0

/*
 * --device, --device-cgroup-rule, --gpus, --privileged: devices of the host. Where the caller may
 * make device nodes they are made, with a rule that lets the control group pass them; elsewhere the
 * host's own nodes are bound, which lets a user have what he may open anyway.
 */

#include "base/error.h"
#include "engine/container/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct plan_mount *run_plan_mounts_add(struct run_plan_mounts *mounts, struct arena *arena)
{
	if (mounts->count == mounts->room) {
		mounts->room = 2 * mounts->room + 32;
		struct plan_mount *more = arena_new(arena, struct plan_mount, mounts->room);
		if (mounts->count)
			memcpy(more, mounts->items, mounts->count * sizeof(*more));
		mounts->items = more;
	}
	return &mounts->items[mounts->count++];
}

static void add_rule(struct plan *plan, struct plan_device_rule rule)
{
	struct plan_resources *to = &plan->resources;
	struct plan_device_rule *more =
		arena_new(&plan->arena, struct plan_device_rule, to->device_rule_count + 1);
	if (to->device_rule_count)
		memcpy(more, to->device_rules, to->device_rule_count * sizeof(*more));
	more[to->device_rule_count++] = rule;
	to->device_rules = more;
}

static void add_node(struct plan *plan, struct plan_device device)
{
	struct plan_device *more =
		arena_new(&plan->arena, struct plan_device, plan->device_count + 1);
	if (plan->device_count)
		memcpy(more, plan->devices, plan->device_count * sizeof(*more));
	more[plan->device_count++] = device;
	plan->devices = more;
}

/* ---- one node --------------------------------------------------------------------------- */

static void add_one(const struct stat *about, const char *source, const char *destination,
	const char *access, struct plan *plan, struct run_plan_mounts *mounts)
{
	char type = S_ISCHR(about->st_mode) ? 'c' : 'b';
	if (access)
		add_rule(plan, (struct plan_device_rule){.allow = true,
				       .type = type,
				       .major = major(about->st_rdev),
				       .minor = minor(about->st_rdev),
				       .read = strchr(access, 'r'),
				       .write = strchr(access, 'w'),
				       .mknod = strchr(access, 'm')});
	if (run_is_host_root() && !plan->namespaces[PLAN_NS_USER].wanted)
		add_node(plan, (struct plan_device){.type = type,
				       .path = arena_strdup(&plan->arena, destination),
				       .major = major(about->st_rdev),
				       .minor = minor(about->st_rdev),
				       .has_mode = true,
				       .mode = about->st_mode & 0777,
				       .uid = about->st_uid,
				       .gid = about->st_gid});
	else
		*run_plan_mounts_add(mounts, &plan->arena) =
			(struct plan_mount){.destination = arena_strdup(&plan->arena, destination),
				.source = arena_strdup(&plan->arena, source),
				.type = "bind",
				.bind = true};
}

/* /dev/snd: all that is in it, at any depth. */
static int add_directory(const char *source, const char *destination, const char *access,
	struct plan *plan, struct run_plan_mounts *mounts, unsigned depth)
{
	DIR *directory = depth < 8 ? opendir(source) : NULL;
	if (!directory)
		return fail(depth < 8 ? -errno : -ELOOP, "devices in %s", source);
	const struct dirent *entry;
	int r = 0;
	while (r == 0 && (entry = readdir(directory))) {
		struct stat about;
		if (entry->d_name[0] == '.' ||
			fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		const char *from = arena_format(&plan->arena, "%s/%s", source, entry->d_name);
		const char *to = arena_format(&plan->arena, "%s/%s", destination, entry->d_name);
		if (S_ISDIR(about.st_mode))
			r = add_directory(from, to, access, plan, mounts, depth + 1);
		else if (S_ISCHR(about.st_mode) || S_ISBLK(about.st_mode))
			add_one(&about, from, to, access, plan, mounts);
	}
	closedir(directory);
	return r;
}

int run_add_device(const char *option, const char *source, const char *destination,
	const char *access, struct plan *plan, struct run_plan_mounts *mounts)
{
	struct stat about;
	if (stat(source, &about) < 0) {
		int r = fail(-errno, "%s: %s", option, source);
		if (r == -ENOENT)
			hint("is its driver loaded? ls -l /dev shows the devices that there are");
		return r;
	}
	if (S_ISDIR(about.st_mode))
		return add_directory(source, destination, access, plan, mounts, 0);
	if (!S_ISCHR(about.st_mode) && !S_ISBLK(about.st_mode))
		return refuse(-EINVAL, "%s: %s is not a device", option, source);
	add_one(&about, source, destination, access, plan, mounts);
	return 0;
}

/* ---- words ------------------------------------------------------------------------------- */

/* "vendor.com/class=name" (CDI specification, "Device name"). */
static bool is_cdi_name(const char *word)
{
	const char *equals = strchr(word, '='), *slash = strchr(word, '/');
	return word[0] != '/' && equals && slash && slash < equals;
}

/* /dev/fuse, /dev/sda:/dev/disk, /dev/snd:/dev/snd:r, /dev/fuse:rw */
static int add_word(const char *word, struct plan *plan, struct run_plan_mounts *mounts)
{
	if (is_cdi_name(word))
		return run_cdi_device(word, plan, mounts);
	char *copy = arena_strdup(&plan->arena, word), *source = strsep(&copy, ":");
	const char *destination = copy ? strsep(&copy, ":") : source;
	const char *access = copy ? copy : "rwm";
	if (destination[0] != '/' && !copy && *destination) {
		access = destination;
		destination = source;
	}
	if (destination[0] != '/' || !*access || strspn(access, "rwm") != strlen(access))
		return refuse(-EINVAL, "--device %s is not SOURCE[:DESTINATION[:rwm]]", word);
	return run_add_device(arena_format(&plan->arena, "--device %s", word), source, destination,
		access, plan, mounts);
}

static int rule_number(const char *text, int64_t *ret_number)
{
	*ret_number = -1;
	return text_equal(text, "*") ? 0 : parse_int64(text, 0, 1 << 20, ret_number);
}

/* "c 1:3 rwm", "a *:* rwm" */
static int add_rule_word(const char *word, struct plan *plan)
{
	char *rest = arena_strdup(&plan->arena, word);
	const char *type = strsep(&rest, " "), *numbers = rest ? strsep(&rest, " ") : NULL;
	const char *access = rest;
	char *minor_word = numbers ? strchr(numbers, ':') : NULL;
	struct plan_device_rule rule = {.allow = true, .type = type[0]};
	bool good = minor_word && access && *access && strlen(type) == 1 &&
		    strchr("abc", type[0]) && strspn(access, "rwm") == strlen(access);
	if (good) {
		*minor_word++ = '\0';
		good = rule_number(numbers, &rule.major) == 0 &&
		       rule_number(minor_word, &rule.minor) == 0;
	}
	if (!good)
		return refuse(-EINVAL,
			"--device-cgroup-rule \"%s\" is not TYPE MAJOR:MINOR rwm, as "
			"in \"c 10:* rwm\"",
			word);
	rule.read = strchr(access, 'r');
	rule.write = strchr(access, 'w');
	rule.mknod = strchr(access, 'm');
	add_rule(plan, rule);
	return 0;
}

/* "all", "2", "device=0,1", "\"device=0,1\",capabilities=compute": all by nvidia's CDI names. */
static int add_gpus(const char *word, struct plan *plan, struct run_plan_mounts *mounts)
{
	char *rest = arena_strdup(&plan->arena, word), *field;
	const char *devices = NULL;
	uint64_t count = 0;
	while ((field = strsep(&rest, ","))) {
		field += *field == '"';
		field[strcspn(field, "\"")] = '\0';
		if (text_starts(field, "device="))
			devices = field + 7;
		else if (text_equal(field, "all") || text_equal(field, "count=all"))
			devices = "all";
		else if (parse_uint64(text_starts(field, "count=") ? field + 6 : field, 64,
				 &count) == 0 &&
			 !devices)
			continue;
		else if (devices && !strchr(field, '='))
			devices = arena_format(&plan->arena, "%s,%s", devices, field);
		else if (!text_starts(field, "capabilities=") && !text_starts(field, "driver="))
			return refuse(-EINVAL, "--gpus %s: \"%s\" is not known", word, field);
	}
	if (devices) {
		char *list = arena_strdup(&plan->arena, devices), *one;
		while ((one = strsep(&list, ","))) {
			int r = run_cdi_device(
				arena_format(&plan->arena, "nvidia.com/gpu=%s", one), plan, mounts);
			if (r < 0)
				return wrap(r, "--gpus %s", word);
		}
		return 0;
	}
	for (uint64_t i = 0; i < count; i++) {
		const char *name = arena_format(&plan->arena, "nvidia.com/gpu=%u", (unsigned)i);
		int r = run_cdi_device(name, plan, mounts);
		if (r < 0)
			return wrap(r, "--gpus %s", word);
	}
	return 0;
}

/* ---- --privileged --------------------------------------------------------------------------- */

/* Directories of /dev that the container has of its own, or that are no devices. */
static bool is_own(const char *name)
{
	static const char *const names[] = {"pts", "shm", "mqueue", "fd", "stdin", "stdout",
		"stderr", "console", "ptmx", "hugepages", ".udev", ".lxc", ".lxd-mounts", "null",
		"zero", "full", "random", "urandom", "tty"};
	for (size_t i = 0; i < array_length(names); i++)
		if (text_equal(name, names[i]))
			return true;
	return false;
}

/* What disappears meanwhile, or cannot be read, is no reason to fail. */
static void add_all(struct plan *plan, struct run_plan_mounts *mounts)
{
	DIR *directory = opendir("/dev");
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		struct stat about;
		const char *path = arena_format(&plan->arena, "/dev/%s", entry->d_name);
		if (entry->d_name[0] == '.' || is_own(entry->d_name) || lstat(path, &about) < 0)
			continue;
		bool user = !run_is_host_root() && access(path, R_OK) < 0;
		if (S_ISDIR(about.st_mode) && !user)
			(void)add_directory(path, path, NULL, plan, mounts, 0);
		else if ((S_ISCHR(about.st_mode) || S_ISBLK(about.st_mode)) && !user)
			add_one(&about, path, path, NULL, plan, mounts);
	}
	if (directory)
		closedir(directory);
	error_clear();
}

/* Devices of the host are denied but for those every container has; --privileged opens all. */
int run_set_devices(
	const struct run_request *request, struct plan *plan, struct run_plan_mounts *mounts)
{
	const struct file_wishes *wishes = &request->files;
	plan->resources.device_rules = NULL;
	plan->resources.device_rule_count = 0;
	plan->devices = NULL;
	plan->device_count = 0;
	add_rule(plan, (struct plan_device_rule){.allow = request->security.privileged,
			       .type = 'a',
			       .major = -1,
			       .minor = -1,
			       .read = true,
			       .write = true,
			       .mknod = true});
	int r = 0;
	if (request->security.privileged && !run_is_host(request))
		add_all(plan, mounts);
	for (size_t i = 0; r == 0 && i < wishes->devices.count; i++)
		r = add_word(wishes->devices.items[i], plan, mounts);
	for (size_t i = 0; r == 0 && i < wishes->device_rules.count; i++)
		r = add_rule_word(wishes->device_rules.items[i], plan);
	for (size_t i = 0; r == 0 && i < wishes->gpus.count; i++)
		r = add_gpus(wishes->gpus.items[i], plan, mounts);
	return r;
}
