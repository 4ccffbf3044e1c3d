// SPDX-License-Identifier: Apache-2.0

/* The words that Docker's and Podman's users put behind -v, --tmpfs, --cap-add, --security-opt. */

#include "base/error.h"
#include "base/fs.h"
#include "base/kernel.h"
#include "engine/container/internal.h"
#include "plan/oci.h"
#include "walls/capabilities.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

/* ---- mounts ---------------------------------------------------------------------- */

static void split_options(const char *words, struct arena *arena, struct strings *ret_options)
{
	size_t count = 1;
	for (const char *c = words; *c; c++)
		count += *c == ',';
	struct strings options = {arena_new(arena, const char *, count + 2), 0};
	char *rest = arena_strdup(arena, words), *word;
	while ((word = strsep(&rest, ",")))
		if (*word)
			options.items[options.count++] = word;
	*ret_options = options;
}

static int apply_options(const char *word, const char *words, struct arena *arena,
	struct plan_mount *mount, bool data_allowed)
{
	struct strings options;
	split_options(words, arena, &options);
	plan_mount_options(mount, &options, arena);
	if (mount->data && !data_allowed)
		return refuse(-EINVAL, "volume %s: unknown option \"%s\"", word, mount->data);
	return 0;
}

int run_volume(const char *word, struct arena *arena, struct plan_mount *ret_mount)
{
	char *copy = arena_strdup(arena, word), *source = strsep(&copy, ":");
	char *destination = copy ? strsep(&copy, ":") : NULL;
	if (!destination || destination[0] != '/' || !*source) {
		int r = refuse(-EINVAL, "volume \"%s\" is not SOURCE:DESTINATION[:OPTIONS]", word);
		hint("write --volume /on/the/host:/in/the/container[:ro]");
		return r;
	}
	char *real = realpath(source, NULL);
	if (!real) {
		int r = fail(-errno, "volume %s: source %s", word, source);
		if (r == -ENOENT)
			hint("create the directory first: mkdir -p %s", source);
		return r;
	}
	struct plan_mount mount = {.destination = destination,
		.source = arena_strdup(arena, real),
		.type = "bind",
		.bind = true,
		.recursive = true,
		.propagation = MS_PRIVATE | MS_REC};
	free(real);
	int r = copy ? apply_options(word, copy, arena, &mount, false) : 0;
	if (r < 0)
		return r;
	/* "ro" of a tree means all of it, as a person expects. */
	mount.recursive_set |= mount.attributes_set & MOUNT_ATTR_RDONLY;
	*ret_mount = mount;
	return 0;
}

int run_tmpfs(const char *word, struct arena *arena, struct plan_mount *ret_mount)
{
	char *copy = arena_strdup(arena, word), *destination = strsep(&copy, ":");
	if (destination[0] != '/')
		return refuse(-EINVAL, "--tmpfs %s: not an absolute path", word);
	struct plan_mount mount = {.destination = destination,
		.source = "tmpfs",
		.type = "tmpfs",
		.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.data = copy ? NULL : "mode=1777"};
	int r = copy ? apply_options(word, copy, arena, &mount, true) : 0;
	if (r < 0)
		return r;
	*ret_mount = mount;
	return 0;
}

