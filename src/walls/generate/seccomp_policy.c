// SPDX-License-Identifier: Apache-2.0
/*
 * Runs when rung is built: writes data/seccomp.json as C, without the rules for other
 * machines, so that no JSON is read at a start.
 *
 *	seccomp_policy FILE CPU-FAMILY
 *
 * It is strict: an unknown key or a wrong type ends the build, because a typing error
 * in "excludes" would otherwise open what it should close.
 */
#include <json.h>

#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const capability_names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
};

[[gnu::noreturn, gnu::format(printf, 1, 2)]] static void stop(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("seccomp_policy: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static void expect(const char *key, json_object *value, json_type type)
{
	if (!json_object_is_type(value, type))
		stop("\"%s\" is not of type %s", key, json_type_to_name(type));
}

static const char *string_of(const char *key, json_object *value)
{
	expect(key, value, json_type_string);
	return json_object_get_string(value);
}

static void write_strings(const char *key, json_object *list)
{
	expect(key, list, json_type_array);
	size_t count = json_object_array_length(list);
	fputs("{(const char *[]){", stdout);
	for (size_t i = 0; i < count; i++)
		printf("\"%s\", ", string_of(key, json_object_array_get_idx(list, i)));
	printf("0}, %zu}", count);
}

static void write_names(json_object *list)
{
	expect("names", list, json_type_array);
	fputs("\t\t.names =\n", stdout);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		printf("\t\t\t\"%s\\0\"\n", string_of("names", json_object_array_get_idx(list, i)));
	fputs("\t\t,\n", stdout);
}

static uint64_t capability_set(json_object *list)
{
	expect("caps", list, json_type_array);
	uint64_t set = 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *name = string_of("caps", json_object_array_get_idx(list, i));
		size_t n = 0;
		while (n < sizeof(capability_names) / sizeof(capability_names[0]) &&
			(!capability_names[n] || strcmp(capability_names[n], name) != 0))
			n++;
		if (n == sizeof(capability_names) / sizeof(capability_names[0]))
			stop("unknown capability \"%s\"", name);
		set |= 1ull << n;
	}
	return set;
}

static bool list_has(const char *key, json_object *list, const char *word)
{
	expect(key, list, json_type_array);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(string_of(key, json_object_array_get_idx(list, i)), word) == 0)
			return true;
	return false;
}

/* "includes" or "excludes". *ret_machine: whether it names this one, as none says. */
static uint64_t read_filter(
	const char *key, json_object *filter, const char *cpu, bool none_says, bool *ret_machine)
{
	uint64_t capabilities = 0;
	*ret_machine = none_says;
	if (!filter)
		return 0;
	expect(key, filter, json_type_object);
	json_object_object_foreach (filter, name, value) {
		if (strcmp(name, "caps") == 0)
			capabilities = capability_set(value);
		else if (strcmp(name, "arches") == 0)
			*ret_machine = list_has(name, value, cpu);
		else
			stop("unknown key \"%s\" in \"%s\"", name, key);
	}
	return capabilities;
}

static void write_arguments(json_object *list)
{
	expect("args", list, json_type_array);
	size_t count = json_object_array_length(list);
	fputs("\t\t.rule.arguments = (struct plan_seccomp_argument[]){\n", stdout);
	for (size_t i = 0; i < count; i++) {
		json_object *one = json_object_array_get_idx(list, i);
		expect("args", one, json_type_object);
		fputs("\t\t\t{", stdout);
		json_object_object_foreach (one, key, value) {
			if (strcmp(key, "op") == 0) {
				printf(".operator = \"%s\", ", string_of(key, value));
				continue;
			}
			const char *field = strcmp(key, "index") == 0      ? "index"
					    : strcmp(key, "value") == 0    ? "value"
					    : strcmp(key, "valueTwo") == 0 ? "value_two"
									   : NULL;
			if (!field)
				stop("unknown key \"%s\" in \"args\"", key);
			expect(key, value, json_type_int);
			printf(".%s = %juu, ", field, (uintmax_t)json_object_get_uint64(value));
		}
		fputs("},\n", stdout);
	}
	printf("\t\t},\n\t\t.rule.argument_count = %zu,\n", count);
}

