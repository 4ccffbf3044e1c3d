// SPDX-License-Identifier: Apache-2.0

/*
 * What a profile asks for that depends on the start: the program's own directories, and the files
 * that its command line names.
 *
 * An argument is what the person typed or the file manager handed over, so a viewer gets the one
 * document it is started for instead of all of ~/Documents. Nothing that the program does later can
 * add to it.
 */

#include "engine/sandbox/profile.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/places.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

int profile_make_directories(const struct profile *profile)
{
	const char *home = places_home();
	for (size_t i = 0; i < profile->directory_count; i++) {
		const char *path = profile->directories[i];
		/* $XDG_CONFIG_HOME and its like may lead out of it. */
		if (!home || !path_is_below(path, home))
			continue;
		int r = fs_make_dirs(path, 0700);
		if (r < 0)
			return wrap(r, "profile %s", profile->name);
	}
	return 0;
}

/* "%20" → " ": file managers hand over URLs (%u in desktop files, RFC 8089). */
static const char *url_path(const char *text, struct arena *arena)
{
	char *path = arena_strdup(arena, text), *out = path;
	for (const char *in = path; *in; in++) {
		unsigned byte;
		if (in[0] == '%' && isxdigit((unsigned char)in[1]) &&
			isxdigit((unsigned char)in[2]) && sscanf(in + 1, "%2x", &byte) == 1) {
			*out++ = (char)byte;
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return path;
}

static void grant(const char *argument, enum permission_kind kind, struct arena *arena,
	struct permissions *permissions)
{
	struct stat about;
	const char *home = places_home();
	if (text_empty(argument) || stat(argument, &about) < 0)
		return;
	/* As it was written, and what it leads to: the program opens the one and meets the other.
	 */
	autofree char *real = realpath(argument, NULL), *here = get_current_dir_name();
	const struct permission_place place = {.directory = here};
	struct permission permission = {.kind = kind, .answer = PERMISSION_ALLOW};
	if (!real || !here || path_clean(argument, &place, arena, &permission.value) < 0) {
		error_clear();
		return;
	}
	if (S_ISDIR(about.st_mode) &&
		(text_equal(real, "/") || (home && path_is_below(home, real)))) {
		warn("%s is not granted: that is all of the home directory", argument);
		return;
	}
	permissions_add(permissions, &permission, arena);
	if (!text_equal(real, permission.value)) {
		permission.value = arena_strdup(arena, real);
		permissions_add(permissions, &permission, arena);
	}
}

void profile_grant_arguments(const struct profile *profile, const char *const *arguments,
	size_t count, struct arena *arena, struct permissions *permissions)
{
	if (profile->arguments == PROFILE_ARGUMENTS_NONE)
		return;
	enum permission_kind kind =
		profile->arguments == PROFILE_ARGUMENTS_WRITE ? PERMISSION_WRITE : PERMISSION_READ;
	for (size_t i = 0; i < count; i++) {
		const char *argument = arguments[i];
		if (text_starts(argument, "file:///"))
			argument = url_path(argument + strlen("file://"), arena);
		if (argument[0] == '-') {
			const char *equals = strchr(argument, '=');
			argument = equals ? equals + 1 : "";
		}
		grant(argument, kind, arena, permissions);
	}
}
