// SPDX-License-Identifier: Apache-2.0

/*
 * config-linux.md "Control groups": how much of everything. Also the whole document
 * of `rung oci update --resources`.
 */

#include "base/error.h"
#include "plan/chapters.h"
#include "plan/oci.h"

#define RESOURCES struct plan_resources

/* Linux device numbers: 12 and 20 bits (include/linux/kdev_t.h). */
#define MAJOR_MAX 4095
#define MINOR_MAX 1048575

/* ---- devices ------------------------------------------------------------- */

static int read_rule_type(const struct json *at, struct arena *arena, void *target)
{
	struct plan_device_rule *rule = target;
	const char *type;
	int r = json_string(at, &type);
	if (r < 0)
		return r;
	if (type[0] == '\0')
		return 0;
	if (type[1] != '\0' || !strchr("acb", type[0]))
		return json_refuse(at, "unknown device type %s", json_quote(type).text);
	rule->type = type[0];
	return 0;
}

static void write_rule_type(struct json_writer *writer, const char *name, const void *source)
{
	const struct plan_device_rule *rule = source;
	char type[2] = {rule->type, '\0'};
	if (rule->type != 'a')
		json_write_string(writer, name, type);
}

static int read_access(const struct json *at, struct arena *arena, void *target)
{
	struct plan_device_rule *rule = target;
	const char *access;
	int r = json_string(at, &access);
	if (r < 0)
		return r;
	for (const char *c = access; *c; c++) {
		if (!strchr("rwm", *c))
			return json_refuse(
				at, "%s is not made of r, w and m", json_quote(access).text);
		rule->read |= *c == 'r';
		rule->write |= *c == 'w';
		rule->mknod |= *c == 'm';
	}
	return 0;
}

static void write_access(struct json_writer *writer, const char *name, const void *source)
{
	const struct plan_device_rule *rule = source;
	char access[4], *end = access;
	if (rule->read)
		*end++ = 'r';
	if (rule->write)
		*end++ = 'w';
	if (rule->mknod)
		*end++ = 'm';
	*end = '\0';
	json_write_string(writer, name, access);
}

/* What is not given means all. */
static int complete_rule(const struct json *at, struct arena *arena, void *target)
{
	struct plan_device_rule *rule = target;
	struct json ignored;
	if (!rule->type)
		rule->type = 'a';
	if (!json_find(at, "major", &ignored))
		rule->major = -1;
	if (!json_find(at, "minor", &ignored))
		rule->minor = -1;
	if (!json_find(at, "access", &ignored))
		rule->read = rule->write = rule->mknod = true;
	return 0;
}

static const struct json_field rule_fields[] = {
	BOOL("allow", struct plan_device_rule, allow, .flags = REQUIRED),
	CUSTOM("type", read_rule_type, write_rule_type),
	SIGNED("major", struct plan_device_rule, major, .lowest = -1, .highest = MAJOR_MAX,
		.flags = ALWAYS | NEGATIVE_IS_ABSENT),
	SIGNED("minor", struct plan_device_rule, minor, .lowest = -1, .highest = MINOR_MAX,
		.flags = ALWAYS | NEGATIVE_IS_ABSENT),
	CUSTOM("access", read_access, write_access),
};
static const struct json_shape rule_shape =
	SHAPE(struct plan_device_rule, rule_fields, .check = complete_rule);

/* ---- memory, CPU, processes ---------------------------------------------- */

static int check_memory(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_resources *resources = target;
	int64_t limit = resources->memory_limit.value, swap = resources->memory_swap.value;
	if (limit > 0 && swap > 0 && swap < limit)
		return json_refuse_member(at, "swap",
			"%jd is below the memory limit %jd that it includes", (intmax_t)swap,
			(intmax_t)limit);
	return 0;
}

#define BYTES(json, member) \
	MAYBE_SIGNED(json, RESOURCES, member, .lowest = -1, .highest = INT64_MAX)
