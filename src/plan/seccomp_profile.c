// SPDX-License-Identifier: Apache-2.0

/*
 * Seccomp profiles as files: what Docker and Podman take by --security-opt seccomp=FILE.
 * They are the specification's form plus conditions. A rule counts if all of its
 * "includes" hold and none of its "excludes" does: capabilities the container may have,
 * the machine, the kernel's version. Read without them, the rule that allows mount(2)
 * to whoever has CAP_SYS_ADMIN would allow it to everybody; so a condition that is not
 * understood is refused, where elsewhere what is unknown is ignored.
 *
 * The only file of this floor that asks the system something: uname(2).
 */

#include "base/errno_names.h"
#include "base/error.h"
#include "base/text.h"
#include "plan/chapters.h"
#include "plan/oci.h"

#include <sys/utsname.h>

struct condition {
	struct strings capabilities, machines;
	const char *least_kernel; /* "4.8" */
};

struct conditions {
	struct condition includes, excludes;
	const char *errno_name;
};

struct machine {
	const char *architecture; /* SCMP_ARCH_… */
	struct strings subordinates;
};

struct profile {
	struct conditions *rules; /* in the order of plan_seccomp.rules */
	size_t rule_count;
	struct machine *machines;
	size_t machine_count;
	const char *default_errno_name;
};

/* What the conditions are about. */
struct surroundings {
	uint64_t capabilities;
	const char *machine, *architecture;
	unsigned long kernel_major, kernel_minor;
};

/* "6.1.0-48-amd64", "4.8": the first two numbers. */
static bool parse_version(const char *text, unsigned long *ret_major, unsigned long *ret_minor)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10);
	if (end == text || *end != '.')
		return false;
	const char *rest = end + 1;
	unsigned long minor = strtoul(rest, &end, 10);
	if (end == rest)
		return false;
	*ret_major = major;
	*ret_minor = minor;
	return true;
}

static int check_condition(const struct json *at, struct arena *arena, void *target)
{
	const struct condition *condition = target;
	unsigned long major, minor;
	for (const struct json_value *v = at->value->first; v; v = v->next) {
		if (!text_equal(v->key, "caps") && !text_equal(v->key, "arches") &&
			!text_equal(v->key, "minKernel"))
			return json_refuse_member(at, v->key, "unknown condition");
	}
	if (condition->least_kernel && !parse_version(condition->least_kernel, &major, &minor))
		return json_refuse_member(at, "minKernel", "%s is not a version like 4.8",
			json_quote(condition->least_kernel).text);
	return 0;
}

static const struct json_field condition_fields[] = {
	STRINGS("caps", struct condition, capabilities),
	STRINGS("arches", struct condition, machines),
	STRING("minKernel", struct condition, least_kernel),
};
static const struct json_shape condition_shape =
	SHAPE(struct condition, condition_fields, .check = check_condition);

static const struct json_field conditions_fields[] = {
	OBJECT("includes", struct conditions, includes, &condition_shape),
	OBJECT("excludes", struct conditions, excludes, &condition_shape),
	STRING("errno", struct conditions, errno_name),
};
static const struct json_shape conditions_shape = SHAPE(struct conditions, conditions_fields);

static const struct json_field machine_fields[] = {
	NAME("architecture", struct machine, architecture, &seccomp_architecture_words,
		.flags = REQUIRED),
	NAMES("subArchitectures", struct machine, subordinates, &seccomp_architecture_words),
};
static const struct json_shape machine_shape = SHAPE(struct machine, machine_fields);

static const struct json_field profile_fields[] = {
	STRING("defaultErrno", struct profile, default_errno_name),
	ARRAY("archMap", struct profile, machines, machine_count, &machine_shape),
	ARRAY("syscalls", struct profile, rules, rule_count, &conditions_shape),
};
static const struct json_shape profile_shape = SHAPE(struct profile, profile_fields);

/* ---- what holds ---------------------------------------------------------- */

static bool has_capability(const struct surroundings *here, const char *name)
{
	int number = plan_capability(name);
	return number >= 0 && here->capabilities & UINT64_C(1) << number;
}

static bool names_machine(const struct condition *condition, const struct surroundings *here)
{
	for (size_t i = 0; i < condition->machines.count; i++) {
		if (text_equal(condition->machines.items[i], here->machine))
			return true;
	}
	return false;
}

static bool new_enough(const struct condition *condition, const struct surroundings *here)
{
	unsigned long major, minor;
	if (!parse_version(condition->least_kernel, &major, &minor))
		return false;
	return here->kernel_major > major ||
	       (here->kernel_major == major && here->kernel_minor >= minor);
}

/* All that is said must hold; of the machines, one. */
static bool includes(const struct condition *condition, const struct surroundings *here)
{
	for (size_t i = 0; i < condition->capabilities.count; i++) {
		if (!has_capability(here, condition->capabilities.items[i]))
			return false;
	}
	if (condition->machines.count && !names_machine(condition, here))
		return false;
	return !condition->least_kernel || new_enough(condition, here);
}

