// SPDX-License-Identifier: Apache-2.0

/* config-linux.md: namespaces, devices, network devices and what does not fill a file. */

#include "plan/chapters.h"

#include <ctype.h>
#include <linux/mempolicy.h>
#include <net/if.h>

#define ID_MAX (UINT32_MAX - 1)

/* ---- namespaces ---------------------------------------------------------- */

struct namespace_item {
	uint32_t kind;
	const char *path;
};

static const struct json_field namespace_fields[] = {
	WORD("type", struct namespace_item, kind, &namespace_words, .flags = REQUIRED),
	PATH("path", struct namespace_item, path),
};
static const struct json_shape namespace_shape = SHAPE(struct namespace_item, namespace_fields);

static int read_namespaces(const struct json *at, struct arena *arena, void *target)
{
	struct plan *plan = target;
	int r = json_expect(at, JSON_ARRAY);
	size_t index = 0;
	for (const struct json_value *v = at->value->first; r >= 0 && v; v = v->next) {
		struct json place = json_child(at, v, index++);
		struct namespace_item item = {};
		r = json_shape_read(&place, &namespace_shape, arena, &item);
		if (r < 0)
			return r;
		if (plan->namespaces[item.kind].wanted)
			return json_refuse(&place, "namespace %s is given twice",
				plan_namespace_facts[item.kind].oci_name);
		plan->namespaces[item.kind] = (struct plan_namespace_entry){true, item.path};
	}
	return r;
}

static void write_namespaces(struct json_writer *writer, const char *name, const void *source)
{
	const struct plan *plan = source;
	json_open_lazily(writer, name, '[');
	for (unsigned i = 0; i < PLAN_NS_COUNT; i++) {
		if (!plan->namespaces[i].wanted)
			continue;
		struct namespace_item item = {i, plan->namespaces[i].path};
		json_open(writer, NULL, '{');
		json_shape_write(writer, &namespace_shape, &item);
		json_close(writer);
	}
	json_close(writer);
}

static int check_offset(const struct json *at, struct arena *arena, void *target)
{
	((struct plan_time_offset *)target)->given = true;
	return 0;
}

static const struct json_field offset_fields[] = {
	SIGNED("secs", struct plan_time_offset, seconds),
	UNSIGNED("nanosecs", struct plan_time_offset, nanoseconds, .highest = 999999999),
};
static const struct json_shape offset_shape =
	SHAPE(struct plan_time_offset, offset_fields, .check = check_offset);

/* The kernel knows two clocks here; ignoring a third would let the container see another time. */
static int check_clocks(const struct json *at, struct arena *arena, void *target)
{
	for (const struct json_value *v = at->value->first; v; v = v->next) {
		if (!text_equal(v->key, "monotonic") && !text_equal(v->key, "boottime"))
			return json_refuse(at, "unknown clock %s", json_quote(v->key).text);
	}
	return 0;
}

static const struct json_field clock_fields[] = {
	OBJECT("monotonic", struct plan, monotonic_offset, &offset_shape,
		.presence = GIVEN(struct plan, monotonic_offset.given)),
	OBJECT("boottime", struct plan, boottime_offset, &offset_shape,
		.presence = GIVEN(struct plan, boottime_offset.given)),
};
static const struct json_shape clock_shape =
	SHAPE(struct plan, clock_fields, .check = check_clocks);

/* ---- devices ------------------------------------------------------------- */

static int check_device(const struct json *at, struct arena *arena, void *target)
{
	struct plan_device *device = target;
	struct json ignored;
	if (device->type != 'p' && !json_find(at, "major", &ignored))
		return json_refuse_member(at, "major", "is missing");
	if (device->type != 'p' && !json_find(at, "minor", &ignored))
		return json_refuse_member(at, "minor", "is missing");
	/* Podman gives the whole st_mode, type bits and all. */
	device->mode = device->has_mode ? device->mode & 07777 : 0666;
	return 0;
}

