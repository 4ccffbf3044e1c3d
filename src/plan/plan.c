// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

#include "base/text.h"

void plan_fini(struct plan *plan)
{
	struct arena arena = plan->arena;
	*plan = (struct plan){};
	arena_fini(&arena);
}

const char *plan_annotation(const struct plan *plan, const char *key)
{
	for (size_t i = plan->annotation_count; i-- > 0;) {
		if (text_equal(plan->annotations[i].key, key))
			return plan->annotations[i].value;
	}
	return NULL;
}

bool plan_new_namespace(const struct plan *plan, enum plan_namespace kind)
{
	return plan->namespaces[kind].wanted && !plan->namespaces[kind].path;
}

/*
 * As sysctl(8) reads names: whichever of '.' and '/' comes first is the separator, the
 * other one stands for itself ("net.ipv4.conf.eth0/100.forwarding" is eth0.100).
 */
const char *plan_sysctl_path(const char *name, struct arena *arena)
{
	char *path = arena_strdup(arena, name);
	if (path[strcspn(path, "./")] == '.') {
		for (char *c = path; *c; c++)
			*c = (char)(*c == '.' ? '/' : *c == '/' ? '.' : *c);
	}
	for (const char *part = path;; part++) {
		size_t length = strcspn(part, "/");
		if (length == 0 || (length == 1 && part[0] == '.') ||
			(length == 2 && part[0] == '.' && part[1] == '.'))
			return NULL;
		part += length;
		if (*part == '\0')
			return path;
	}
}
