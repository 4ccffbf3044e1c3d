// SPDX-License-Identifier: Apache-2.0

/*
 * Container Device Interface (CDI specification 0.8): a vendor's JSON files in /etc/cdi and
 * /var/run/cdi say what a container needs for a device: nodes, mounts, variables, hooks, groups.
 * Files in YAML are not read; the error says so where one may hold what was asked for.
 *
 * A name is "vendor.com/class=device"; the file's "kind" is what stands before "=". What the file
 * wants for all its devices ("containerEdits" at the top) comes with the first.
 */

#include "base/error.h"
#include "base/fs.h"
#include "engine/container/internal.h"
#include "engine/container/mount_words.h"
#include "plan/oci.h"
#include "plan/shape.h"

#include <dirent.h>
#include <fcntl.h>

#define FILE_MAX (4u << 20)

struct cdi_node {
	const char *path, *host_path, *permissions;
};

struct cdi_mount {
	const char *host_path, *container_path, *type;
	struct strings options;
};

struct cdi_hook {
	const char *name, *path;
	struct strings arguments, environment;
	uint32_t timeout_s;
};

struct cdi_edits {
	struct strings environment;
	struct cdi_node *nodes;
	struct cdi_mount *mounts;
	struct cdi_hook *hooks;
	size_t node_count, mount_count, hook_count;
};

struct cdi_device {
	const char *name;
	struct cdi_edits edits;
};

struct cdi_file {
	const char *version, *kind;
	struct cdi_device *devices;
	size_t device_count;
	struct cdi_edits edits;
};

/* clang-format off */
static const struct json_field node_fields[] = {
	STRING("path", struct cdi_node, path, .flags = REQUIRED),
	STRING("hostPath", struct cdi_node, host_path),
	STRING("permissions", struct cdi_node, permissions),
};
static const struct json_shape node_shape = SHAPE(struct cdi_node, node_fields);

static const struct json_field mount_fields[] = {
	STRING("hostPath", struct cdi_mount, host_path, .flags = REQUIRED),
	STRING("containerPath", struct cdi_mount, container_path, .flags = REQUIRED),
	STRING("type", struct cdi_mount, type),
	STRINGS("options", struct cdi_mount, options),
};
static const struct json_shape mount_shape = SHAPE(struct cdi_mount, mount_fields);

static const struct json_field hook_fields[] = {
	STRING("hookName", struct cdi_hook, name, .flags = REQUIRED),
	STRING("path", struct cdi_hook, path, .flags = REQUIRED),
	STRINGS("args", struct cdi_hook, arguments),
	STRINGS("env", struct cdi_hook, environment),
	UNSIGNED("timeout", struct cdi_hook, timeout_s),
};
static const struct json_shape hook_shape = SHAPE(struct cdi_hook, hook_fields);

static const struct json_field edit_fields[] = {
	STRINGS("env", struct cdi_edits, environment),
	ARRAY("deviceNodes", struct cdi_edits, nodes, node_count, &node_shape),
	ARRAY("mounts", struct cdi_edits, mounts, mount_count, &mount_shape),
	ARRAY("hooks", struct cdi_edits, hooks, hook_count, &hook_shape),
};
static const struct json_shape edit_shape = SHAPE(struct cdi_edits, edit_fields);

static const struct json_field device_fields[] = {
	STRING("name", struct cdi_device, name, .flags = REQUIRED),
	OBJECT("containerEdits", struct cdi_device, edits, &edit_shape),
};
static const struct json_shape device_shape = SHAPE(struct cdi_device, device_fields);

static const struct json_field file_fields[] = {
	STRING("cdiVersion", struct cdi_file, version, .flags = REQUIRED),
	STRING("kind", struct cdi_file, kind, .flags = REQUIRED),
	ARRAY("devices", struct cdi_file, devices, device_count, &device_shape),
	OBJECT("containerEdits", struct cdi_file, edits, &edit_shape),
};
static const struct json_shape file_shape = SHAPE(struct cdi_file, file_fields);
/* clang-format on */

/* ---- what a device wants -------------------------------------------------------------------- */

static int add_hook(const struct cdi_hook *hook, struct plan *plan)
{
	for (int kind = 0; kind < PLAN_HOOK_COUNT; kind++) {
		if (!text_equal(hook->name, plan_hook_names[kind]))
			continue;
		size_t count = plan->hooks.count[kind];
		struct plan_hook *more = arena_new(&plan->arena, struct plan_hook, count + 1);
		if (count)
			memcpy(more, plan->hooks.items[kind], count * sizeof(*more));
		more[count] = (struct plan_hook){.path = hook->path,
			.arguments = hook->arguments,
			.environment = hook->environment,
			.timeout_s = hook->timeout_s};
		plan->hooks.items[kind] = more;
		plan->hooks.count[kind] = count + 1;
		return 0;
	}
	return refuse(-EINVAL, "CDI: there is no hook \"%s\"", hook->name);
}

