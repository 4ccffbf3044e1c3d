// SPDX-License-Identifier: Apache-2.0

/*
 * The annotation "org.rung.landlock" (no runtime had a way to say this). Presence
 * decides what is handled: with "paths" every file access that no entry grants is
 * denied, with "ports" every TCP bind and connect; an empty list grants nothing.
 */

#include "base/error.h"
#include "plan/oci.h"
#include "plan/shape.h"

#define RULES struct plan_landlock

static const struct json_field path_fields[] = {
	PATH("path", struct plan_landlock_path, path, .flags = REQUIRED),
	FLAGS("access", struct plan_landlock_path, access, &landlock_file_words, .flags = REQUIRED),
};
static const struct json_shape path_shape = SHAPE(struct plan_landlock_path, path_fields);

static const struct json_field port_fields[] = {
	UNSIGNED("port", struct plan_landlock_port, port, .flags = REQUIRED),
	FLAGS("access", struct plan_landlock_port, access, &landlock_port_words, .flags = REQUIRED),
};
static const struct json_shape port_shape = SHAPE(struct plan_landlock_port, port_fields);

static uint64_t all_of(const struct words *words)
{
	uint64_t all = 0;
	for (size_t i = 0; i < words->count; i++)
		all |= words->items[i].value;
	return all;
}

static int complete_rules(const struct json *at, struct arena *arena, void *target)
{
	struct plan_landlock *rules = target;
	struct json ignored;
	rules->given = true;
	if (json_find(at, "paths", &ignored))
		rules->handled_fs = all_of(&landlock_file_words);
	if (json_find(at, "ports", &ignored))
		rules->handled_net = all_of(&landlock_port_words);
	if (!rules->handled_fs && !rules->handled_net && !rules->scoped)
		return json_refuse(at, "has neither paths nor ports nor scoped");
	return 0;
}

static const struct json_field landlock_fields[] = {
	ARRAY("paths", RULES, paths, path_count, &path_shape),
	ARRAY("ports", RULES, ports, port_count, &port_shape),
	FLAGS("scoped", RULES, scoped, &landlock_scope_words),
	BOOL("bestEffort", RULES, best_effort),
};
static const struct json_shape landlock_shape =
	SHAPE(RULES, landlock_fields, .check = complete_rules);

int plan_landlock_parse(
	const char *json, const char *where, struct arena *arena, struct plan_landlock *ret_rules)
{
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(json, strlen(json), where, arena, &document);
	struct plan_landlock rules = {};
	if (r >= 0)
		r = json_shape_read(&document.top, &landlock_shape, arena, &rules);
	if (r < 0)
		return r;
	*ret_rules = rules;
	return 0;
}