/* Any of what is said is enough. */
static bool excludes(const struct condition *condition, const struct surroundings *here)
{
	for (size_t i = 0; i < condition->capabilities.count; i++) {
		if (has_capability(here, condition->capabilities.items[i]))
			return true;
	}
	if (names_machine(condition, here))
		return true;
	return condition->least_kernel && new_enough(condition, here);
}

static struct surroundings look_around(const struct utsname *system, uint64_t capabilities)
{
	/* uname -m, the name in profiles (Go's, but "x86" for 386), libseccomp's. */
	static const struct {
		const char *kernel, *profile, *architecture;
	} machines[] = {
		{"x86_64", "amd64", "SCMP_ARCH_X86_64"},
		{"aarch64", "arm64", "SCMP_ARCH_AARCH64"},
		{"armv7l", "arm", "SCMP_ARCH_ARM"},
		{"i686", "x86", "SCMP_ARCH_X86"},
		{"loongarch64", "loong64", "SCMP_ARCH_LOONGARCH64"},
		{"ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE"},
		{"riscv64", "riscv64", "SCMP_ARCH_RISCV64"},
		{"s390x", "s390x", "SCMP_ARCH_S390X"},
	};
	struct surroundings here = {
		.capabilities = capabilities, .machine = "", .architecture = ""};
	for (size_t i = 0; i < array_length(machines); i++) {
		if (text_equal(machines[i].kernel, system->machine)) {
			here.machine = machines[i].profile;
			here.architecture = machines[i].architecture;
		}
	}
	(void)parse_version(system->release, &here.kernel_major, &here.kernel_minor);
	return here;
}

/* ---- from the profile to the plan ---------------------------------------- */

/* Podman writes "errno": "ENOSYS" beside errnoRet; alone it must not become EPERM. */
static int apply_errno(
	const struct json *at, const char *key, const char *name, struct optional_u64 *value)
{
	if (!name || value->given)
		return 0;
	int number = errno_by_name(name);
	if (number < 0)
		return json_refuse_member(at, key, "unknown error %s", json_quote(name).text);
	*value = (struct optional_u64){true, (uint64_t)number};
	return 0;
}

static int filter_rules(const struct json *at, const struct profile *profile,
	const struct surroundings *here, struct plan_seccomp *seccomp)
{
	size_t kept = 0;
	for (size_t i = 0; i < seccomp->rule_count; i++) {
		const struct conditions *conditions = &profile->rules[i];
		struct plan_seccomp_rule rule = seccomp->rules[i];
		if (!includes(&conditions->includes, here) || excludes(&conditions->excludes, here))
			continue;
		int r = apply_errno(at, "syscalls", conditions->errno_name, &rule.errno_return);
		if (r < 0)
			return r;
		seccomp->rules[kept++] = rule;
	}
	seccomp->rule_count = kept;
	return 0;
}

static void apply_machines(const struct profile *profile, const struct surroundings *here,
	struct arena *arena, struct plan_seccomp *seccomp)
{
	for (size_t i = 0; i < profile->machine_count; i++) {
		const struct machine *machine = &profile->machines[i];
		if (seccomp->architectures.count ||
			!text_equal(machine->architecture, here->architecture))
			continue;
		const struct strings *others = &machine->subordinates;
		struct strings all = {arena_new(arena, const char *, others->count + 2), 0};
		all.items[all.count++] = machine->architecture;
		for (size_t k = 0; k < others->count; k++)
			all.items[all.count++] = others->items[k];
		seccomp->architectures = all;
	}
}

int plan_read_seccomp(const char *json, size_t length, const char *name,
	const struct plan_capabilities *capabilities, struct arena *arena,
	struct plan_seccomp *ret_seccomp)
{
	autofini(json_document_fini) struct json_document document = {};
	struct plan_seccomp seccomp = {};
	struct profile profile = {};
	struct utsname system;
	if (uname(&system) < 0)
		return fail(-errno, "read the kernel's version");
	int r = json_parse(json, length, name, arena, &document);
	if (r >= 0)
		r = json_shape_read(&document.top, &seccomp_shape, arena, &seccomp);
	if (r >= 0)
		r = json_shape_read(&document.top, &profile_shape, arena, &profile);
	if (r < 0)
		return r;
	struct surroundings here = look_around(&system, capabilities->bounding);
	apply_machines(&profile, &here, arena, &seccomp);
	r = filter_rules(&document.top, &profile, &here, &seccomp);
	if (r >= 0)
		r = apply_errno(&document.top, "defaultErrno", profile.default_errno_name,
			&seccomp.default_errno_return);
	if (r < 0)
		return r;
	*ret_seccomp = seccomp;
	return 0;
}