static void write_rule(json_object *rule, const char *cpu)
{
	expect("syscalls", rule, json_type_object);
	bool included, excluded;
	uint64_t with = read_filter(
		"includes", json_object_object_get(rule, "includes"), cpu, true, &included);
	uint64_t without = read_filter(
		"excludes", json_object_object_get(rule, "excludes"), cpu, false, &excluded);
	if (!included || excluded)
		return;
	printf("\t{\n\t\t.with = %#jx,\n\t\t.without = %#jx,\n", (uintmax_t)with,
		(uintmax_t)without);
	json_object_object_foreach (rule, key, value) {
		if (strcmp(key, "names") == 0) {
			write_names(value);
		} else if (strcmp(key, "action") == 0) {
			printf("\t\t.rule.action = \"%s\",\n", string_of(key, value));
		} else if (strcmp(key, "errnoRet") == 0) {
			expect(key, value, json_type_int);
			printf("\t\t.rule.errno_return = {true, %d},\n",
				json_object_get_int(value));
		} else if (strcmp(key, "args") == 0) {
			write_arguments(value);
		} else if (strcmp(key, "comment") != 0 && strcmp(key, "includes") != 0 &&
			   strcmp(key, "excludes") != 0) {
			stop("unknown key \"%s\" in \"syscalls\"", key);
		}
	}
	fputs("\t},\n", stdout);
}

/* By machine, because a profile that is given to others must not list what it cannot be for. */
static void write_architectures(json_object *machines, const char *cpu)
{
	expect("architectures", machines, json_type_object);
	json_object *list = json_object_object_get(machines, cpu);
	if (!list)
		stop("\"architectures\" has no machine \"%s\"", cpu);
	fputs("\t.architectures = ", stdout);
	write_strings("architectures", list);
	fputs(",\n", stdout);
}

int main(int argc, char **argv)
{
	json_object *policy = argc == 3 ? json_object_from_file(argv[1]) : NULL;
	if (!policy)
		stop("cannot read %s: %s", argc == 3 ? argv[1] : "(no file)",
			json_util_get_last_err());
	puts("/* Written by generate/seccomp_policy.c when rung was built. */\n"
	     "#include \"walls/seccomp_parts.h\"\n\n"
	     "const struct plan_seccomp seccomp_policy = {");
	json_object *rules = NULL;
	json_object_object_foreach (policy, key, value) {
		if (strcmp(key, "defaultAction") == 0) {
			printf("\t.default_action = \"%s\",\n", string_of(key, value));
		} else if (strcmp(key, "defaultErrnoRet") == 0) {
			expect(key, value, json_type_int);
			printf("\t.default_errno_return = {true, %d},\n",
				json_object_get_int(value));
		} else if (strcmp(key, "architectures") == 0) {
			write_architectures(value, argv[2]);
		} else if (strcmp(key, "syscalls") == 0) {
			expect(key, value, json_type_array);
			rules = value;
		} else if (strcmp(key, "comment") != 0) {
			stop("unknown key \"%s\"", key);
		}
	}
	puts("};\n\nconst struct seccomp_policy_rule seccomp_policy_rules[] = {");
	for (size_t i = 0; rules && i < json_object_array_length(rules); i++)
		write_rule(json_object_array_get_idx(rules, i), argv[2]);
	puts("};\nconst size_t seccomp_policy_rule_count =\n"
	     "\tsizeof(seccomp_policy_rules) / sizeof(seccomp_policy_rules[0]);");
	json_object_put(policy);
	return fflush(stdout) == 0 ? 0 : 1;
}
