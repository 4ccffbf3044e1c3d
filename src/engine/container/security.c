// SPDX-License-Identifier: Apache-2.0

/*
 * What the program may do: capabilities, the system call filter, hidden paths, kernel parameters.
 * The words are those of --cap-add, --security-opt and --sysctl in Docker and Podman.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "engine/image/image.h"
#include "plan/oci.h"
#include "rungs/container/filter.h"
#include "walls/capabilities.h"

#include <ctype.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>

/* ---- capabilities ------------------------------------------------------------------------ */

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
	uint64_t bits = 0, added = 0, one;
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
		added |= one;
	}
	for (size_t i = 0; i < request->security.cap_drop.count; i++)
		if (capability_bits(request->security.cap_drop.items[i], &one) == 0 &&
			(one & (one - 1)) == 0)
			bits &= ~one;
	/* What was asked for by name is meant for the program even where that is not root. */
	added &= bits;
	*ret_sets = (struct plan_capabilities){.given = true,
		.bounding = bits,
		.effective = bits,
		.permitted = bits,
		.inheritable = added,
		.ambient = added};
	return 0;
}

/* ---- words of --security-opt ------------------------------------------------------------ */

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

/* Podman's --seccomp-policy=image: a label of the image is the profile. */
static int take_image_seccomp(const struct run_request *request, struct plan *plan)
{
	static const char label[] = "io.containers.seccomp.profile";
	const char *policy = request->security.seccomp_policy;
	if (!policy || !text_equal(policy, "image") || !request->image)
		return 0;
	const struct image_config *config = &request->image->config;
	for (size_t i = 0; i < config->label_count; i++) {
		if (!text_equal(config->labels[i].key, label))
			continue;
		plan->annotation_count = 0; /* not the default policy */
		const char *profile = config->labels[i].value;
		int r = plan_read_seccomp(profile, strlen(profile), label,
			&plan->process.capabilities, &plan->arena, &plan->seccomp);
		plan->has_seccomp = r == 0;
		return r;
	}
	return 0;
}

static void add_paths(struct strings *paths, const char *colons, struct arena *arena)
{
	char *rest = arena_strdup(arena, colons), *path;
	while ((path = strsep(&rest, ":")))
		if (*path)
			run_strings_add(paths, path, arena);
}

/* "ALL", paths, and patterns such as "/proc/\*". */
static void remove_paths(struct strings *paths, const char *colons)
{
	autofree char *copy = strdup(colons);
	char *rest = copy, *path;
	while (rest && (path = strsep(&rest, ":"))) {
		size_t kept = 0;
		for (size_t i = 0; i < paths->count; i++)
			if (!text_equal(path, "ALL") && !text_equal(path, "all") &&
				fnmatch(path, paths->items[i], 0) != 0)
				paths->items[kept++] = paths->items[i];
		paths->count = kept;
	}
}

static int take_seccomp(const char *value, struct arena *arena, struct plan *plan)
{
	if (text_equal(value, "builtin") || text_equal(value, "default"))
		return 0;
	plan->annotation_count = 0; /* not the default policy */
	return text_equal(value, "unconfined") ? 0 : read_seccomp(value, arena, plan);
}

/* "user:USER", "type:TYPE" …: parts of a label that only SELinux' policy could complete. */
static int take_label(const char *value, struct plan *plan)
{
	static const char *const parts[] = {"user:", "role:", "type:", "level:", "filetype:"};
	if (text_equal(value, "disable") || text_equal(value, "nested"))
		return 0;
	for (size_t i = 0; i < array_length(parts); i++)
		if (text_starts(value, parts[i])) {
			if (access("/sys/fs/selinux/enforce", F_OK) == 0)
				warn("--security-opt label=%s: only whole labels are set", value);
			return 0;
		}
	if (!strchr(value, ':'))
		return refuse(-EINVAL, "--security-opt label=%s: not a label", value);
	plan->process.selinux_label = arena_strdup(&plan->arena, value);
	return 0;
}

static int take_proc_options(const char *value, struct plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		struct plan_mount *mount = &plan->mounts[i];
		if (text_equal(mount->destination, "/proc") && !mount->bind)
			mount->data = arena_strdup(&plan->arena, value);
	}
	return 0;
}

static void take_writable_cgroups(struct plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++)
		if (text_equal(plan->mounts[i].destination, "/sys/fs/cgroup"))
			plan->mounts[i].attributes_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
}

