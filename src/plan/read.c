// SPDX-License-Identifier: Apache-2.0

/*
 * In comes the text of a config.json, out goes a plan or one sentence that says what
 * is wrong and where. The work is in the tables of the chapters; here is what surrounds
 * them: files, paths relative to the bundle, the annotations that mean something.
 */

#include "base/error.h"
#include "base/fs.h"
#include "plan/chapters.h"
#include "plan/oci.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int read_shape(const char *text, size_t length, const char *name,
	const struct json_shape *shape, struct arena *arena, void *target)
{
	if (length > PLAN_JSON_MAX)
		return refuse(-EFBIG, "%s: is larger than %u MiB", name, PLAN_JSON_MAX >> 20);
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text, length, name, arena, &document);
	return r < 0 ? r : json_shape_read(&document.top, shape, arena, target);
}

static void resolve(const char **path, const char *bundle, struct arena *arena)
{
	if (*path && bundle && (*path)[0] != '/')
		*path = arena_format(arena, "%s/%s", bundle, *path);
}

static void resolve_paths(struct plan *plan, const char *bundle)
{
	resolve(&plan->root_path, bundle, &plan->arena);
	for (size_t i = 0; i < plan->mount_count; i++) {
		if (plan->mounts[i].bind)
			resolve(&plan->mounts[i].source, bundle, &plan->arena);
	}
}

static int read_landlock(struct plan *plan, const char *name)
{
	const char *rules = plan_annotation(plan, "org.rung.landlock");
	if (!rules)
		return 0;
	const char *where =
		arena_format(&plan->arena, "%s: annotations[\"org.rung.landlock\"]", name);
	return plan_landlock_parse(rules, where, &plan->arena, &plan->landlock);
}

static int read_into(
	struct plan *plan, const char *json, size_t length, const char *name, const char *bundle)
{
	int r = read_shape(json, length, name, &plan_shape, &plan->arena, plan);
	if (r < 0)
		return r;
	resolve_paths(plan, bundle);
	return read_landlock(plan, name);
}

int plan_read(const char *json, size_t length, const char *name, const char *bundle,
	struct plan *ret_plan)
{
	struct plan plan = {};
	int r = read_into(&plan, json, length, name, bundle);
	if (r < 0) {
		plan_fini(&plan);
		return r;
	}
	*ret_plan = plan;
	return 0;
}

/* The bundle's real path, so that the plan means the same wherever the process goes. */
int plan_read_bundle(const char *bundle, const char *config, struct plan *ret_plan)
{
	autofree char *absolute = realpath(bundle, NULL);
	if (!absolute)
		return fail(-errno, "find bundle %s", bundle);
	autofree char *path = NULL;
	if (!config) {
		if (asprintf(&path, "%s/config.json", absolute) < 0)
			memory_exhausted();
		config = path;
	}
	autofree char *text = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, config, PLAN_JSON_MAX, &text, &length);
	if (r < 0)
		return fail(r, "read %s", config);
	const char *slash = strrchr(config, '/');
	return plan_read(text, length, slash ? slash + 1 : config, absolute, ret_plan);
}

int plan_read_process(const char *json, size_t length, const char *name, struct arena *arena,
	struct plan_process *ret_process)
{
	struct plan_process process = {};
	int r = read_shape(json, length, name, &process_shape, arena, &process);
	if (r >= 0)
		*ret_process = process;
	return r;
}

int plan_read_resources(const char *json, size_t length, const char *name, struct arena *arena,
	struct plan_resources *ret_resources)
{
	struct plan_resources resources = {};
	int r = read_shape(json, length, name, &resources_shape, arena, &resources);
	if (r >= 0)
		*ret_resources = resources;
	return r;
}
