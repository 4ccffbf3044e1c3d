// SPDX-License-Identifier: Apache-2.0
/*
 * rung's own policy, data/seccomp.json, for a container's capabilities. The file was
 * turned into C when rung was built; choosing the rules and compiling them takes less
 * than a tenth of a millisecond, so every set of capabilities is served alike.
 */
#include "walls/seccomp.h"

#include "walls/seccomp_parts.h"

static struct strings split(const char *names, struct arena *arena)
{
	struct strings list = {};
	for (const char *name = names; *name; name += strlen(name) + 1)
		list.count++;
	list.items = arena_new(arena, const char *, list.count + 1);
	for (size_t i = 0; i < list.count; i++) {
		list.items[i] = names;
		names += strlen(names) + 1;
	}
	return list;
}

void seccomp_policy_for(const struct plan_capabilities *capabilities, struct arena *arena,
	struct plan_seccomp *ret_profile)
{
	/* Not given: nobody has said what the process may have, so the filter grants nothing. */
	uint64_t held = capabilities->given ? capabilities->bounding : 0;
	*ret_profile = seccomp_policy;
	ret_profile->rules = arena_new(arena, struct plan_seccomp_rule, seccomp_policy_rule_count);
	for (size_t i = 0; i < seccomp_policy_rule_count; i++) {
		const struct seccomp_policy_rule *rule = &seccomp_policy_rules[i];
		if ((held & rule->with) != rule->with || held & rule->without)
			continue;
		struct plan_seccomp_rule *chosen = &ret_profile->rules[ret_profile->rule_count++];
		*chosen = rule->rule;
		chosen->names = split(rule->names, arena);
	}
}

int seccomp_default(
	const struct plan_capabilities *capabilities, struct seccomp_program *ret_program)
{
	autofini(arena_fini) struct arena arena = {};
	struct plan_seccomp profile;
	seccomp_policy_for(capabilities, &arena, &profile);
	return seccomp_compile(&profile, ret_program);
}
