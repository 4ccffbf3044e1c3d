// SPDX-License-Identifier: Apache-2.0

/*
 * From a profile's name to what it grants on this machine: its includes read in their place,
 * variables replaced, what is missing left out, and of two lines about the same thing the later.
 *
 * Each permission keeps the line it came from, for a person who asks why the program may do that.
 */

#include "engine/sandbox/profile.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "engine/sandbox/profile_expand.h"
#include "engine/sandbox/profile_places.h"
#include "engine/sandbox/profile_text.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>

#define PERMISSIONS_MAX 1024

struct line {
	struct permission permission;
	struct profile_origin origin;
};

struct reading {
	struct arena *arena;
	struct profile_places places;
	bool showing; /* keep what this machine lacks */
	struct line *lines;
	size_t line_count;
	const char **directories;
	size_t directory_count;
	const char *open[PROFILE_DEPTH_MAX]; /* files that include each other just now */
	unsigned depth;
	const char *taken[PERMISSIONS_MAX]; /* includes, each read once */
	size_t taken_count;
	struct profile *profile;
};

/* ---- permissions ------------------------------------------------------------------------- */

static bool same_thing(const struct permission *a, const struct permission *b)
{
	return a->kind == b->kind && a->port == b->port &&
	       (a->value == b->value || (a->value && b->value && text_equal(a->value, b->value)));
}

static int keep_permission(struct reading *reading, const struct permission *permission,
	const struct profile_origin *origin)
{
	size_t kept = 0;
	for (size_t i = 0; i < reading->line_count; i++)
		if (!same_thing(&reading->lines[i].permission, permission))
			reading->lines[kept++] = reading->lines[i];
	if (kept == PERMISSIONS_MAX)
		return refuse(-E2BIG, "%s:%u: more than %d permissions", origin->file, origin->line,
			PERMISSIONS_MAX);
	reading->lines[kept] = (struct line){*permission, *origin};
	reading->line_count = kept + 1;
	return 0;
}

/* What stands for nothing here is shown as it was written, and otherwise left out. */
static int keep_nothing(struct reading *reading, const struct profile_statement *statement,
	struct profile_origin *origin)
{
	const char *value = strchr(statement->value, '=');
	struct permission permission = {.kind = statement->kind,
		.answer = statement->answer,
		.value = value ? value + 1 : NULL};
	if (reading->showing) {
		origin->missing = true;
		return keep_permission(reading, &permission, origin);
	}
	if (!statement->mark && statement->answer == PERMISSION_ALLOW)
		warn("%s:%u: %s is left out: there is no such directory here, or it is one that "
		     "is not given whole",
			origin->file, origin->line, origin->written);
	return 0;
}

/* A line before it had a "+". */
static bool will_be_made(const struct reading *reading, const char *path)
{
	for (size_t i = 0; path && i < reading->directory_count; i++)
		if (path_is_below(reading->directories[i], path))
			return true;
	return false;
}

static int take_permission(
	struct reading *reading, const struct profile_statement *statement, const char *file)
{
	struct arena *arena = reading->arena;
	autofini(text_fini) struct text written = {};
	const struct permission_place place = {.home = reading->places.home};
	struct permission permission = {};
	const char *word = NULL;
	struct profile_statement bare = *statement;
	bare.comment = NULL;
	profile_print_statement(&bare, &written);
	struct profile_origin origin = {.file = file,
		.line = statement->line,
		.written = arena_strdup(arena, text_get(&written))};
	bool homeless = !place.home && strstr(statement->value, "=~");
	int r = homeless ? -ENXIO
			 : profile_expand(statement->value, &reading->places, arena, &word);
	if (r == -ENXIO)
		return keep_nothing(reading, statement, &origin);
	if (r == 0)
		r = permission_parse(word, statement->answer, &place, arena, &permission);
	if (r < 0)
		return wrap(r, "%s:%u", file, statement->line);
	origin.missing = permission_has_path(permission.kind) && permission.value &&
			 access(permission.value, F_OK) < 0;
	if (!origin.missing || reading->showing || will_be_made(reading, permission.value))
		return keep_permission(reading, &permission, &origin);
	if (statement->mark == '+') {
		reading->directories[reading->directory_count++] = permission.value;
		return keep_permission(reading, &permission, &origin);
	}
	/* Nothing needs to be denied where nothing is. */
	if (statement->mark == '?' || statement->answer == PERMISSION_DENY)
		return 0;
	r = fail(-errno, "%s:%u: %s", file, statement->line, permission.value);
	hint("write %s=?PATH where the path may be missing", permission_kind_name(permission.kind));
	return r;
}

