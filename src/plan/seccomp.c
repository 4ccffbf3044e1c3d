// SPDX-License-Identifier: Apache-2.0

/*
 * config-linux.md "Seccomp". System call names are kept as they are: which ones exist
 * is for src/walls/seccomp to know. An errno value where the action takes none "MUST
 * print an error and fail".
 */

#include "plan/chapters.h"

/* SECCOMP_RET_DATA has 16 bits; errno values above MAX_ERRNO read as success in user space. */
#define ERRNO_MAX 4095
#define TRACE_MAX UINT16_MAX

static int check_errno(const struct json *at, const char *key, const char *action,
	const struct optional_u64 *value)
{
	if (!value->given)
		return 0;
	if (!words_find(&seccomp_action_words, action)->value)
		return json_refuse_member(at, key, "%s returns no errno", action);
	if (text_equal(action, "SCMP_ACT_ERRNO") && value->value > ERRNO_MAX)
		return json_refuse_member(
			at, key, "%ju is outside of 0..%d", (uintmax_t)value->value, ERRNO_MAX);
	return 0;
}

static int check_argument(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_seccomp_argument *argument = target;
	if (argument->value_two && !text_equal(argument->operator, "SCMP_CMP_MASKED_EQ"))
		return json_refuse_member(at, "valueTwo", "needs SCMP_CMP_MASKED_EQ");
	return 0;
}

static const struct json_field argument_fields[] = {
	UNSIGNED("index", struct plan_seccomp_argument, index, .highest = 5, .flags = REQUIRED),
	UNSIGNED("value", struct plan_seccomp_argument, value, .flags = REQUIRED),
	UNSIGNED("valueTwo", struct plan_seccomp_argument, value_two),
	NAME("op", struct plan_seccomp_argument, operator, & seccomp_operator_words,
		.flags = REQUIRED),
};
static const struct json_shape argument_shape =
	SHAPE(struct plan_seccomp_argument, argument_fields, .check = check_argument);

static int check_rule(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_seccomp_rule *rule = target;
	if (rule->names.count == 0)
		return json_refuse_member(at, "names", "names no system call");
	return check_errno(at, "errnoRet", rule->action, &rule->errno_return);
}

static const struct json_field rule_fields[] = {
	STRINGS("names", struct plan_seccomp_rule, names, .flags = REQUIRED),
	NAME("action", struct plan_seccomp_rule, action, &seccomp_action_words, .flags = REQUIRED),
	MAYBE_UNSIGNED("errnoRet", struct plan_seccomp_rule, errno_return, .highest = TRACE_MAX),
	ARRAY("args", struct plan_seccomp_rule, arguments, argument_count, &argument_shape),
};
static const struct json_shape rule_shape =
	SHAPE(struct plan_seccomp_rule, rule_fields, .check = check_rule);

static int check_seccomp(const struct json *at, struct arena *arena, void *target)
{
	const struct plan_seccomp *seccomp = target;
	if (seccomp->listener_metadata && !seccomp->listener_path)
		return json_refuse_member(at, "listenerMetadata", "needs listenerPath");
	return check_errno(
		at, "defaultErrnoRet", seccomp->default_action, &seccomp->default_errno_return);
}

static const struct json_field seccomp_fields[] = {
	NAME("defaultAction", struct plan_seccomp, default_action, &seccomp_action_words,
		.flags = REQUIRED),
	MAYBE_UNSIGNED(
		"defaultErrnoRet", struct plan_seccomp, default_errno_return, .highest = TRACE_MAX),
	NAMES("architectures", struct plan_seccomp, architectures, &seccomp_architecture_words),
	NAMES("flags", struct plan_seccomp, flags, &seccomp_flag_words),
	PATH("listenerPath", struct plan_seccomp, listener_path),
	STRING("listenerMetadata", struct plan_seccomp, listener_metadata),
	ARRAY("syscalls", struct plan_seccomp, rules, rule_count, &rule_shape),
};
const struct json_shape seccomp_shape =
	SHAPE(struct plan_seccomp, seccomp_fields, .check = check_seccomp);

static bool rule_names(const struct plan_seccomp_rule *rule, const char *call)
{
	for (size_t i = 0; i < rule->names.count; i++)
		if (text_equal(rule->names.items[i], call))
			return true;
	return false;
}

bool plan_seccomp_notifies(const struct plan_seccomp *profile, const char *call)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (text_equal(profile->rules[i].action, "SCMP_ACT_NOTIFY") &&
			rule_names(&profile->rules[i], call))
			return true;
	return false;
}
