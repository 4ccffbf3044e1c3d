// SPDX-License-Identifier: Apache-2.0

/*
 * Names only; nothing is made here but, in /tmp, the directory that must not be somebody else's.
 *
 * Environments lie: su(1) leaves XDG_RUNTIME_DIR unset, sudo(8) may leave somebody else's HOME. So
 * a directory is used only if it is a directory and the caller's own.
 */

#include "base/places.h"

#include "base/text.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Chosen once, by the command line, before anybody asks. */
static const char *chosen_data, *chosen_state;

void places_choose(const char *data, const char *state)
{
	chosen_data = data;
	chosen_state = state;
}

const char *places_chosen_data(void)
{
	return chosen_data;
}

const char *places_chosen_state(void)
{
	return chosen_state;
}

static bool is_own_directory(const char *path)
{
	struct stat about;
	return !text_empty(path) && path[0] == '/' && lstat(path, &about) == 0 &&
	       S_ISDIR(about.st_mode) && about.st_uid == geteuid();
}

bool places_of_system(void)
{
	return geteuid() == 0 && access("/run", W_OK) == 0;
}

const char *places_home(void)
{
	const char *home = getenv("HOME");
	struct stat about;
	bool good = !text_empty(home) && home[0] == '/' && stat(home, &about) == 0 &&
		    S_ISDIR(about.st_mode) && about.st_uid == geteuid();
	return good ? home : NULL;
}

/* In a directory where everybody may make names, a stranger may have been there first. */
static const char *own_in(const char *top, struct arena *arena)
{
	const char *path = arena_format(arena, "%s/rung-%u", top, (unsigned)geteuid());
	(void)mkdir(path, 0700);
	return is_own_directory(path) ? path : NULL;
}

const char *places_state(const char *part, struct arena *arena)
{
	if (chosen_state)
		return arena_format(arena, "%s/%s", chosen_state, part);
	if (places_of_system())
		return arena_format(arena, "/run/rung/%s", part);
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (!text_empty(runtime))
		return arena_format(arena, "%s/rung/%s", runtime, part);
	const char *usual = arena_format(arena, "/run/user/%u", (unsigned)geteuid());
	if (is_own_directory(usual))
		return arena_format(arena, "%s/rung/%s", usual, part);
	const char *shared = own_in("/tmp", arena);
	if (shared)
		return arena_format(arena, "%s/%s", shared, part);
	return arena_format(arena, "%s/state/%s", places_data(arena), part);
}

const char *places_data(struct arena *arena)
{
	if (chosen_data)
		return chosen_data;
	if (places_of_system())
		return "/var/lib/rung";
	const char *data = getenv("XDG_DATA_HOME"), *home = places_home();
	if (!text_empty(data))
		return arena_format(arena, "%s/rung", data);
	if (home)
		return arena_format(arena, "%s/.local/share/rung", home);
	const char *shared = own_in("/var/tmp", arena);
	return shared ? shared : arena_format(arena, "/var/tmp/rung-%u", (unsigned)geteuid());
}

char **places_environment(struct arena *arena)
{
	static const char *const names[] = {"HOME", "USER", "PATH", "TZ", "XDG_RUNTIME_DIR",
		"XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DBUS_SESSION_BUS_ADDRESS",
		"DBUS_SYSTEM_BUS_ADDRESS"};
	char **kept = arena_new(arena, char *, array_length(names) + 1);
	size_t count = 0;
	for (size_t i = 0; i < array_length(names); i++) {
		const char *value = getenv(names[i]);
		if (value)
			kept[count++] = arena_format(arena, "%s=%s", names[i], value);
	}
	kept[count] = NULL;
	return kept;
}

/* The directory of the running program. */
static bool find_self(char *self, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", self, size - 1);
	if (length < 0)
		return false;
	self[length] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	return slash;
}

const char *programs_find(const char *name, struct arena *arena)
{
	char self[4096];
	if (!find_self(self, sizeof(self)))
		return NULL;
	/* A build tree keeps a program in its folder: "rung-layer" in src/programs/layer, or above.
	 */
	const char *folder = text_starts(name, "rung-") ? name + strlen("rung-") : name;
	const char *const places[] = {
		arena_format(arena, "%s/src/programs/%s", self, name),
		arena_format(arena, "%s/src/programs/%s/%s", self, folder, name),
		arena_format(arena, "%s/%s", self, name),
		arena_format(arena, "%s/../libexec/rung/%s", self, name),
	};
	for (size_t i = 0; i < array_length(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

const char *data_find(const char *name, struct arena *arena)
{
	char self[4096];
	if (!find_self(self, sizeof(self)))
		return NULL;
	const char *const places[] = {
		arena_format(arena, "%s/data/%s", self, name),
		arena_format(arena, "%s/../share/rung/%s", self, name),
		arena_format(arena, "%s/../data/%s", self, name),
	};
	for (size_t i = 0; i < array_length(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}