static const struct json_field device_fields[] = {
	PATH("path", struct plan_device, path, .flags = REQUIRED),
	WORD("type", struct plan_device, type, &device_type_words, .flags = REQUIRED),
	SIGNED("major", struct plan_device, major, .highest = 4095, .flags = ALWAYS),
	SIGNED("minor", struct plan_device, minor, .highest = 1048575, .flags = ALWAYS),
	UNSIGNED("fileMode", struct plan_device, mode, .highest = 0177777,
		.presence = GIVEN(struct plan_device, has_mode)),
	UNSIGNED("uid", struct plan_device, uid, .highest = ID_MAX),
	UNSIGNED("gid", struct plan_device, gid, .highest = ID_MAX),
};
const struct json_shape device_shape =
	SHAPE(struct plan_device, device_fields, .check = check_device);

int check_interface_name(const struct json *at, const char *name)
{
	bool valid = *name && strlen(name) < IFNAMSIZ && !text_equal(name, ".") &&
		     !text_equal(name, "..");
	for (const char *c = name; *c; c++)
		valid = valid && *c != '/' && *c != ':' && !isspace((unsigned char)*c);
	return valid ? 0 : json_refuse(at, "%s is no interface name", json_quote(name).text);
}

static int check_net_device(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_net_device *device = target;
	int r = check_interface_name(at, device->host_name);
	if (r >= 0 && device->container_name)
		r = check_interface_name(at, device->container_name);
	return r;
}

static const struct json_field net_device_fields[] = {
	STRING("name", struct plan_net_device, container_name),
};
static const struct json_shape net_device_shape = SHAPE(struct plan_net_device, net_device_fields,
	.key = offsetof(struct plan_net_device, host_name), .check = check_net_device);

/* ---- Intel RDT, NUMA, personality ---------------------------------------- */

static int check_rdt(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_intel_rdt *rdt = target;
	const char *id = rdt->class_id;
	if (id && !text_equal(id, "/") &&
		(strchr(id, '/') || text_equal(id, ".") || text_equal(id, "..")))
		return json_refuse_member(at, "closID", "%s is not a name", json_quote(id).text);
	if (rdt->l3_cache_schema && strchr(rdt->l3_cache_schema, '\n'))
		return json_refuse_member(at, "l3CacheSchema", "has more than one line");
	const char *bandwidth = rdt->memory_bandwidth_schema;
	if (bandwidth && (!text_starts(bandwidth, "MB:") || strchr(bandwidth, '\n')))
		return json_refuse_member(at, "memBwSchema",
			"%s is not one line with MB:", json_quote(bandwidth).text);
	for (size_t i = 0; i < rdt->schemata.count; i++) {
		if (strchr(rdt->schemata.items[i], '\n'))
			return json_refuse_member(
				at, "schemata", "has more than one line in [%zu]", i);
	}
	return 0;
}

static int read_old_monitoring(const struct json *at, struct arena *arena, void *target)
{
	struct plan_intel_rdt *rdt = target;
	bool wanted;
	int r = json_boolean(at, &wanted);
	if (r >= 0 && wanted)
		rdt->enable_monitoring = true;
	return r;
}

static const struct json_field rdt_fields[] = {
	STRING("closID", struct plan_intel_rdt, class_id),
	STRINGS("schemata", struct plan_intel_rdt, schemata),
	STRING("l3CacheSchema", struct plan_intel_rdt, l3_cache_schema),
	STRING("memBwSchema", struct plan_intel_rdt, memory_bandwidth_schema),
	BOOL("enableMonitoring", struct plan_intel_rdt, enable_monitoring),
	CUSTOM("enableCMT", read_old_monitoring, NULL, .flags = READ_ONLY),
	CUSTOM("enableMBM", read_old_monitoring, NULL, .flags = READ_ONLY),
};
static const struct json_shape rdt_shape =
	SHAPE(struct plan_intel_rdt, rdt_fields, .check = check_rdt);