static int apply(const struct cdi_edits *edits, struct plan *plan, struct run_plan_mounts *mounts)
{
	for (size_t i = 0; i < edits->environment.count; i++)
		run_strings_add(
			&plan->process.environment, edits->environment.items[i], &plan->arena);
	for (size_t i = 0; i < edits->node_count; i++) {
		const struct cdi_node *node = &edits->nodes[i];
		const char *host = node->host_path ? node->host_path : node->path;
		int r = run_add_device("CDI device node", host, node->path,
			node->permissions ? node->permissions : "rwm", plan, mounts);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < edits->mount_count; i++) {
		const struct cdi_mount *wanted = &edits->mounts[i];
		struct plan_mount mount = {.destination = wanted->container_path,
			.source = wanted->host_path,
			.type = wanted->type ? wanted->type : "bind",
			.bind = !wanted->type || text_equal(wanted->type, "bind"),
			.recursive = true};
		plan_mount_options(&mount, &wanted->options, &plan->arena);
		*run_plan_mounts_add(mounts, &plan->arena) = mount;
	}
	int r = 0;
	for (size_t i = 0; r == 0 && i < edits->hook_count; i++)
		r = add_hook(&edits->hooks[i], plan);
	return r;
}

/* ---- files
 * --------------------------------------------------------------------------------------- */

struct search {
	const char *kind, *device, *name;
	struct arena *arena;
	struct cdi_file file; /* the one that has it */
	bool found, met_yaml;
};

static bool has_device(const struct search *search, const struct cdi_file *file)
{
	if (!text_equal(file->kind, search->kind))
		return false;
	for (size_t i = 0; i < file->device_count; i++)
		if (text_equal(file->devices[i].name, search->device))
			return true;
	return text_equal(search->device, "all") && file->device_count > 0;
}

static int look_into(struct search *search, const char *path)
{
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(AT_FDCWD, path, FILE_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "%s", path);
	autofini(json_document_fini) struct json_document document = {};
	r = json_parse(bytes, length, path, search->arena, &document);
	struct cdi_file file = {};
	if (r == 0)
		r = json_shape_read(&document.top, &file_shape, search->arena, &file);
	if (r == 0 && has_device(search, &file)) {
		search->file = file;
		search->found = true;
	}
	return r;
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);
	return length > tail && text_equal(name + length - tail, end);
}

static int look_below(struct search *search, const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int r = 0;
	while (r == 0 && directory && (entry = readdir(directory))) {
		const char *name = entry->d_name;
		if (ends_with(name, ".yaml") || ends_with(name, ".yml"))
			search->met_yaml = true;
		if (name[0] != '.' && ends_with(name, ".json"))
			r = look_into(search, arena_format(search->arena, "%s/%s", path, name));
	}
	if (directory)
		closedir(directory);
	return r;
}

int run_cdi_device(const char *name, struct plan *plan, struct run_plan_mounts *mounts)
{
	/* The later one wins (CDI specification, "Specification files"). */
	static const char *const places[] = {"/etc/cdi", "/var/run/cdi"};
	size_t length = strcspn(name, "=");
	struct search search = {.kind = arena_strndup(&plan->arena, name, length),
		.device = name + length + 1,
		.name = name,
		.arena = &plan->arena};
	for (size_t i = 0; i < array_length(places); i++) {
		int r = look_below(&search, places[i]);
		if (r < 0)
			return wrap(r, "device %s", name);
	}
	if (!search.found) {
		int r = refuse(-ENOENT, "no CDI file knows the device %s", name);
		hint(search.met_yaml ? "files in YAML are not read; write them as JSON: nvidia-ctk "
				       "cdi generate --format json"
				     : "its vendor's program writes one into /etc/cdi: nvidia-ctk "
				       "cdi generate --format json --output /etc/cdi/nvidia.json");
		return r;
	}
	bool all = text_equal(search.device, "all");
	bool named_all = false;
	for (size_t i = 0; i < search.file.device_count; i++)
		named_all = named_all || text_equal(search.file.devices[i].name, "all");
	int r = apply(&search.file.edits, plan, mounts);
	for (size_t i = 0; r == 0 && i < search.file.device_count; i++)
		if (text_equal(search.file.devices[i].name, search.device) || (all && !named_all))
			r = apply(&search.file.devices[i].edits, plan, mounts);
	return r < 0 ? wrap(r, "device %s", name) : 0;
}
