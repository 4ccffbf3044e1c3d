// SPDX-License-Identifier: Apache-2.0

/*
 * Where doors stand, and what their keeper is told (src/programs/door/handoff.h).
 *
 * With --ask, --learn or --audit a door stands in place of the home directory and of everything at
 * the top of the host's tree that the sandbox does not show anyway; `ask` lines of a profile put
 * one at their directory. What is granted within a door is mounted over it by PID 1, as elsewhere,
 * with its writes caught; so the keeper hears of refusals and questions alone.
 */

#include "base/error.h"
#include "base/log.h"
#include "base/places.h"
#include "engine/sandbox/compose.h"
#include "engine/sandbox/memory.h"
#include "rungs/sandbox/doors_files.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static bool is_directory(const char *path)
{
	struct stat about;
	return lstat(path, &about) == 0 && S_ISDIR(about.st_mode) && access(path, X_OK) == 0;
}

static bool overlaps(const struct composing *composing, const char *path)
{
	for (size_t i = 0; i < composing->door_count; i++)
		if (path_is_below(path, composing->doors[i]) ||
			path_is_below(composing->doors[i], path))
			return true;
	return false;
}

static void add_door(struct composing *composing, const char *path)
{
	if (composing->door_count < SANDBOX_DOORS_MAX && !overlaps(composing, path))
		composing->doors[composing->door_count++] = path;
}

/* What is shown, or made for it, as a whole: no door may stand there or above. */
static bool is_taken(const struct composing *composing, const char *path)
{
	static const char *const own[] = {"/dev", "/proc", "/run", "/tmp", "/var", "/sys", "/etc"};
	for (size_t i = 0; i < array_length(own); i++)
		if (text_equal(path, own[i]))
			return true;
	for (size_t i = 0; i < composing->tree_count; i++) {
		const struct composed_tree *tree = &composing->trees[i];
		bool shown = text_equal(tree->path, path) ||
			     (tree->system && path_is_below(tree->path, path));
		if (shown && !tree->gone)
			return true;
	}
	return false;
}

static void add_everywhere(struct composing *composing)
{
	if (composing->home && !is_taken(composing, composing->home))
		add_door(composing, composing->home);
	DIR *root = opendir("/");
	const struct dirent *entry;
	while (root && (entry = readdir(root))) {
		const char *path = arena_format(composing->arena, "/%s", entry->d_name);
		if (entry->d_name[0] != '.' && is_directory(path) && !is_taken(composing, path))
			add_door(composing, path);
	}
	if (root)
		closedir(root);
}

static void add_asked(struct composing *composing)
{
	const struct permissions *permissions = &composing->wishes->permissions;
	for (size_t i = 0; i < permissions->count; i++) {
		const struct permission *permission = &permissions->items[i];
		const char *path =
			permission->kind == PERMISSION_HOME ? composing->home : permission->value;
		bool files = permission_has_path(permission->kind) ||
			     permission->kind == PERMISSION_HOME;
		if (permission->answer != PERMISSION_ASK || !files || !path)
			continue;
		if (is_directory(path))
			add_door(composing, path);
	}
}

/* ---- what the keeper is told ---------------------------------------------------------------- */

static void add_member(struct text *text, const char *name, const char *value)
{
	if (!value)
		return;
	text_format(text, ",\"%s\":", name);
	text_json_string(text, value);
}

/* Either what PID 1 mounts within the doors, or all else. */
static void add_permissions(
	const struct composing *composing, const char *member, bool granted, struct text *text)
{
	const struct permissions *permissions = &composing->wishes->permissions;
	const char *separator = "";
	text_format(text, ",\"%s\":[", member);
	for (size_t i = 0; i < permissions->count; i++) {
		const struct permission *permission = &permissions->items[i];
		bool files = permission_has_path(permission->kind) ||
			     permission->kind == PERMISSION_HOME;
		if ((files && permission->answer == PERMISSION_ALLOW) != granted)
			continue;
		text_add(text, separator);
		text_json_string(text, arena_format(composing->arena, "%s %s",
					       permission_answer_names[permission->answer],
					       permission_word(permission, composing->arena)));
		separator = ",";
	}
	text_add(text, "]");
}