/* /dev/fuse, /dev/sda:/dev/disk, /dev/snd:/dev/snd:r */
int run_device(const char *word, struct arena *arena, struct plan *plan)
{
	char *copy = arena_strdup(arena, word), *source = strsep(&copy, ":");
	const char *destination = copy ? strsep(&copy, ":") : source, *access = copy ? copy : "rwm";
	struct stat about;
	if (stat(source, &about) < 0)
		return fail(-errno, "--device %s", word);
	bool character = S_ISCHR(about.st_mode);
	if (!character && !S_ISBLK(about.st_mode))
		return refuse(-EINVAL, "--device %s: %s is not a device", word, source);
	if (destination[0] != '/' || strspn(access, "rwm") != strlen(access) || !*access)
		return refuse(-EINVAL, "--device %s is not SOURCE[:DESTINATION[:rwm]]", word);
	struct plan_device device = {.type = character ? 'c' : 'b',
		.path = destination,
		.major = major(about.st_rdev),
		.minor = minor(about.st_rdev),
		.has_mode = true,
		.mode = about.st_mode & 0777};
	struct plan_device_rule rule = {.allow = true,
		.type = device.type,
		.major = device.major,
		.minor = device.minor,
		.read = strchr(access, 'r'),
		.write = strchr(access, 'w'),
		.mknod = strchr(access, 'm')};
	/* Where devices cannot be made they are bound, see run_device_mount(). */
	if (run_is_host_root())
		plan->devices[plan->device_count++] = device;
	plan->resources.device_rules[plan->resources.device_rule_count++] = rule;
	return 0;
}

void run_device_mount(const char *word, struct arena *arena, struct plan_mount *ret_mount)
{
	char *copy = arena_strdup(arena, word), *source = strsep(&copy, ":");
	*ret_mount = (struct plan_mount){.destination = copy ? strsep(&copy, ":") : source,
		.source = source,
		.type = "bind",
		.bind = true};
}

/* ---- limits ------------------------------------------------------------------------ */