static const struct json_field memory_fields[] = {
	BYTES("limit", memory_limit),
	BYTES("reservation", memory_reservation),
	BYTES("swap", memory_swap),
	BYTES("kernel", memory_kernel),
	BYTES("kernelTCP", memory_kernel_tcp),
	MAYBE_UNSIGNED("swappiness", RESOURCES, memory_swappiness, .highest = 100),
	BOOL("disableOOMKiller", RESOURCES, disable_oom_killer,
		.presence = GIVEN(RESOURCES, has_disable_oom_killer)),
	BOOL("useHierarchy", RESOURCES, use_hierarchy,
		.presence = GIVEN(RESOURCES, has_use_hierarchy)),
	BOOL("checkBeforeUpdate", RESOURCES, check_before_update),
};
static const struct json_shape memory_shape =
	SHAPE(RESOURCES, memory_fields, .check = check_memory);

/* cpuset files also take strides ("0-31:2/4", bitmap_parselist()); the kernel has the last word. */
static int check_cpuset(const struct json *at, const char *key, const char *list)
{
	if (list && list[strspn(list, "0123456789,-:/ ")] != '\0')
		return json_refuse_member(
			at, key, "%s is not a list of numbers like 0-3,7", json_quote(list).text);
	return 0;
}

static int check_cpu(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_resources *resources = target;
	int64_t quota = resources->cpu_quota.value;
	if (quota > 0 && resources->cpu_burst.value > (uint64_t)quota)
		return json_refuse_member(at, "burst", "%ju is above the quota %jd",
			(uintmax_t)resources->cpu_burst.value, (intmax_t)quota);
	int r = check_cpuset(at, "cpus", resources->cpuset_cpus);
	return r < 0 ? r : check_cpuset(at, "mems", resources->cpuset_mems);
}

static const struct json_field cpu_fields[] = {
	MAYBE_UNSIGNED("shares", RESOURCES, cpu_shares),
	MAYBE_SIGNED("quota", RESOURCES, cpu_quota),
	MAYBE_UNSIGNED("burst", RESOURCES, cpu_burst),
	MAYBE_UNSIGNED("period", RESOURCES, cpu_period),
	MAYBE_SIGNED("realtimeRuntime", RESOURCES, cpu_realtime_runtime),
	MAYBE_UNSIGNED("realtimePeriod", RESOURCES, cpu_realtime_period),
	STRING("cpus", RESOURCES, cpuset_cpus),
	STRING("mems", RESOURCES, cpuset_mems),
	MAYBE_SIGNED("idle", RESOURCES, cpu_idle, .highest = 1),
};
static const struct json_shape cpu_shape = SHAPE(RESOURCES, cpu_fields, .check = check_cpu);

/* Docker, Podman and Kubernetes all say "unlimited" by some negative number. */
static int normalize_pids(const struct json *at, struct arena *arena, void *target)
{
	struct plan_resources *resources = target;
	if (resources->pids_limit.value < -1)
		resources->pids_limit.value = -1;
	return 0;
}

static const struct json_field pids_fields[] = {
	MAYBE_SIGNED("limit", RESOURCES, pids_limit),
};
static const struct json_shape pids_shape = SHAPE(RESOURCES, pids_fields, .check = normalize_pids);

/* ---- block devices ------------------------------------------------------- */

static int check_weight(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_weight_device *device = target;
	if (!device->weight.given && !device->leaf_weight.given)
		return json_refuse(at, "has neither weight nor leafWeight");
	return 0;
}

static const struct json_field weight_fields[] = {
	SIGNED("major", struct plan_weight_device, major, .highest = MAJOR_MAX, .flags = REQUIRED),
	SIGNED("minor", struct plan_weight_device, minor, .highest = MINOR_MAX, .flags = REQUIRED),
	MAYBE_UNSIGNED("weight", struct plan_weight_device, weight, .highest = UINT16_MAX),
	MAYBE_UNSIGNED("leafWeight", struct plan_weight_device, leaf_weight, .highest = UINT16_MAX),
};
static const struct json_shape weight_shape =
	SHAPE(struct plan_weight_device, weight_fields, .check = check_weight);

static const struct json_field throttle_fields[] = {
	SIGNED("major", struct plan_throttle, major, .highest = MAJOR_MAX, .flags = REQUIRED),
	SIGNED("minor", struct plan_throttle, minor, .highest = MINOR_MAX, .flags = REQUIRED),
	UNSIGNED("rate", struct plan_throttle, rate, .flags = REQUIRED),
};
static const struct json_shape throttle_shape = SHAPE(struct plan_throttle, throttle_fields);

