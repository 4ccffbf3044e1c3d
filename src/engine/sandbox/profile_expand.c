// SPDX-License-Identifier: Apache-2.0

/*
 * Variables of profiles.
 *
 * A variable never widens what a line says. Downloads may be switched off, which xdg-user-dirs does
 * by making it the home directory itself; ${CWD} in a program that was started in the home
 * directory would be all of it. Both then stand for nothing, and the line is left out or refused:
 * whoever wants the home granted writes "home".
 *
 * Sources: XDG Base Directory specification 0.8, xdg-user-dirs(1).
 */

#include "engine/sandbox/profile_expand.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "plan/permission.h"

#include <fcntl.h>
#include <stdlib.h>

#define USER_DIRS_SIZE_MAX (64u << 10)

const struct profile_places profile_places_of_nobody = {
	.home = "/home/nobody",
	.directory = "/home/nobody/work",
	.project = "/home/nobody/work",
	.runtime = "/run/user/65534",
	.user = "nobody",
	.user_dirs = "",
	.config = "/home/nobody/.config",
	.cache = "/home/nobody/.cache",
	.data = "/home/nobody/.local/share",
	.state = "/home/nobody/.local/state",
};

/* Directories whose contents decide what runs or who one is: never granted as "where I work". */
static const char *const never_worked_in[] = {".ssh", ".gnupg", ".config/rung", ".config/autostart",
	".config/systemd", ".local/share/rung", ".local/share/applications", ".local/bin"};
