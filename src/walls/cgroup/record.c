// SPDX-License-Identifier: Apache-2.0

/*
 * The location as JSON, for the container's record:
 *
 *	{"manager":"systemd","slice":"user.slice","scope":"rung-web.scope","user":true,
 *	 "places":[{"controllers":"","mount":"/sys/fs/cgroup","path":"/user.slice/…"}]}
 *
 * What is read back decides what gets killed and removed, so it is held to the
 * same grammar as a plan's path even though only we write it.
 */

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <json.h>

static const char *const manager_names[] = {
	[CGROUP_CGROUPFS] = "cgroupfs",
	[CGROUP_SYSTEMD] = "systemd",
	[CGROUP_DISABLED] = "disabled",
};

static void add_member(struct text *out, const char *key, const char *value)
{
	text_format(out, "\"%s\":", key);
	text_json_string(out, value);
}

void cgroup_location_write(const struct cgroup_location *location, struct text *out)
{
	text_add(out, "{");
	add_member(out, "manager", manager_names[location->manager]);
	if (location->scope) {
		text_add(out, ",");
		add_member(out, "slice", location->slice);
		text_add(out, ",");
		add_member(out, "scope", location->scope);
		text_format(out, ",\"user\":%s", location->user_manager ? "true" : "false");
	}
	text_add(out, ",\"places\":[");
	for (size_t i = 0; i < location->place_count; i++) {
		text_add(out, i ? ",{" : "{");
		add_member(out, "controllers", location->places[i].controllers);
		text_add(out, ",");
		add_member(out, "mount", location->places[i].mount_point);
		text_add(out, ",");
		add_member(out, "path", location->places[i].path);
		text_add(out, "}");
	}
	text_add(out, "]}");
}

static const char *member(struct json_object *object, const char *key, struct arena *arena)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	return arena_strdup(arena, json_object_get_string(value));
}

static int read_place(struct json_object *object, struct arena *arena, struct cgroup_place *place)
{
	place->controllers = member(object, "controllers", arena);
	place->mount_point = member(object, "mount", arena);
	place->path = member(object, "path", arena);
	if (!place->controllers || !place->mount_point || place->mount_point[0] != '/' ||
		!place->path || place->path[0] != '/')
		return refuse(-EINVAL, "a place has no controllers, mount point or path");
	return cgroup_path_check(place->path);
}

static int read_location(
	struct json_object *root, struct arena *arena, struct cgroup_location *location)
{
	const char *manager = member(root, "manager", arena);
	bool known = false;
	for (size_t i = 0; manager && i < array_length(manager_names); i++)
		if (text_equal(manager, manager_names[i])) {
			location->manager = (enum cgroup_manager)i;
			known = true;
		}
	if (!known)
		return refuse(-EINVAL, "there is no known manager");
	location->slice = member(root, "slice", arena);
	location->scope = member(root, "scope", arena);
	if (location->manager == CGROUP_SYSTEMD && (!location->slice || !location->scope))
		return refuse(-EINVAL, "the systemd unit has no name");
	struct json_object *user, *places;
	location->user_manager =
		json_object_object_get_ex(root, "user", &user) && json_object_get_boolean(user);

	if (!json_object_object_get_ex(root, "places", &places) ||
		!json_object_is_type(places, json_type_array))
		return refuse(-EINVAL, "there are no places");
	location->place_count = json_object_array_length(places);
	location->places = arena_new(arena, struct cgroup_place, location->place_count);
	for (size_t i = 0; i < location->place_count; i++) {
		int r = read_place(
			json_object_array_get_idx(places, i), arena, &location->places[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_location_read(
	const char *json, size_t length, struct arena *arena, struct cgroup_location *ret_location)
{
	if (length > INT32_MAX)
		return refuse(-EFBIG, "read cgroup location: too long");
	struct json_tokener *tokener = json_tokener_new();
	if (!tokener)
		memory_exhausted();
	struct json_object *root = json_tokener_parse_ex(tokener, json, (int)length);
	enum json_tokener_error problem = json_tokener_get_error(tokener);
	json_tokener_free(tokener);

	struct cgroup_location location = {};
	int r = problem == json_tokener_success && json_object_is_type(root, json_type_object)
			? read_location(root, arena, &location)
			: refuse(-EINVAL, "not a JSON object");
	json_object_put(root);
	if (r < 0)
		return wrap(r, "read cgroup location");
	*ret_location = location;
	return 0;
}
