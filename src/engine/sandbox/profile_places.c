// SPDX-License-Identifier: Apache-2.0

/*
 * Profiles on disk.
 *
 * A program is looked up at every start, also those for which there is no profile, so the shipped
 * directory has an index made when rung is built: a line "PROGRAM PROFILE" for each name or
 * pattern. Without it, and in the directories that people write to, the "program" lines are read
 * themselves: those directories hold few files, and an index there would be old the first time
 * somebody edits by hand. A file that cannot be read as a profile is no error here: it is one when
 * it is the one found.
 */

#include "engine/sandbox/profile_places.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "engine/sandbox/profile_text.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>

#define INDEX_NAME "index"
#define INDEX_SIZE_MAX (1u << 20)

const char *const profile_source_names[] = {"user", "host", "rung"};

const char *profile_directory(enum profile_source source, struct arena *arena)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = places_home();
	switch (source) {
	case PROFILE_OF_USER:
		if (!text_empty(config) && config[0] == '/')
			return arena_format(arena, "%s/rung/profiles", config);
		return home ? arena_format(arena, "%s/.config/rung/profiles", home) : NULL;
	case PROFILE_OF_HOST:
		return "/etc/rung/profiles";
	default:
		return data_find("profiles", arena);
	}
}

int profile_locate(const char *name, const char *suffix, enum profile_source first,
	struct arena *arena, const char **ret_path, enum profile_source *ret_source)
{
	for (int source = first; source < PROFILE_SOURCES; source++) {
		const char *directory = profile_directory((enum profile_source)source, arena);
		if (!directory)
			continue;
		const char *path = arena_format(arena, "%s/%s%s", directory, name, suffix);
		if (access(path, F_OK) < 0)
			continue;
		if (ret_path)
			*ret_path = path;
		if (ret_source)
			*ret_source = (enum profile_source)source;
		return 0;
	}
	return -ENOENT;
}

/* ---- lists ---------------------------------------------------------------------------- */

struct names {
	const char **items;
	size_t count, room;
};

static void add_name(struct names *names, const char *name, struct arena *arena)
{
	if (names->count == names->room) {
		size_t room = names->room ? names->room * 2 : 128;
		const char **items = arena_new(arena, const char *, room);
		if (names->count)
			memcpy(items, names->items, names->count * sizeof(*items));
		names->items = items;
		names->room = room;
	}
	names->items[names->count++] = name;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void close_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

/* Names without their suffix, sorted. A directory that is not there has none. */
static int read_names(
	const char *directory, const char *suffix, struct arena *arena, struct names *ret_names)
{
	autofini(close_directory) DIR *open = directory ? opendir(directory) : NULL;
	const struct dirent *entry;
	struct names names = {};
	if (!open && directory && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
		return fail(-errno, "read %s", directory);
	while (open && (entry = readdir(open))) {
		size_t length = strlen(entry->d_name), tail = strlen(suffix);
		if (length <= tail || !text_ends(entry->d_name, suffix))
			continue;
		const char *name = arena_strndup(arena, entry->d_name, length - tail);
		if (profile_name_good(name))
			add_name(&names, name, arena);
	}
	if (names.count)
		qsort(names.items, names.count, sizeof(*names.items), compare_names);
	*ret_names = names;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct profile_entry *one = a, *other = b;
	int order = strcmp(one->name, other->name);
	return order ? order : (int)one->source - (int)other->source;
}

int profile_entries(const char *suffix, struct arena *arena, struct profile_entry **ret_entries,
	size_t *ret_count)
{
	struct names found[PROFILE_SOURCES] = {};
	size_t room = 0, count = 0, kept = 0;
	for (int source = 0; source < PROFILE_SOURCES; source++) {
		const char *directory = profile_directory((enum profile_source)source, arena);
		int r = read_names(directory, suffix, arena, &found[source]);
		if (r < 0)
			return r;
		room += found[source].count;
	}
	struct profile_entry *entries = arena_new(arena, struct profile_entry, room + 1);
	for (int source = 0; source < PROFILE_SOURCES; source++)
		for (size_t i = 0; i < found[source].count; i++)
			entries[count++] = (struct profile_entry){.name = found[source].items[i],
				.path = arena_format(arena, "%s/%s%s",
					profile_directory((enum profile_source)source, arena),
					found[source].items[i], suffix),
				.source = (enum profile_source)source};
	qsort(entries, count, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !text_equal(entries[kept - 1].name, entries[i].name))
			entries[kept++] = entries[i];
	*ret_entries = entries;
	*ret_count = kept;
	return 0;
}

/* ---- by program -------------------------------------------------------------------------- */

enum match { MATCH_NONE, MATCH_PATTERN, MATCH_EXACT };

static enum match match_word(const char *word, const char *program)
{
	if (text_equal(word, program))
		return MATCH_EXACT;
	if (strpbrk(word, "*?[") && fnmatch(word, program, FNM_PERIOD) == 0)
		return MATCH_PATTERN;
	return MATCH_NONE;
}

/* The best match of the words on a profile's "program" lines. */
static enum match match_text(const char *text, const char *program, struct arena *arena)
{
	enum match best = MATCH_NONE;
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");
		const char *cursor = arena_strndup(arena, line, length), *word;
		word = profile_next_word(&cursor, arena);
		if (word && text_equal(word, "program"))
			while ((word = profile_next_word(&cursor, arena)) && word[0] != '#') {
				enum match match = match_word(word, program);
				best = match > best ? match : best;
			}
		line += length + (line[length] == '\n');
	}
	return best;
}

static int search_files(
	const char *directory, const char *program, struct arena *arena, const char **ret_path)
{
	struct names names;
	enum match best = MATCH_NONE;
	int r = read_names(directory, ".profile", arena, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		const char *path = arena_format(arena, "%s/%s.profile", directory, names.items[i]);
		autofree char *text = NULL;
		if (fs_read(AT_FDCWD, path, PROFILE_SIZE_MAX, &text, NULL) < 0)
			continue;
		enum match match = match_text(text, program, arena);
		if (match > best) {
			best = match;
			*ret_path = path;
		}
	}
	if (r < 0)
		return r;
	return best == MATCH_NONE ? -ENOENT : 0;
}

/* Lines "PROGRAM PROFILE". */
static int search_index(const char *index, const char *directory, const char *program,
	struct arena *arena, const char **ret_path)
{
	enum match best = MATCH_NONE;
	for (const char *line = index; *line;) {
		char word[256];
		size_t length = strcspn(line, "\n"), first = strcspn(line, " \n");
		if (first < sizeof(word) && first < length) {
			memcpy(word, line, first);
			word[first] = '\0';
			enum match match = match_word(word, program);
			if (match > best) {
				best = match;
				*ret_path = arena_format(arena, "%s/%.*s.profile", directory,
					(int)(length - first - 1), line + first + 1);
			}
		}
		line += length + (line[length] == '\n');
	}
	return best == MATCH_NONE ? -ENOENT : 0;
}

int profile_locate_program(const char *program, struct arena *arena, const char **ret_path)
{
	for (int source = 0; source < PROFILE_SOURCES; source++) {
		const char *directory = profile_directory((enum profile_source)source, arena);
		autofree char *index = NULL;
		int r = -ENOENT;
		if (!directory)
			continue;
		if (source == PROFILE_SHIPPED)
			r = fs_read(AT_FDCWD, arena_format(arena, "%s/" INDEX_NAME, directory),
				INDEX_SIZE_MAX, &index, NULL);
		r = r == 0 ? search_index(index, directory, program, arena, ret_path)
			   : search_files(directory, program, arena, ret_path);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}
