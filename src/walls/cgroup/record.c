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
#include "plan/json.h"
#include "walls/cgroup/internal.h"

#include <errno.h>

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

/* The string of a member, NULL if there is none. */
static const char *member(const struct json *object, const char *key)
{
	struct json value;
	const char *text = NULL;
	if (!json_find(object, key, &value) || json_string(&value, &text) < 0)
		error_clear();
	return text;
}

static int read_place(const struct json *object, struct cgroup_place *place)
{
	int r = json_expect(object, JSON_OBJECT);
	if (r < 0)
		return r;
	place->controllers = member(object, "controllers");
	place->mount_point = member(object, "mount");
	place->path = member(object, "path");
	if (!place->controllers || !place->mount_point || place->mount_point[0] != '/' ||
		!place->path || place->path[0] != '/')
		return refuse(-EINVAL, "a place has no controllers, mount point or path");
	return cgroup_path_check(place->path);
}

static int read_places(
	const struct json *root, struct arena *arena, struct cgroup_location *location)
{
	struct json places;
	if (!json_find(root, "places", &places) || places.value->type != JSON_ARRAY)
		return refuse(-EINVAL, "there are no places");
	location->places = arena_new(arena, struct cgroup_place, places.value->length);
	for (const struct json_value *child = places.value->first; child; child = child->next) {
		size_t index = location->place_count++;
		struct json at = json_child(&places, child, index);
		int r = read_place(&at, &location->places[index]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_location(
	const struct json *root, struct arena *arena, struct cgroup_location *location)
{
	int r = json_expect(root, JSON_OBJECT);
	if (r < 0)
		return r;
	const char *manager = member(root, "manager");
	bool known = false;
	for (size_t i = 0; manager && i < array_length(manager_names); i++)
		if (text_equal(manager, manager_names[i])) {
			location->manager = (enum cgroup_manager)i;
			known = true;
		}
	if (!known)
		return refuse(-EINVAL, "there is no known manager");
	location->slice = member(root, "slice");
	location->scope = member(root, "scope");
	if (location->manager == CGROUP_SYSTEMD && (!location->slice || !location->scope))
		return refuse(-EINVAL, "the systemd unit has no name");
	struct json user;
	if (json_find(root, "user", &user))
		r = json_boolean(&user, &location->user_manager);
	return r < 0 ? r : read_places(root, arena, location);
}

int cgroup_location_read(
	const struct json *object, struct arena *arena, struct cgroup_location *ret_location)
{
	struct cgroup_location location = {};
	int r = read_location(object, arena, &location);
	if (r < 0)
		return wrap(r, "read cgroup location");
	*ret_location = location;
	return 0;
}