/* ---- files --------------------------------------------------------------------------------- */

static int take_file(struct reading *reading, const char *path, bool top);

static int take_include(
	struct reading *reading, const struct profile_statement *statement, const char *file)
{
	const char *name = statement->value, *path;
	if (profile_locate(name, ".include", PROFILE_OF_USER, reading->arena, &path, NULL) < 0 &&
		profile_locate(name, ".profile", PROFILE_OF_USER, reading->arena, &path, NULL) < 0)
		return refuse(-ENOENT, "%s:%u: include %s: there is no such profile", file,
			statement->line, name);
	for (unsigned i = 0; i < reading->depth; i++)
		if (text_equal(reading->open[i], path))
			return refuse(-ELOOP, "%s:%u: include %s: %s includes itself", file,
				statement->line, name, path);
	for (size_t i = 0; i < reading->taken_count; i++)
		if (text_equal(reading->taken[i], path))
			return 0;
	if (reading->depth == PROFILE_DEPTH_MAX || reading->taken_count == PERMISSIONS_MAX)
		return refuse(-ELOOP, "%s:%u: include %s: too many includes", file, statement->line,
			name);
	reading->taken[reading->taken_count++] = path;
	return take_file(reading, path, false);
}

static void take_limit(struct profile_limits *limits, const struct profile_statement *statement)
{
	switch (statement->limit) {
	case PROFILE_LIMIT_MEMORY:
		limits->memory_bytes = statement->amount;
		break;
	case PROFILE_LIMIT_CPUS:
		limits->cpus_billionths = (int64_t)statement->amount;
		break;
	case PROFILE_LIMIT_PIDS:
		limits->pids = statement->amount;
		break;
	case PROFILE_LIMIT_TIME:
		limits->time_ns = (int64_t)statement->amount;
		break;
	case PROFILE_LIMIT_DISK:
		limits->disk_bytes = statement->amount;
		break;
	}
}

static int take_statement(struct reading *reading, const struct profile_statement *statement,
	const char *file, bool top)
{
	struct profile *profile = reading->profile;
	switch (statement->word) {
	case PROFILE_SUMMARY:
		if (top)
			profile->summary = statement->value;
		return 0;
	case PROFILE_INCLUDE:
		return take_include(reading, statement, file);
	case PROFILE_PERMISSION:
		return take_permission(reading, statement, file);
	case PROFILE_LIMIT:
		take_limit(&profile->limits, statement);
		return 0;
	case PROFILE_WRITES:
		profile->writes = (enum profile_writes)statement->choice;
		return 0;
	case PROFILE_ARGUMENTS:
		profile->arguments = (enum profile_arguments)statement->choice;
		return 0;
	default:
		return 0;
	}
}

/* "/a/b/firefox.profile" → "firefox" */
static const char *name_of(const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	return dot && dot > name ? arena_strndup(arena, name, (size_t)(dot - name)) : name;
}

