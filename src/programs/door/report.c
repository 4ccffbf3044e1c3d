// SPDX-License-Identifier: Apache-2.0

/*
 * A learned profile names each thing once: what lies in a tree that is allowed alike is left out,
 * and where a program wanted many files of one folder, it will want others tomorrow, so the folder
 * is named. What was denied by a permission stays out.
 */

#include "report.h"

#include "ask.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/scope.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>

enum { SHOWN_MAX = 20, FOLDER_FROM = 4 };

void report_print(const struct policy *policy, bool audit)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text out = {};
	size_t count, shown = 0, hidden = 0;
	const struct policy_note *notes = policy_notes(policy, &count);
	for (size_t i = 0; i < count; i++) {
		if (notes[i].asked || (!audit && notes[i].permission.answer != PERMISSION_DENY))
			continue;
		if (++shown > SHOWN_MAX) {
			hidden++;
			continue;
		}
		text_add(&out, "    ");
		ask_plain(permission_word(&notes[i].permission, &arena), &out);
		text_add(&out, "\n");
	}
	if (shown == 0)
		return;
	if (hidden)
		text_format(&out, "    and %zu more\n", hidden);
	(void)fprintf(stderr, "rung: %s:\n%s",
		audit ? "would have been denied" : "denied, as nobody could be asked",
		text_get(&out));
}

/* ---- learning -------------------------------------------------------------------------------- */

static bool is_file_word(enum permission_kind kind)
{
	return kind == PERMISSION_READ || kind == PERMISSION_WRITE || kind == PERMISSION_EXEC;
}

/* Writing and running include reading. */
static bool includes(const struct permission *a, const struct permission *b)
{
	return a->kind == b->kind || b->kind == PERMISSION_READ;
}

static bool is_covered(const struct permissions *list, size_t index)
{
	const struct permission *this = &list->items[index];
	for (size_t i = 0; i < list->count; i++) {
		const struct permission *other = &list->items[i];
		if (i == index || !is_file_word(other->kind) || !other->value ||
			!includes(other, this) || !path_is_below(this->value, other->value))
			continue;
		/* Of two that say the same the earlier one stays. */
		if (other->kind != this->kind || !text_equal(other->value, this->value) ||
			i < index)
			return true;
	}
	return false;
}

static const char *folder_of(const char *path, const char *home, struct arena *arena)
{
	const char *slash = strrchr(path, '/');
	const char *folder = arena_strndup(arena, path, (size_t)(slash - path));
	bool too_wide =
		!*folder || !strchr(folder + 1, '/') || (home && path_is_below(home, folder));
	return too_wide ? NULL : folder;
}

/* Many of one folder: one of them becomes the folder, which covers the others. */
static void gather(struct permissions *list, const char *home, struct arena *arena)
{
	for (size_t i = 0; i < list->count; i++) {
		struct permission *this = &list->items[i];
		const char *folder =
			is_file_word(this->kind) ? folder_of(this->value, home, arena) : NULL;
		size_t siblings = 0;
		for (size_t k = 0; folder && k < list->count; k++)
			siblings += list->items[k].kind == this->kind &&
				    text_starts(list->items[k].value, folder) &&
				    list->items[k].value[strlen(folder)] == '/' &&
				    !strchr(list->items[k].value + strlen(folder) + 1, '/');
		if (siblings >= FOLDER_FROM)
			this->value = folder;
	}
}

static void add_word(const struct permission *permission, struct arena *arena, struct text *out)
{
	text_add(out, "allow ");
	for (const char *c = permission_word(permission, arena); *c; c++) {
		/* profile_text.h: a backslash takes the meaning from these. */
		if (*c == '\\' || *c == '#' || *c == ' ' || *c == '$')
			text_add(out, "\\");
		text_add_bytes(out, c, 1);
	}
	text_add(out, "\n");
}

void report_profile(const struct policy_note *notes, size_t count, const char *program,
	const char *home, struct text *out)
{
	autofini(arena_fini) struct arena arena = {};
	struct permissions list = {};
	for (size_t i = 0; i < count; i++) {
		const struct permission *permission = &notes[i].permission;
		bool fits = permission->answer == PERMISSION_ALLOW &&
			    (!permission->value || !strchr(permission->value, '\n'));
		if (fits)
			permissions_add(&list, permission, &arena);
	}
	gather(&list, home, &arena);
	const char *slash = program ? strrchr(program, '/') : NULL;
	text_format(out, "summary learned from a run of %s\n", program ? program : "a program");
	if (slash)
		text_format(out, "program %s\n", slash + 1);
	for (size_t i = 0; i < list.count; i++)
		if (!is_file_word(list.items[i].kind) || !is_covered(&list, i))
			add_word(&list.items[i], &arena, out);
}

int report_learn(
	const struct policy *policy, const char *file, const char *program, const char *home)
{
	autofini(text_fini) struct text out = {};
	size_t count;
	const struct policy_note *notes = policy_notes(policy, &count);
	report_profile(notes, count, program, home, &out);
	return fs_replace(AT_FDCWD, file, out.bytes, out.length, 0644);
}
