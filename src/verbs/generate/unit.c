// SPDX-License-Identifier: Apache-2.0

/* systemd.syntax(7), as far as people write it by hand. */

#include "verbs/generate/unit.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "base/scope.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

int unit_refuse(const struct unit_file *file, unsigned line, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return refuse(-EINVAL, "%s:%u: %s", file->path, line, text);
}

/* ---- reading ---------------------------------------------------------------------------- */

static char *trim(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	size_t length = strlen(text);
	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

static void name_file(struct unit_file *file, const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	*file = (struct unit_file){.path = path,
		.name = name,
		.stem = arena_strndup(arena, name, dot ? (size_t)(dot - name) : strlen(name)),
		.kind = dot ? dot + 1 : ""};
}

struct reading {
	struct unit_file *file;
	struct arena *arena;
	const char *section;
	size_t room;
};

static void add_entry(struct reading *reading, const char *key, const char *value, unsigned line)
{
	struct unit_file *file = reading->file;
	if (file->count == reading->room) {
		reading->room = reading->room * 2 + 32;
		struct unit_entry *more =
			arena_new(reading->arena, struct unit_entry, reading->room);
		if (file->count)
			memcpy(more, file->entries, file->count * sizeof(*more));
		file->entries = more;
	}
	file->entries[file->count++] = (struct unit_entry){reading->section, key, value, line};
}

static int read_line(struct reading *reading, char *text, unsigned line)
{
	size_t length = strlen(text);
	if (text[0] == '[') {
		if (length < 3 || text[length - 1] != ']')
			return unit_refuse(reading->file, line, "a section ends with \"]\"");
		reading->section = arena_strndup(reading->arena, text + 1, length - 2);
		return 0;
	}
	char *equals = strchr(text, '=');
	if (!equals || equals == text)
		return unit_refuse(reading->file, line, "\"%s\" is not KEY=VALUE", text);
	if (!reading->section)
		return unit_refuse(reading->file, line, "a [Section] must stand first");
	*equals = '\0';
	add_entry(reading, trim(text), trim(equals + 1), line);
	return 0;
}

int unit_read(const char *path, struct arena *arena, struct unit_file *ret_file)
{
	autofree char *bytes = NULL;
	int r = fs_read(AT_FDCWD, path, FILE_MAX, &bytes, NULL);
	if (r < 0)
		return fail(r, "read %s", path);
	struct unit_file file;
	name_file(&file, arena_strdup(arena, path), arena);
	struct reading reading = {&file, arena, NULL, 0};
	char *rest = arena_strdup(arena, bytes), *text;
	unsigned line = 0;
	while (r == 0 && (text = strsep(&rest, "\n"))) {
		unsigned first = ++line;
		autofini(text_fini) struct text whole = {};
		text = trim(text);
		if (*text == '\0' || *text == '#' || *text == ';')
			continue;
		while (text && *text && text[strlen(text) - 1] == '\\') {
			text_add_bytes(&whole, text, strlen(text) - 1);
			text_add(&whole, " ");
			do {
				text = strsep(&rest, "\n");
				text = text ? trim(text) : NULL;
				line++;
			} while (text && (*text == '#' || *text == ';'));
		}
		text_add(&whole, text ? text : "");
		r = read_line(&reading, arena_strdup(arena, text_get(&whole)), first);
	}
	if (r == 0)
		*ret_file = file;
	return r;
}

const char *unit_value(const struct unit_file *file, const char *section, const char *key)
{
	const char *value = NULL;
	for (size_t i = 0; i < file->count; i++)
		if (text_equal(file->entries[i].section, section) &&
			text_equal(file->entries[i].key, key))
			value = file->entries[i].value;
	return value;
}

/* ---- words --------------------------------------------------------------------------------- */

int unit_split(const struct unit_file *file, const struct unit_entry *entry, struct arena *arena,
	struct strings *ret_words)
{
	struct strings words = {arena_new(arena, const char *, strlen(entry->value) / 2 + 2), 0};
	const char *at = entry->value;
	for (;;) {
		while (isspace((unsigned char)*at))
			at++;
		if (!*at)
			break;
		autofini(text_fini) struct text word = {};
		char quote = '\0';
		for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
			if (*at == '\\' && at[1]) {
				char c = *++at;
				c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
				text_add_bytes(&word, &c, 1);
			} else if (quote ? *at == quote : (*at == '"' || *at == '\'')) {
				quote = (char)(quote ? '\0' : *at);
			} else {
				text_add_bytes(&word, at, 1);
			}
		}
		if (quote)
			return unit_refuse(
				file, entry->line, "%s: a quote is not closed", entry->key);
		words.items[words.count++] = arena_strdup(arena, text_get(&word));
	}
	*ret_words = words;
	return 0;
}

void unit_add_word(struct text *out, const char *word, bool specifiers)
{
	bool quote = *word == '\0' || strpbrk(word, " \t\n\"'\\;");
	text_add(out, out->length && out->bytes[out->length - 1] != '=' ? " " : "");
	text_add(out, quote ? "\"" : "");
	for (const char *c = word; *c; c++) {
		if (*c == '"' || *c == '\\')
			text_add(out, "\\");
		if (*c == '\n') {
			text_add(out, "\\n");
			continue;
		}
		if ((*c == '%' && !specifiers) || *c == '$')
			text_add_bytes(out, c, 1);
		text_add_bytes(out, c, 1);
	}
	text_add(out, quote ? "\"" : "");
}

/* Only what is not usual: a unit that says nothing of places can be carried to another machine. */
void unit_add_program(struct text *out, struct arena *arena)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	unit_add_word(out, length > 0 ? path : "/usr/bin/rung", false);
	if (places_chosen_data())
		unit_add_word(out, arena_format(arena, "--root=%s", places_chosen_data()), false);
	if (places_chosen_state())
		unit_add_word(out, arena_format(arena, "--state=%s", places_chosen_state()), false);
}