static int take_option(const char *word, struct plan *plan)
{
	struct arena *arena = &plan->arena;
	const char *value = strpbrk(word, "=:");
	size_t length = value ? (size_t)(value - word) : strlen(word);
	value = value ? value + 1 : "";
	const char *name = arena_strndup(arena, word, length);
	bool no = text_equal(value, "false");
	if (text_equal(name, "no-new-privileges"))
		plan->process.no_new_privileges = !no;
	else if (text_equal(name, "seccomp"))
		return take_seccomp(value, arena, plan);
	else if (text_equal(name, "apparmor"))
		plan->process.apparmor_profile =
			text_equal(value, "unconfined") ? NULL : arena_strdup(arena, value);
	else if (text_equal(name, "label"))
		return take_label(value, plan);
	else if (text_equal(name, "mask"))
		add_paths(&plan->masked_paths, value, arena);
	else if (text_equal(name, "proc-opts"))
		return take_proc_options(value, plan);
	else if (text_equal(name, "writable-cgroups") && !no)
		take_writable_cgroups(plan);
	else if (text_equal(name, "unmask") ||
		 (text_equal(name, "systempaths") && text_equal(value, "unconfined"))) {
		const char *paths = text_equal(name, "unmask") ? value : "ALL";
		remove_paths(&plan->masked_paths, paths);
		remove_paths(&plan->readonly_paths, paths);
	} else {
		int r = refuse(-EINVAL, "--security-opt %s is not known", word);
		hint("known: no-new-privileges, seccomp=FILE|unconfined, "
		     "apparmor=PROFILE|unconfined, label=LABEL|disable, mask=PATH[:PATH], "
		     "unmask=PATH|ALL, proc-opts=OPTIONS, systempaths=unconfined, "
		     "writable-cgroups");
		return r;
	}
	return 0;
}

/* ---- kernel parameters ------------------------------------------------------------------- */

static int set_sysctls(const struct run_request *request, struct plan *plan)
{
	const struct strings *words = &request->security.sysctls;
	plan->sysctls = arena_new(&plan->arena, struct plan_key_value, words->count + 1);
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];
		size_t length = strcspn(word, "=");
		if (length == 0 || !word[length])
			return refuse(-EINVAL, "--sysctl %s is not NAME=VALUE", word);
		plan->sysctls[plan->sysctl_count++] = (struct plan_key_value){
			arena_strndup(&plan->arena, word, length), word + length + 1};
	}
	return 0;
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static int set_annotations(const struct run_request *request, struct plan *plan)
{
	const struct strings *words = &request->life.annotations;
	plan->annotations = arena_new(&plan->arena, struct plan_key_value, words->count + 2);
	/* The filter's own comes first: it is taken off where the policy is not ours. */
	plan->annotations[0] =
		(struct plan_key_value){FILTER_ANNOTATION, FILTER_ANNOTATION_DEFAULT};
	plan->annotation_count = 1;
	for (size_t i = 0; i < words->count; i++)
		if (!strchr(words->items[i], '='))
			return refuse(
				-EINVAL, "--annotation %s is not NAME=VALUE", words->items[i]);
	return 0;
}

static void add_annotations(const struct run_request *request, struct plan *plan)
{
	const struct strings *words = &request->life.annotations;
	for (size_t i = 0; i < words->count; i++) {
		size_t length = strcspn(words->items[i], "=");
		plan->annotations[plan->annotation_count++] = (struct plan_key_value){
			arena_strndup(&plan->arena, words->items[i], length),
			words->items[i] + length + 1};
	}
}

int run_set_security(const struct run_request *request, struct plan *plan)
{
	plan->process.no_new_privileges = false;
	struct plan_capabilities *sets = &plan->process.capabilities;
	int r = run_capabilities(request, sets);
	if (plan->process.uid == 0) /* whom the kernel gives them anyway */
		sets->inheritable = sets->ambient = 0;
	if (r == 0)
		r = set_annotations(request, plan);
	if (r < 0)
		return r;
	if (request->security.privileged) {
		plan->annotation_count = 0;
		plan->masked_paths = plan->readonly_paths = (struct strings){};
	} else if (run_is_host(request)) {
		/* The layers of all containers lie on this system, too. */
		run_strings_add(&plan->masked_paths, request->data_root, &plan->arena);
	}
	if (!request->security.privileged)
		r = take_image_seccomp(request, plan);
	const struct strings *options = &request->security.options;
	for (size_t i = 0; r == 0 && i < options->count; i++)
		r = take_option(options->items[i], plan);
	if (r == 0)
		r = set_sysctls(request, plan);
	add_annotations(request, plan);
	return r;
}