static int check_memory_policy(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_memory_policy *policy = target;
	const char *mode = words_name(&memory_mode_words, (uint64_t)policy->mode);
	bool nowhere = policy->mode == MPOL_DEFAULT || policy->mode == MPOL_LOCAL;
	bool somewhere = !nowhere && policy->mode != MPOL_PREFERRED;
	if (nowhere && policy->nodes)
		return json_refuse_member(at, "nodes", "%s takes none", mode);
	if (somewhere && !policy->nodes)
		return json_refuse_member(at, "nodes", "%s needs at least one", mode);
	if (policy->flags & MPOL_F_STATIC_NODES && policy->flags & MPOL_F_RELATIVE_NODES)
		return json_refuse_member(at, "flags",
			"MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
	return policy->nodes ? check_number_list(at, "nodes", policy->nodes) : 0;
}

static const struct json_field memory_policy_fields[] = {
	WORD("mode", struct plan_memory_policy, mode, &memory_mode_words, .flags = REQUIRED),
	STRING("nodes", struct plan_memory_policy, nodes),
	FLAGS("flags", struct plan_memory_policy, flags, &memory_flag_words),
};
static const struct json_shape memory_policy_shape =
	SHAPE(struct plan_memory_policy, memory_policy_fields, .check = check_memory_policy);

/* "Currently no flag values are supported." */
static int read_personality_flags(const struct json *at, struct arena *arena, void *target)
{
	static const struct words none = {.noun = "personality flag"};
	struct strings flags;
	return json_strings(at, arena, &none, &flags);
}

static const struct json_field personality_fields[] = {
	WORD("domain", struct plan, personality, &personality_words, .flags = REQUIRED),
	CUSTOM("flags", read_personality_flags, NULL, .flags = READ_ONLY),
};
static const struct json_shape personality_shape = SHAPE(struct plan, personality_fields);

/* ---- the chapter --------------------------------------------------------- */

static int check_linux(const struct json *at, struct arena *arena, void *target)
{
	const struct plan *plan = target;
	int r = check_id_maps(at, "uidMappings", &plan->uid_maps);
	return r < 0 ? r : check_id_maps(at, "gidMappings", &plan->gid_maps);
}

static const struct json_field linux_fields[] = {
	ARRAY("uidMappings", struct plan, uid_maps.items, uid_maps.count, &id_map_shape),
	ARRAY("gidMappings", struct plan, gid_maps.items, gid_maps.count, &id_map_shape),
	PAIRS("sysctl", struct plan, sysctls, sysctl_count),
	OBJECT("resources", struct plan, resources, &resources_shape),
	STRING("cgroupsPath", struct plan, cgroups_path),
	CUSTOM("namespaces", read_namespaces, write_namespaces),
	ARRAY("devices", struct plan, devices, device_count, &device_shape),
	MAP("netDevices", struct plan, net_devices, net_device_count, &net_device_shape),
	OBJECT("seccomp", struct plan, seccomp, &seccomp_shape,
		.presence = GIVEN(struct plan, has_seccomp)),
	WORD("rootfsPropagation", struct plan, root_propagation, &propagation_words),
	PATHS("maskedPaths", struct plan, masked_paths),
	PATHS("readonlyPaths", struct plan, readonly_paths),
	STRING("mountLabel", struct plan, mount_label),
	OBJECT("intelRdt", struct plan, intel_rdt, &rdt_shape,
		.presence = GIVEN(struct plan, intel_rdt.given)),
	OBJECT("memoryPolicy", struct plan, memory_policy, &memory_policy_shape,
		.presence = GIVEN(struct plan, memory_policy.given)),
	GROUP("personality", &personality_shape, .presence = GIVEN(struct plan, has_personality)),
	GROUP("timeOffsets", &clock_shape),
};
const struct json_shape linux_shape = SHAPE(struct plan, linux_fields, .check = check_linux);
