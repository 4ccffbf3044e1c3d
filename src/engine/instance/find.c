// SPDX-License-Identifier: Apache-2.0

/* Finding instances: by id, by name, by the beginning of an id, all of them. */

#include "base/error.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/image/image.h"
#include "engine/instance/internal.h"
#include "plan/json.h"

#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>

/** How long those who ask for one instance wait for a monitor that is dealing with its end. */
enum { PATIENCE_MS = 2000, REQUEST_MAX = 16 << 20 };

int instance_load(const char *id, struct arena *arena, struct instance *ret_instance)
{
	struct instance instance;
	int r = instance_read(arena_strdup(arena, id), arena, &instance);
	if (r == 0)
		r = instance_settle(&instance, arena, PATIENCE_MS);
	if (r == 0)
		*ret_instance = instance;
	return r;
}

int instance_reload(struct instance *instance, struct arena *arena)
{
	return instance_load(instance->id, arena, instance);
}

static int no_such(const char *word)
{
	return refuse(
		-ENOENT, "no container with name or ID \"%s\" found: no such container", word);
}

/* 1: *ret_id is the only one that begins so. */
static int find_beginning(const char *word, struct arena *arena, const char **ret_id)
{
	DIR *directory = opendir(instance_containers(arena));
	const struct dirent *entry;
	unsigned count = 0;
	while (directory && (entry = readdir(directory))) {
		if (!instance_is_id(entry->d_name) || !text_starts(entry->d_name, word))
			continue;
		if (count++ == 0)
			*ret_id = arena_strdup(arena, entry->d_name);
	}
	if (directory)
		closedir(directory);
	if (count > 1)
		return refuse(-EINVAL, "more than one result for container id %s: give more digits",
			word);
	return (int)count;
}

int instance_find_named(const char *name, struct arena *arena, struct instance *ret_instance)
{
	if (name[0] == '\0' || strchr(name, '/') || name[0] == '.')
		return -ENOENT;
	const char *id = instance_name_owner(name, arena);
	struct instance instance = {};
	int r = id ? instance_load(id, arena, &instance) : -ENOENT;
	if (r != 0)
		return r;
	/* A name that was changed a moment ago, or by a command that was killed. */
	if (!text_equal(instance.name, name))
		return -ENOENT;
	*ret_instance = instance;
	return 0;
}

int instance_find(const char *word, struct arena *arena, struct instance *ret_instance)
{
	int r = instance_is_id(word) ? instance_load(word, arena, ret_instance)
				     : instance_find_named(word, arena, ret_instance);
	if (r != -ENOENT)
		return r;
	error_clear();
	if (text_empty(word) || strspn(word, "0123456789abcdef") != strlen(word))
		return no_such(word);
	const char *id = NULL;
	r = find_beginning(word, arena, &id);
	if (r > 0)
		r = instance_load(id, arena, ret_instance);
	else if (r == 0)
		r = -ENOENT;
	return r == -ENOENT ? no_such(word) : r;
}

static int by_creation(const void *a, const void *b)
{
	const struct instance *one = a, *other = b;
	int order = strcmp(one->created, other->created);
	return order ? order : strcmp(one->id, other->id);
}

int instance_list(struct arena *arena, struct instance **ret_instances, size_t *ret_count)
{
	struct instance *instances = NULL;
	size_t count = 0, room = 0;
	DIR *directory = opendir(instance_containers(arena));
	if (!directory && errno != ENOENT)
		return fail(-errno, "list %s", instance_containers(arena));
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		if (!instance_is_id(entry->d_name)) {
			if (strlen(entry->d_name) > 2) /* a removal that was cut short */
				instance_sweep_one(arena_strdup(arena, entry->d_name), arena);
			continue;
		}
		if (count == room) {
			struct instance *more =
				arena_new(arena, struct instance, room = 2 * room + 32);
			if (count)
				memcpy(more, instances, count * sizeof(*more));
			instances = more;
		}
		struct instance *instance = &instances[count];
		int r = instance_read(arena_strdup(arena, entry->d_name), arena, instance);
		if (r == 0)
			r = instance_settle(instance, arena, 0);
		if (r == 0 && instance->state.status != INSTANCE_REMOVING)
			count++;
		else if (r == -ENOENT)
			instance_sweep_one(arena_strdup(arena, entry->d_name), arena);
		else if (r < 0)
			warn("%s", error_text());
		if (r < 0)
			error_clear();
	}
	if (directory)
		closedir(directory);
	if (count)
		qsort(instances, count, sizeof(*instances), by_creation);
	*ret_instances = instances;
	*ret_count = count;
	return 0;
}

bool instance_is_alive(const struct instance *instance)
{
	switch (instance->state.status) {
	case INSTANCE_INITIALIZED:
	case INSTANCE_RUNNING:
	case INSTANCE_PAUSED:
	case INSTANCE_STOPPING:
		return true;
	default:
		return false;
	}
}

/* ---- what was asked for ------------------------------------------------------------- */

int instance_load_request(
	const struct instance *instance, struct arena *arena, struct run_request *ret_request)
{
	autoclose int fd = open(instance->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "container %s", instance->name);
	autofree char *bytes = NULL;
	size_t length;
	int r = fs_read(fd, "request.json", REQUEST_MAX, &bytes, &length);
	if (r < 0)
		return fail(r, "container %s: read request.json", instance->name);
	autofini(json_document_fini) struct json_document document = {};
	r = json_parse(bytes, length, "request.json", arena, &document);
	if (r < 0)
		return r;
	struct run_request request = RUN_REQUEST_DEFAULTS;
	struct json member;
	if (!json_find(&document.top, "request", &member))
		return json_refuse_member(&document.top, "request", "missing");
	r = run_request_read(&member, arena, &request);
	if (r < 0)
		return wrap(r, "container %s", instance->name);
	request.id = instance->id;
	request.data_root = places_data(arena);
	request.find_peer = instance_find_peer;
	*ret_request = request;
	return 0;
}

int instance_find_peer(
	void *context, const char *name, struct arena *arena, struct run_peer *ret_peer)
{
	(void)context;
	struct instance instance = {};
	int r = instance_find(name, arena, &instance);
	if (r != 0)
		return r;
	struct run_request *request = arena_new(arena, struct run_request, 1);
	r = instance_load_request(&instance, arena, request);
	if (r < 0)
		return r;
	struct run_layer *layer = arena_new(arena, struct run_layer, 1);
	run_layer_in(instance.directory, instance.id, arena, layer);
	request->layer = layer;
	*ret_peer = (struct run_peer){
		.id = instance.id,
		.hostname = request->resolved.hostname,
		.pid = instance_is_alive(&instance) ? instance.state.pid : 0,
		.request = request,
	};
	return 0;
}