static const struct {
	char name[12];
	int resource;
} limit_names[] = {
	{"as", RLIMIT_AS},
	{"core", RLIMIT_CORE},
	{"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA},
	{"fsize", RLIMIT_FSIZE},
	{"locks", RLIMIT_LOCKS},
	{"memlock", RLIMIT_MEMLOCK},
	{"msgqueue", RLIMIT_MSGQUEUE},
	{"nice", RLIMIT_NICE},
	{"nofile", RLIMIT_NOFILE},
	{"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},
	{"rtprio", RLIMIT_RTPRIO},
	{"rttime", RLIMIT_RTTIME},
	{"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};

static int limit_value(const char *text, uint64_t *ret_value)
{
	if (text_equal(text, "-1") || text_equal(text, "unlimited")) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	return parse_uint64(text, UINT64_MAX, ret_value);
}

int run_ulimit(const char *word, struct plan_rlimit *ret_limit)
{
	autofree char *copy = strdup(word);
	if (!copy)
		return fail(-ENOMEM, "--ulimit %s", word);
	char *rest = copy, *name = strsep(&rest, "=");
	char *soft = rest ? strsep(&rest, ":") : NULL, *hard = rest ? rest : soft;
	struct plan_rlimit limit = {.resource = -1};
	for (size_t i = 0; i < array_length(limit_names); i++)
		if (text_equal(name, limit_names[i].name))
			limit.resource = limit_names[i].resource;
	if (limit.resource < 0)
		return refuse(-EINVAL, "--ulimit %s: there is no limit \"%s\"", word, name);
	if (!soft || limit_value(soft, &limit.soft) < 0 || limit_value(hard, &limit.hard) < 0)
		return refuse(-EINVAL, "--ulimit %s is not NAME=SOFT[:HARD]", word);
	if (limit.soft > limit.hard)
		return refuse(-EINVAL, "--ulimit %s: the soft limit is above the hard one", word);
	*ret_limit = limit;
	return 0;
}

/* ---- powers --------------------------------------------------------------------------- */

/* What Podman gives; each is harmless to the host inside namespaces of one's own. */
static const char *const default_capabilities[] = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID",
	"KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"};

static int capability_bits(const char *name, uint64_t *ret_bits)
{
	if (text_equal(name, "ALL") || text_equal(name, "all")) {
		*ret_bits = (2ull << capabilities_last()) - 1;
		return 0;
	}
	int number = plan_capability(name);
	if (number < 0)
		return refuse(-EINVAL, "there is no capability \"%s\"", name);
	*ret_bits = 1ull << number;
	return 0;
}

int run_capabilities(const struct run_request *request, struct plan_capabilities *ret_sets)
{
	uint64_t bits = 0, one;
	for (size_t i = 0; i < array_length(default_capabilities); i++)
		bits |= 1ull << plan_capability(default_capabilities[i]);
	if (request->security.privileged)
		(void)capability_bits("ALL", &bits);
	/* "ALL" first, then single ones: --cap-drop ALL --cap-add CHOWN leaves just CHOWN. */
	for (size_t i = 0; i < request->security.cap_drop.count; i++) {
		int r = capability_bits(request->security.cap_drop.items[i], &one);
		if (r < 0)
			return r;
		bits &= ~one;
	}
	for (size_t i = 0; i < request->security.cap_add.count; i++) {
		int r = capability_bits(request->security.cap_add.items[i], &one);
		if (r < 0)
			return r;
		bits |= one;
	}
	for (size_t i = 0; i < request->security.cap_drop.count; i++)
		if (capability_bits(request->security.cap_drop.items[i], &one) == 0 &&
			(one & (one - 1)) == 0)
			bits &= ~one;
	*ret_sets = (struct plan_capabilities){
		.given = true, .bounding = bits, .effective = bits, .permitted = bits};
	return 0;
}

static int read_seccomp(const char *path, struct arena *arena, struct plan *plan)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, path, PLAN_JSON_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "seccomp profile %s", path);
	r = plan_read_seccomp(
		bytes, length, path, &plan->process.capabilities, arena, &plan->seccomp);
	plan->has_seccomp = r == 0;
	return r;
}

static void add_paths(struct strings *paths, const char *colons, struct arena *arena)
{
	struct strings all = {arena_new(arena, const char *, paths->count + strlen(colons) + 2), 0};
	for (size_t i = 0; i < paths->count; i++)
		all.items[all.count++] = paths->items[i];
	char *rest = arena_strdup(arena, colons), *path;
	while ((path = strsep(&rest, ":")))
		if (*path)
			all.items[all.count++] = path;
	*paths = all;
}

static void remove_paths(struct strings *paths, const char *colons)
{
	autofree char *copy = strdup(colons);
	char *rest = copy, *path;
	while (rest && (path = strsep(&rest, ":"))) {
		size_t kept = 0;
		for (size_t i = 0; i < paths->count; i++)
			if (!text_equal(paths->items[i], path) && !text_equal(path, "ALL"))
				paths->items[kept++] = paths->items[i];
		paths->count = kept;
		paths->items[kept] = NULL;
	}
}

int run_security_option(const char *word, struct arena *arena, struct plan *plan)
{
	const char *value = strpbrk(word, "=:");
	size_t length = value ? (size_t)(value - word) : strlen(word);
	value = value ? value + 1 : "";
	const char *name = arena_strndup(arena, word, length);
	if (text_equal(name, "no-new-privileges")) {
		plan->process.no_new_privileges = !text_equal(value, "false");
		return 0;
	}
	if (text_equal(name, "seccomp")) {
		plan->annotation_count = 0; /* not the default policy */
		return text_equal(value, "unconfined") ? 0 : read_seccomp(value, arena, plan);
	}
	if (text_equal(name, "apparmor")) {
		plan->process.apparmor_profile =
			text_equal(value, "unconfined") ? NULL : arena_strdup(arena, value);
		return 0;
	}
	if (text_equal(name, "label") && text_equal(value, "disable"))
		return 0;
	if (text_equal(name, "mask")) {
		add_paths(&plan->masked_paths, value, arena);
		return 0;
	}
	if (text_equal(name, "unmask")) {
		remove_paths(&plan->masked_paths, value);
		remove_paths(&plan->readonly_paths, value);
		return 0;
	}
	int r = refuse(-EINVAL, "--security-opt %s is not known", word);
	hint("known: no-new-privileges, seccomp=FILE|unconfined, apparmor=PROFILE|unconfined, "
	     "label=disable, mask=PATH[:PATH], unmask=PATH|ALL");
	return r;
}