#define THROTTLE(json, member) \
	ARRAY("throttle" json "Device", RESOURCES, member, member##_count, &throttle_shape)
static const struct json_field block_fields[] = {
	MAYBE_UNSIGNED("weight", RESOURCES, block_weight, .highest = UINT16_MAX),
	MAYBE_UNSIGNED("leafWeight", RESOURCES, block_leaf_weight, .highest = UINT16_MAX),
	ARRAY("weightDevice", RESOURCES, block_weight_devices, block_weight_device_count,
		&weight_shape),
	THROTTLE("ReadBps", block_read_bps),
	THROTTLE("WriteBps", block_write_bps),
	THROTTLE("ReadIOPS", block_read_iops),
	THROTTLE("WriteIOPS", block_write_iops),
};
static const struct json_shape block_shape = SHAPE(RESOURCES, block_fields);

/* ---- huge pages, network, RDMA, unified ---------------------------------- */

/* "64KB", "2MB", "1GB": the name of a control file, so nothing else may pass. */
static int check_page_size(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_limit *limit = target;
	size_t digits = strspn(limit->name, "0123456789");
	const char *unit = limit->name + digits;
	if (digits == 0 || digits > 9 || limit->name[0] == '0' || !*unit || !strchr("KMG", *unit) ||
		!text_equal(unit + 1, "B"))
		return json_refuse_member(at, "pageSize", "%s is not a page size like 2MB",
			json_quote(limit->name).text);
	return 0;
}

static const struct json_field hugepage_fields[] = {
	STRING("pageSize", struct plan_limit, name, .flags = REQUIRED),
	UNSIGNED("limit", struct plan_limit, value, .flags = REQUIRED),
};
static const struct json_shape hugepage_shape =
	SHAPE(struct plan_limit, hugepage_fields, .check = check_page_size);

static int check_priority(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_limit *priority = target;
	return check_interface_name(at, priority->name);
}

static const struct json_field priority_fields[] = {
	STRING("name", struct plan_limit, name, .flags = REQUIRED),
	UNSIGNED("priority", struct plan_limit, value, .highest = UINT32_MAX, .flags = REQUIRED),
};
static const struct json_shape priority_shape =
	SHAPE(struct plan_limit, priority_fields, .check = check_priority);

static const struct json_field network_fields[] = {
	MAYBE_UNSIGNED("classID", RESOURCES, network_class_id, .highest = UINT32_MAX),
	ARRAY("priorities", RESOURCES, network_priorities, network_priority_count, &priority_shape),
};
static const struct json_shape network_shape = SHAPE(RESOURCES, network_fields);

static int check_rdma(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_rdma *rdma = target;
	if (!rdma->handles.given && !rdma->objects.given)
		return json_refuse(at, "has neither hcaHandles nor hcaObjects");
	return 0;
}

static const struct json_field rdma_fields[] = {
	MAYBE_UNSIGNED("hcaHandles", struct plan_rdma, handles, .highest = UINT32_MAX),
	MAYBE_UNSIGNED("hcaObjects", struct plan_rdma, objects, .highest = UINT32_MAX),
};
static const struct json_shape rdma_shape = SHAPE(struct plan_rdma, rdma_fields,
	.key = offsetof(struct plan_rdma, device), .check = check_rdma);

/* Keys are files of the cgroup's own directory and must stay there. */
static int check_resources(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_resources *resources = target;
	for (size_t i = 0; i < resources->unified_count; i++) {
		const char *key = resources->unified[i].key;
		if (key[0] == '.' || strchr(key, '/') || !strchr(key, '.'))
			return json_refuse_member(at, "unified", "%s is not a file of a cgroup",
				json_quote(key).text);
	}
	return 0;
}

static const struct json_field resource_fields[] = {
	ARRAY("devices", RESOURCES, device_rules, device_rule_count, &rule_shape),
	GROUP("memory", &memory_shape),
	GROUP("cpu", &cpu_shape),
	GROUP("pids", &pids_shape),
	GROUP("blockIO", &block_shape),
	ARRAY("hugepageLimits", RESOURCES, hugepage_limits, hugepage_limit_count, &hugepage_shape),
	GROUP("network", &network_shape),
	MAP("rdma", RESOURCES, rdma, rdma_count, &rdma_shape),
	PAIRS("unified", RESOURCES, unified, unified_count),
};
const struct json_shape resources_shape =
	SHAPE(RESOURCES, resource_fields, .check = check_resources);