/* Remembered answers belong to the file that runs, wherever the name was found. */
static const char *find_program(const struct composing *composing)
{
	const char *name = composing->wishes->program, *path = getenv("PATH");
	char real[4096];
	if (strchr(name, '/'))
		return realpath(name, real) ? arena_strdup(composing->arena, real) : name;
	for (const char *end; path; path = *end ? end + 1 : NULL) {
		end = strchrnul(path, ':');
		const char *candidate =
			arena_format(composing->arena, "%.*s/%s", (int)(end - path), path, name);
		if (access(candidate, X_OK) == 0)
			return realpath(candidate, real) ? arena_strdup(composing->arena, real)
							 : candidate;
	}
	return name;
}

static const char *policy_of(const struct composing *composing)
{
	static const char *const otherwise[] = {
		[SANDBOX_NOT_ASKING] = "deny",
		[SANDBOX_ASKING] = "ask",
		[SANDBOX_LEARNING] = "allow-and-record",
		[SANDBOX_AUDITING] = "allow-and-record",
	};
	const struct sandbox_wishes *wishes = composing->wishes;
	const char *program = find_program(composing), *memory = NULL;
	autofini(text_fini) struct text text = {};
	text_add(&text, "\"program\":");
	text_json_string(&text, program);
	if (wishes->name && wishes->name[0])
		add_member(&text, "name", wishes->name);
	add_member(&text, "default", otherwise[wishes->asking]);
	add_member(&text, "home", composing->home);
	add_member(&text, "learn", wishes->learn_file);
	if (wishes->state_path)
		add_member(&text, "socket",
			arena_format(composing->arena, "%s.ask", wishes->state_path));
	if (memory_file_of(program, composing->arena, &memory) < 0)
		error_clear();
	add_member(&text, "memory", memory);
	if (wishes->asking == SANDBOX_AUDITING)
		text_add(&text, ",\"audit\":true");
	add_permissions(composing, "permissions", false, &text);
	add_permissions(composing, "granted", true, &text);
	return arena_strdup(composing->arena, text_get(&text));
}

static int find_keeper(struct composing *composing, struct sandbox_doors *doors)
{
	doors->program = programs_find("rung-door", composing->arena);
	if (doors->program)
		return 0;
	int r = refuse(-ENOENT, "rung-door is not installed, and something is to be asked for");
	hint("it belongs beside rung, or into ../libexec/rung of where rung is");
	return r;
}

/* Whether anything may go out or come in: now, or once somebody said yes. */
static bool wants_network(const struct sandbox_wishes *wishes)
{
	const struct permissions *permissions = &wishes->permissions;
	for (size_t i = 0; i < permissions->count; i++) {
		const struct permission *item = &permissions->items[i];
		bool network = item->kind == PERMISSION_NET || item->kind == PERMISSION_LISTEN;
		if (network && item->answer != PERMISSION_DENY)
			return true;
	}
	return wishes->asking != SANDBOX_NOT_ASKING;
}

int compose_doors(struct composing *composing)
{
	const struct sandbox_wishes *wishes = composing->wishes;
	add_asked(composing);
	if (wishes->asking != SANDBOX_NOT_ASKING)
		add_everywhere(composing);
	int possible = composing->door_count ? sandbox_file_door_possible() : 0;
	if (possible < 0) {
		warn("/dev/fuse: %s: nobody can be asked for files, so they are refused",
			strerror(-possible));
		composing->door_count = 0;
	}
	bool network = wants_network(wishes);
	if (composing->door_count == 0 && !network)
		return 0;
	struct sandbox_doors *doors = arena_new(composing->arena, struct sandbox_doors, 1);
	int r = find_keeper(composing, doors);
	if (r < 0)
		return r;
	const char **paths = arena_new(composing->arena, const char *, composing->door_count);
	memcpy(paths, composing->doors, composing->door_count * sizeof(*paths));
	doors->paths = paths;
	doors->path_count = composing->door_count;
	doors->network = network;
	doors->permissions = &wishes->permissions;
	doors->policy = policy_of(composing);
	composing->request->doors = doors;
	return 0;
}

bool compose_behind_door(const struct composing *composing, const char *path)
{
	for (size_t i = 0; i < composing->door_count; i++)
		if (path_is_below(path, composing->doors[i]))
			return true;
	return false;
}
