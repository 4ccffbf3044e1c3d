// SPDX-License-Identifier: Apache-2.0

/*
 * config.md: the document as a whole, its hooks, and what excludes what across the
 * chapters. The rules of the last kind are those that every caller would otherwise
 * meet as EINVAL or EPERM deep inside a half-made container, or, worse, as a change to
 * the host: a hostname without a UTS namespace of its own is the host's.
 */

#include "base/error.h"
#include "plan/chapters.h"
#include "plan/mount_options.h"

#include <limits.h>

/* ---- hooks --------------------------------------------------------------- */

const char *const plan_hook_names[PLAN_HOOK_COUNT] = {
	[PLAN_HOOK_PRESTART] = "prestart",
	[PLAN_HOOK_CREATE_RUNTIME] = "createRuntime",
	[PLAN_HOOK_CREATE_CONTAINER] = "createContainer",
	[PLAN_HOOK_START_CONTAINER] = "startContainer",
	[PLAN_HOOK_POSTSTART] = "poststart",
	[PLAN_HOOK_POSTSTOP] = "poststop",
};

static const struct json_field hook_fields[] = {
	PATH("path", struct plan_hook, path, .flags = REQUIRED),
	STRINGS("args", struct plan_hook, arguments),
	STRINGS("env", struct plan_hook, environment),
	UNSIGNED("timeout", struct plan_hook, timeout_s, .lowest = 1, .highest = INT_MAX),
};
static const struct json_shape hook_shape = SHAPE(struct plan_hook, hook_fields);

#define HOOKS(json, kind) ARRAY(json, struct plan_hooks, items[kind], count[kind], &hook_shape)
static const struct json_field hooks_fields[] = {
	HOOKS("prestart", PLAN_HOOK_PRESTART),
	HOOKS("createRuntime", PLAN_HOOK_CREATE_RUNTIME),
	HOOKS("createContainer", PLAN_HOOK_CREATE_CONTAINER),
	HOOKS("startContainer", PLAN_HOOK_START_CONTAINER),
	HOOKS("poststart", PLAN_HOOK_POSTSTART),
	HOOKS("poststop", PLAN_HOOK_POSTSTOP),
};
static const struct json_shape hooks_shape = SHAPE(struct plan_hooks, hooks_fields);

/* ---- what excludes what -------------------------------------------------- */

static bool wants(const struct plan *plan, enum plan_namespace kind)
{
	return plan->namespaces[kind].wanted;
}

static int needs(const struct json *linux_section, const char *key, enum plan_namespace kind)
{
	return json_refuse_member(linux_section, key, "needs \"%s\" in linux.namespaces",
		plan_namespace_facts[kind].oci_name);
}

static int check_namespaces(const struct json *at, const struct plan *plan)
{
	struct json section = {.document = at->document, .parent = at, .key = "linux"};
	if (plan->hostname && !wants(plan, PLAN_NS_UTS))
		return needs(at, "hostname", PLAN_NS_UTS);
	if (plan->domainname && !wants(plan, PLAN_NS_UTS))
		return needs(at, "domainname", PLAN_NS_UTS);
	if (plan->uid_maps.count && !wants(plan, PLAN_NS_USER))
		return needs(&section, "uidMappings", PLAN_NS_USER);
	if (plan->gid_maps.count && !wants(plan, PLAN_NS_USER))
		return needs(&section, "gidMappings", PLAN_NS_USER);
	if (plan->masked_paths.count && !wants(plan, PLAN_NS_MOUNT))
		return needs(&section, "maskedPaths", PLAN_NS_MOUNT);
	if (plan->readonly_paths.count && !wants(plan, PLAN_NS_MOUNT))
		return needs(&section, "readonlyPaths", PLAN_NS_MOUNT);
	if (plan->net_device_count && !wants(plan, PLAN_NS_NETWORK))
		return needs(&section, "netDevices", PLAN_NS_NETWORK);
	bool offsets = plan->monotonic_offset.given || plan->boottime_offset.given;
	if (offsets && !plan_new_namespace(plan, PLAN_NS_TIME))
		return json_refuse_member(
			&section, "timeOffsets", "needs a new \"time\" in linux.namespaces");
	return 0;
}

static int check_idmaps(const struct json *at, struct plan *plan)
{
	struct json mounts = {.document = at->document, .parent = at, .key = "mounts"};
	for (size_t i = 0; i < plan->mount_count; i++) {
		struct plan_mount *mount = &plan->mounts[i];
		struct json place = {.document = at->document, .parent = &mounts, .index = i};
		int r = mount_idmap_resolve(&place, plan, mount);
		if (r < 0)
			return r;
		if (mount->idmap && !mount->uid_maps.count && !wants(plan, PLAN_NS_USER))
			return json_refuse(&place,
				"idmap needs uidMappings and gidMappings or a user namespace");
	}
	return 0;
}

/*
 * Kernel parameters that belong to a namespace may be set when the container has one
 * of its own; all others are the host's. ("net" of a namespace joined by path cannot
 * be judged here.)
 */
static bool parameter_namespace(const char *path, enum plan_namespace *ret_kind)
{
	static const struct {
		const char *prefix;
		enum plan_namespace kind;
	} owners[] = {
		{"net/", PLAN_NS_NETWORK},
		{"fs/mqueue/", PLAN_NS_IPC},
		{"kernel/msg", PLAN_NS_IPC},
		{"kernel/sem", PLAN_NS_IPC},
		{"kernel/shm", PLAN_NS_IPC},
		{"kernel/auto_msgmni", PLAN_NS_IPC},
		{"kernel/hostname", PLAN_NS_UTS},
		{"kernel/domainname", PLAN_NS_UTS},
		{"user/", PLAN_NS_USER},
	};
	for (size_t i = 0; i < array_length(owners); i++) {
		if (text_starts(path, owners[i].prefix)) {
			*ret_kind = owners[i].kind;
			return true;
		}
	}
	return false;
}

