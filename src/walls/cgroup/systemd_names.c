// SPDX-License-Identifier: Apache-2.0

/*
 * Names of units. systemd.slice(5): a dash is a level, so "a-b.slice" lies in
 * "a.slice"; systemd.unit(5): what a name may hold. An OCI id may hold '+', a
 * unit name may not: it is escaped as systemd-escape(1) does ("\x2b").
 */

#include "walls/cgroup/systemd.h"

#include "base/error.h"
#include "walls/cgroup/internal.h"

#include <errno.h>

#define UNIT_NAME_MAX 255

static bool is_unit_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(":-_.\\@", c));
}

static int check_unit(const char *name)
{
	if (strlen(name) > UNIT_NAME_MAX)
		return refuse(-EINVAL, "systemd unit name \"%.32s…\" has more than %d bytes", name,
			UNIT_NAME_MAX);
	for (const char *c = name; *c; c++)
		if (!is_unit_character(*c))
			return refuse(-EINVAL, "\"%s\" cannot be the name of a systemd unit", name);
	return 0;
}

int systemd_slice_path(const char *slice, struct arena *arena, const char **ret_path)
{
	if (text_equal(slice, "-.slice")) {
		*ret_path = "";
		return 0;
	}
	size_t stem = strlen(slice) - strlen(".slice");
	if (!text_ends(slice, ".slice") || stem == 0 || strchr(slice, '/') || slice[0] == '-' ||
		slice[stem - 1] == '-' || strstr(slice, "--")) {
		int r = refuse(-EINVAL, "\"%s\" is no systemd slice", slice);
		hint("cgroupsPath is \"slice:prefix:name\" here, e.g. \"system.slice:rung:web\"");
		return r;
	}
	int r = check_unit(slice);
	if (r < 0)
		return r;
	autofini(text_fini) struct text path = {};
	for (size_t i = 1; i <= stem; i++)
		if (i == stem || slice[i] == '-')
			text_format(&path, "/%.*s.slice", (int)i, slice);
	/* Every dash repeats what is before it: many make a path longer than paths may be. */
	r = cgroup_path_check(text_get(&path));
	if (r < 0)
		return r;
	*ret_path = arena_strdup(arena, text_get(&path));
	return 0;
}

static const char *escape(const char *name, struct arena *arena)
{
	autofini(text_fini) struct text out = {};
	for (const char *c = name; *c; c++)
		if (is_unit_character(*c))
			text_add_bytes(&out, c, 1);
		else
			text_format(&out, "\\x%02x", (unsigned char)*c);
	return arena_strdup(arena, text_get(&out));
}

int systemd_unit_names(const char *cgroups_path, const char *id, bool user, struct arena *arena,
	const char **ret_slice, const char **ret_unit)
{
	const char *slice = "", *prefix = "rung", *name = id;
	if (!text_empty(cgroups_path)) {
		char *copy = arena_strdup(arena, cgroups_path), *rest = copy;
		slice = strsep(&rest, ":");
		prefix = strsep(&rest, ":");
		name = rest;
		if (text_empty(name) || strchr(name, ':')) {
			int r = refuse(-EINVAL,
				"cgroupsPath \"%s\" is not \"slice:prefix:name\", as the systemd "
				"cgroup driver wants it",
				cgroups_path);
			hint("leave --systemd-cgroup out to use it as a path");
			return r;
		}
	}
	if (slice[0] == '\0')
		slice = user ? "user.slice" : "system.slice";
	const char *unit;
	if (text_ends(name, ".slice"))
		unit = name;
	else if (prefix[0] == '\0')
		unit = arena_format(arena, "%s.scope", escape(name, arena));
	else
		unit = arena_format(arena, "%s-%s.scope", prefix, escape(name, arena));
	int r = check_unit(unit);
	if (r < 0)
		return r;
	*ret_slice = slice;
	*ret_unit = unit;
	return 0;
}