static const char *const never_whole[] = {".config", ".local", ".local/share", ".cache"};
static const char *const of_the_system[] = {"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib",
	"/opt", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var", "/var/tmp"};

static bool may_be_worked_in(const char *directory, const char *home, struct arena *arena)
{
	if (home && path_is_below(home, directory))
		return false;
	for (size_t i = 0; i < array_length(of_the_system); i++)
		if (text_equal(directory, of_the_system[i]))
			return false;
	for (size_t i = 0; home && i < array_length(never_worked_in); i++)
		if (path_is_below(
			    directory, arena_format(arena, "%s/%s", home, never_worked_in[i])))
			return false;
	for (size_t i = 0; home && i < array_length(never_whole); i++)
		if (text_equal(directory, arena_format(arena, "%s/%s", home, never_whole[i])))
			return false;
	return true;
}

/* git(1) in a subdirectory needs what lies beside it; so do most tools of a project. */
static const char *find_project(const char *directory, const char *home, struct arena *arena)
{
	static const char *const marks[] = {".git", ".hg", ".svn", ".jj"};
	char *above = arena_strdup(arena, directory);
	while (above && may_be_worked_in(above, home, arena)) {
		for (size_t i = 0; i < array_length(marks); i++)
			if (access(arena_format(arena, "%s/%s", above, marks[i]), F_OK) == 0)
				return above;
		char *slash = strrchr(above, '/');
		if (!slash || slash == above)
			break;
		*slash = '\0';
	}
	return directory;
}

static const char *base_directory(
	const char *variable, const char *home, const char *usual, struct arena *arena)
{
	const char *value = getenv(variable);
	if (!text_empty(value) && value[0] == '/')
		return arena_strdup(arena, value);
	return home ? arena_format(arena, "%s/%s", home, usual) : NULL;
}

void profile_places_of_caller(struct arena *arena, struct profile_places *ret_places)
{
	struct profile_places places = {};
	const char *home = places_home(), *runtime = getenv("XDG_RUNTIME_DIR");
	const struct permission_place nowhere = {};
	if (home && path_clean(home, &nowhere, arena, &places.home) < 0)
		error_clear();
	autofree char *directory = get_current_dir_name();
	if (directory && directory[0] == '/' && may_be_worked_in(directory, places.home, arena))
		places.directory = arena_strdup(arena, directory);
	places.project = find_project(places.directory, places.home, arena);
	if (!text_empty(runtime) && runtime[0] == '/')
		places.runtime = arena_strdup(arena, runtime);
	places.user = arena_strdup(arena, getenv("USER"));
	places.config = base_directory("XDG_CONFIG_HOME", places.home, ".config", arena);
	places.cache = base_directory("XDG_CACHE_HOME", places.home, ".cache", arena);
	places.data = base_directory("XDG_DATA_HOME", places.home, ".local/share", arena);
	places.state = base_directory("XDG_STATE_HOME", places.home, ".local/state", arena);
	if (places.config) {
		autofree char *text = NULL;
		const char *file = arena_format(arena, "%s/user-dirs.dirs", places.config);
		if (fs_read(AT_FDCWD, file, USER_DIRS_SIZE_MAX, &text, NULL) == 0)
			places.user_dirs = arena_strdup(arena, text);
	}
	*ret_places = places;
}

/* ---- the person's own names for Downloads and its like ------------------------------------ */

/* XDG_DOWNLOAD_DIR="$HOME/Ladattu": the last such line. NULL: none. */
static const char *user_directory(
	const struct profile_places *places, const char *key, struct arena *arena)
{
	const char *found = NULL;
	for (const char *line = places->user_dirs; line && *line;) {
		size_t length = strcspn(line, "\n");
		const char *at = line + strspn(line, " \t");
		size_t key_length = strlen(key);
		if (strncmp(at, key, key_length) == 0 && at[key_length] == '=' &&
			at[key_length + 1] == '"') {
			at += key_length + 2;
			size_t value = strcspn(at, "\"\n");
			if (strncmp(at, "$HOME", 5) == 0 && (at[5] == '/' || at[5] == '"'))
				found = arena_format(
					arena, "%s%.*s", places->home, (int)value - 5, at + 5);
			else if (at[0] == '/')
				found = arena_strndup(arena, at, value);
		}
		line += length + (line[length] == '\n');
	}
	return found;
}

static const char *user_directory_or_usual(const struct profile_places *places, const char *key,
	const char *usual, struct arena *arena)
{
	const struct permission_place nowhere = {};
	if (!places->home)
		return NULL;
	const char *path = user_directory(places, key, arena);
	if (!path)
		return arena_format(arena, "%s/%s", places->home, usual);
	if (path_clean(path, &nowhere, arena, &path) < 0) {
		error_clear();
		return NULL;
	}
	/* The home itself: switched off. */
	return path_is_below(places->home, path) ? NULL : path;
}

/* ---- variables ------------------------------------------------------------------------------ */

/* 1: known, and *ret_text (NULL: nothing here); 0: unknown. */
static int find_variable(const char *name, const struct profile_places *places, struct arena *arena,
	const char **ret_text)
{
	static const struct {
		const char *name, *key, *usual;
	} user[] = {
		{"DESKTOP", "XDG_DESKTOP_DIR", "Desktop"},
		{"DOCUMENTS", "XDG_DOCUMENTS_DIR", "Documents"},
		{"DOWNLOADS", "XDG_DOWNLOAD_DIR", "Downloads"},
		{"MUSIC", "XDG_MUSIC_DIR", "Music"},
		{"PICTURES", "XDG_PICTURES_DIR", "Pictures"},
		{"PUBLIC", "XDG_PUBLICSHARE_DIR", "Public"},
		{"TEMPLATES", "XDG_TEMPLATES_DIR", "Templates"},
		{"VIDEOS", "XDG_VIDEOS_DIR", "Videos"},
	};
	const struct {
		const char *name, *value;
	} plain[] = {
		{"HOME", places->home},
		{"CWD", places->directory},
		{"PROJECT", places->project},
		{"RUNTIME", places->runtime},
		{"USER", places->user},
		{"CONFIG", places->config},
		{"CACHE", places->cache},
		{"DATA", places->data},
		{"STATE", places->state},
	};
	for (size_t i = 0; i < array_length(plain); i++)
		if (text_equal(name, plain[i].name)) {
			*ret_text = plain[i].value;
			return 1;
		}
	for (size_t i = 0; i < array_length(user); i++)
		if (text_equal(name, user[i].name)) {
			*ret_text =
				user_directory_or_usual(places, user[i].key, user[i].usual, arena);
			return 1;
		}
	return 0;
}

/* Reads "{NAME}" at text. Its length, or negative errno. */
static int expand_one(const char *text, const struct profile_places *places, struct arena *arena,
	struct text *out)
{
	size_t length = text[0] == '{' ? strcspn(text, "}") : 0;
	if (length == 0 || text[length] != '}')
		return refuse(-EINVAL, "write ${NAME}, or \\$ for a dollar sign");
	const char *name = arena_strndup(arena, text + 1, length - 1), *value = NULL;
	if (!find_variable(name, places, arena, &value)) {
		int r = refuse(-EINVAL, "unknown variable ${%s}", name);
		hint("variables are HOME, CWD, PROJECT, RUNTIME, USER, CONFIG, CACHE, DATA, STATE, "
		     "DESKTOP, "
		     "DOCUMENTS, DOWNLOADS, MUSIC, PICTURES, PUBLIC, TEMPLATES and VIDEOS");
		return r;
	}
	if (!value)
		return -ENXIO;
	text_add(out, value);
	return (int)length + 1;
}

int profile_expand(const char *value, const struct profile_places *places, struct arena *arena,
	const char **ret_text)
{
	autofini(text_fini) struct text out = {};
	for (const char *c = value; *c; c++) {
		if (*c == '$') {
			int length = expand_one(c + 1, places, arena, &out);
			if (length < 0)
				return length;
			c += length;
		} else if (*c == '\\') {
			if (!*++c)
				return refuse(-EINVAL, "nothing stands behind \"\\\"");
			text_add_bytes(&out, c, 1);
		} else {
			text_add_bytes(&out, c, 1);
		}
	}
	*ret_text = arena_strdup(arena, text_get(&out));
	return 0;
}