static int check_sysctls(const struct json *at, struct arena *arena, const struct plan *plan)
{
	struct json section = {.document = at->document, .parent = at, .key = "linux"};
	struct json list = {.document = at->document, .parent = &section, .key = "sysctl"};
	for (size_t i = 0; i < plan->sysctl_count; i++) {
		const char *key = plan->sysctls[i].key;
		const char *path = plan_sysctl_path(key, arena);
		enum plan_namespace kind;
		if (!path)
			return json_refuse_member(&list, key, "is no kernel parameter");
		if (!parameter_namespace(path, &kind))
			return json_refuse_member(&list, key, "belongs to the whole machine");
		if (!wants(plan, kind))
			return needs(&list, key, kind);
		if (text_equal(path, "kernel/hostname") && plan->hostname)
			return json_refuse_member(&list, key, "contradicts hostname");
	}
	return 0;
}

static int check_netdevice_names(const struct json *at, const struct plan *plan)
{
	struct json section = {.document = at->document, .parent = at, .key = "linux"};
	for (size_t i = 0; i < plan->net_device_count; i++) {
		const struct plan_net_device *a = &plan->net_devices[i];
		const char *name = a->container_name ? a->container_name : a->host_name;
		for (size_t k = 0; k < i; k++) {
			const struct plan_net_device *b = &plan->net_devices[k];
			if (strchr(name, '%') == NULL &&
				text_equal(
					name, b->container_name ? b->container_name : b->host_name))
				return json_refuse_member(&section, "netDevices",
					"two devices become %s", json_quote(name).text);
		}
	}
	return 0;
}

/* "1.2.3", "1.0.2-dev", "1.2.0+dev": SemVer 2.0.0. Any minor of major 1 is read. */
static int check_version(const struct json *at, const char *version)
{
	const char *c = version;
	bool valid = true;
	unsigned long major = strtoul(version, NULL, 10);
	for (int i = 0; i < 3; i++) {
		size_t digits = strspn(c, "0123456789");
		valid = valid && digits > 0 && digits < 10 && (digits == 1 || *c != '0');
		c += digits;
		if (i < 2)
			valid = valid && *c++ == '.';
		if (!valid)
			break;
	}
	if (valid && *c != '\0')
		valid = (*c == '-' || *c == '+') && c[1] &&
			c[1 + strspn(c + 1, "0123456789.-+abcdefghijklmnopqrstuvwxyz"
					    "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
	if (!valid)
		return json_refuse_member(at, "ociVersion", "%s is not a version like 1.3.0",
			json_quote(version).text);
	if (major != 1)
		return json_refuse_member(at, "ociVersion",
			"version %s is not supported, only 1.x is", json_quote(version).text);
	return 0;
}

/* A document for another platform is not a Linux container without namespaces. */
static int check_platform(const struct json *at)
{
	static const char *const others[] = {"windows", "solaris", "vm", "zos", "freebsd"};
	struct json ignored;
	if (json_find(at, "linux", &ignored))
		return 0;
	for (size_t i = 0; i < array_length(others); i++) {
		if (json_find(at, others[i], &ignored))
			return json_refuse_member(
				at, "linux", "is missing, the file is for %s", others[i]);
	}
	return 0;
}

static int check_plan(const struct json *at, struct arena *arena, void *target)
{
	struct plan *plan = target;
	int r = check_version(at, plan->oci_version);
	if (r >= 0)
		r = check_platform(at);
	if (r >= 0 && plan->hostname && strlen(plan->hostname) > HOST_NAME_MAX)
		r = json_refuse_member(at, "hostname", "is longer than %d bytes", HOST_NAME_MAX);
	if (r >= 0 && plan->domainname && strlen(plan->domainname) > HOST_NAME_MAX)
		r = json_refuse_member(at, "domainname", "is longer than %d bytes", HOST_NAME_MAX);
	if (r >= 0)
		r = check_namespaces(at, plan);
	if (r >= 0)
		r = check_idmaps(at, plan);
	if (r >= 0)
		r = check_sysctls(at, arena, plan);
	if (r >= 0)
		r = check_netdevice_names(at, plan);
	return r;
}

/* ---- the document -------------------------------------------------------- */

static const struct json_field root_fields[] = {
	STRING("path", struct plan, root_path, .flags = REQUIRED),
	BOOL("readonly", struct plan, root_readonly),
};
static const struct json_shape root_shape = SHAPE(struct plan, root_fields);

static const struct json_field plan_fields[] = {
	STRING("ociVersion", struct plan, oci_version, .flags = REQUIRED),
	OBJECT("process", struct plan, process, &process_shape,
		.presence = GIVEN(struct plan, has_process)),
	GROUP("root", &root_shape, .flags = REQUIRED),
	STRING("hostname", struct plan, hostname),
	STRING("domainname", struct plan, domainname),
	ARRAY("mounts", struct plan, mounts, mount_count, &mount_shape),
	OBJECT("hooks", struct plan, hooks, &hooks_shape),
	PAIRS("annotations", struct plan, annotations, annotation_count),
	GROUP("linux", &linux_shape),
};
const struct json_shape plan_shape = SHAPE(struct plan, plan_fields, .check = check_plan);