static int take_locals(struct reading *reading, const char *path)
{
	const char *name = name_of(path, reading->arena);
	int r = 0;
	if (!profile_name_good(name))
		return 0;
	for (int source = PROFILE_OF_HOST; r == 0 && source >= PROFILE_OF_USER; source--) {
		const char *directory =
			profile_directory((enum profile_source)source, reading->arena);
		const char *local =
			directory ? arena_format(reading->arena, "%s/%s.local", directory, name)
				  : NULL;
		if (local && access(local, F_OK) == 0)
			r = take_file(reading, local, false);
	}
	return r;
}

static int take_file(struct reading *reading, const char *path, bool top)
{
	autofree char *text = NULL;
	size_t length;
	struct profile_text profile;
	if (reading->depth == PROFILE_DEPTH_MAX)
		return refuse(-ELOOP, "%s: too many includes", path);
	int r = fs_read(AT_FDCWD, path, PROFILE_SIZE_MAX, &text, &length);
	if (r < 0)
		return fail(r, "read %s", path);
	r = profile_parse(text, length, path, reading->arena, &profile);
	if (r < 0)
		return r;
	reading->open[reading->depth++] = path;
	for (size_t i = 0; r == 0 && i < profile.count; i++)
		r = take_statement(reading, &profile.statements[i], path, top);
	if (r == 0 && !text_ends(path, ".local"))
		r = take_locals(reading, path);
	reading->depth--;
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int read_profile(
	const char *path, bool showing, struct arena *arena, struct profile *ret_profile)
{
	struct profile profile = {.name = name_of(path, arena), .path = path, .summary = ""};
	/* Large, and of no use afterwards: in an arena of its own the strings would go with it. */
	struct reading *reading = arena_new(arena, struct reading, 1);
	*reading = (struct reading){.arena = arena,
		.showing = showing,
		.lines = arena_new(arena, struct line, PERMISSIONS_MAX),
		.directories = arena_new(arena, const char *, PERMISSIONS_MAX),
		.profile = &profile};
	profile_places_of_caller(arena, &reading->places);
	int r = take_file(reading, path, true);
	if (r < 0)
		return r;
	struct profile_origin *origins =
		arena_new(arena, struct profile_origin, reading->line_count + 1);
	for (size_t i = 0; i < reading->line_count; i++) {
		permissions_add(&profile.permissions, &reading->lines[i].permission, arena);
		origins[i] = reading->lines[i].origin;
	}
	profile.origins = origins;
	profile.directories = reading->directories;
	profile.directory_count = reading->directory_count;
	*ret_profile = profile;
	return 0;
}

static int find(const char *name, bool showing, struct arena *arena, struct profile *ret_profile)
{
	const char *path;
	if (strchr(name, '/')) {
		if (access(name, R_OK) < 0)
			return fail(-errno, "profile %s", name);
		return read_profile(arena_strdup(arena, name), showing, arena, ret_profile);
	}
	int r = profile_name_good(name)
			? profile_locate(name, ".profile", PROFILE_OF_USER, arena, &path, NULL)
			: -ENOENT;
	if (r < 0) {
		r = refuse(-ENOENT, "no such profile: %s", name);
		hint("rung sandbox profile list shows those that there are");
		return r;
	}
	return read_profile(path, showing, arena, ret_profile);
}

int profile_find(const char *name, struct arena *arena, struct profile *ret_profile)
{
	return find(name, false, arena, ret_profile);
}

int profile_show(const char *name, struct arena *arena, struct profile *ret_profile)
{
	return find(name, true, arena, ret_profile);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int profile_for_program(const char *program_path, struct arena *arena, struct profile *ret_profile)
{
	const char *path;
	int r = profile_locate_program(last_part(program_path), arena, &path);
	if (r == -ENOENT && strchr(program_path, '/')) {
		/* "vi" is a link to "vim.basic"; "c++" leads to "g++-12" over two. */
		autofree char *target = realpath(program_path, NULL);
		if (target && !text_equal(last_part(target), last_part(program_path)))
			r = profile_locate_program(last_part(target), arena, &path);
	}
	return r < 0 ? r : read_profile(path, false, arena, ret_profile);
}
