// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox diff`: what programs changed in a sandbox, as a tree, line by line, or for
 * programs. */

#include "verbs/sandbox/changes.h"

#include "base/error.h"
#include "base/scope.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "cli/width.h"
#include "plan/json_write.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

struct sandbox_diff_options {
	bool unified, stat, quiet;
	const char *format;
};

static const struct option sandbox_diff_options[] = {
	{"-u, --unified", "line by line, as diff -u", flag_in(sandbox_diff_options, unified)},
	{"--stat", "whole paths, one a line", flag_in(sandbox_diff_options, stat)},
	{"-q, --quiet", "print nothing: the status is 1 if there are changes",
		flag_in(sandbox_diff_options, quiet)},
	{"--format=FORMAT", "table, json, or a template", text_in(sandbox_diff_options, format)},
	{},
};

/* ---- for programs
 * ------------------------------------------------------------------------------------ */

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "link";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case 0:
		return "";
	default:
		return "device";
	}
}

static void write_row(
	const struct caught_list *list, const struct caught *caught, struct json_writer *writer)
{
	static const char *const kinds[] = {"added", "changed", "permissions", "deleted"};
	char mode[8], before[8];
	(void)snprintf(mode, sizeof(mode), "%04o", caught->now.st_mode & 07777);
	(void)snprintf(before, sizeof(before), "%04o", caught->was.st_mode & 07777);
	json_open(writer, NULL, '{');
	json_write_string(writer, "Path", caught_path(list, caught));
	json_write_string(writer, "Change", kinds[caught->kind]);
	json_write_string(writer, "Type", type_name(caught->now.st_mode));
	json_write_string(writer, "TypeBefore", type_name(caught->was.st_mode));
	json_write_unsigned(
		writer, "Size", S_ISREG(caught->now.st_mode) ? (uint64_t)caught->now.st_size : 0);
	json_write_unsigned(writer, "SizeBefore", caught->size_before);
	json_write_string(writer, "Mode", caught->now.st_mode ? mode : "");
	json_write_string(writer, "ModeBefore", caught->was.st_mode ? before : "");
	json_write_string(writer, "Conflict", caught_conflict_text(caught->conflict));
	json_write_string(writer, "Refused", caught_refusal_text(caught->refusal));
	json_close(writer);
}

static int print_rows(const struct caught_list *list, const bool *chosen, const char *format)
{
	static const struct output_column columns[] = {{"Change"}, {"Size", .right = true},
		{"Path"}, {"Type", .hidden = true}, {"TypeBefore", .hidden = true},
		{"SizeBefore", "SIZE BEFORE", .hidden = true}, {"Mode", .hidden = true},
		{"ModeBefore", "MODE BEFORE", .hidden = true}, {"Conflict", .hidden = true},
		{"Refused", .hidden = true}, {}};
	autofini(text_fini) struct text rows = {};
	struct json_writer writer = {.out = &rows, .compact = true};
	json_open(&writer, NULL, '[');
	for (size_t i = 0; i < list->count; i++)
		if (chosen[i])
			write_row(list, &list->items[i], &writer);
	json_close(&writer);
	return output_rows(&(struct output){.columns = columns, .format = format}, &rows);
}

/* ---- for people
 * ----------------------------------------------------------------------------------------- */

struct printing {
	const struct caught_list *list;
	struct arena *arena;
	bool colours, flat;
	const char *above; /* the directory whose line was printed last */
	unsigned tree;     /* and its tree + 1 */
};

/* "1.2kB", "3kB → 4kB", "12 files, 3kB", "0755 → 0700" */
static const char *describe(const struct caught *caught, struct arena *arena)
{
	char now[UNITS_TEXT_MAX], was[UNITS_TEXT_MAX];
	units_size(S_ISREG(caught->now.st_mode) ? (uint64_t)caught->now.st_size : 0, now);
	units_size(caught->size_before, was);
	const char *text = "";
	if (caught->kind == CAUGHT_ATTRIBUTES)
		text = arena_format(arena, "%04o → %04o", caught->was.st_mode & 07777,
			caught->now.st_mode & 07777);
	else if (caught->kind == CAUGHT_DELETED && S_ISDIR(caught->was.st_mode))
		text = arena_format(arena, "%s in %u names", was, caught->files_before);
	else if (caught->kind == CAUGHT_DELETED)
		text = arena_format(arena, "%s", was);
	else if (S_ISLNK(caught->now.st_mode))
		text = "link";
	else if (caught->kind == CAUGHT_CHANGED)
		text = arena_format(arena, "%s → %s", was, now);
	else if (S_ISREG(caught->now.st_mode))
		text = arena_format(arena, "%s", now);
	if (caught->refusal)
		return arena_format(
			arena, "%s  never applied: %s", text, caught_refusal_text(caught->refusal));
	if (caught->conflict)
		return arena_format(
			arena, "%s  conflict: %s", text, caught_conflict_text(caught->conflict));
	return text;
}

static void print_line(const struct printing *printing, const struct caught *caught,
	unsigned indent, const char *name)
{
	static const enum style styles[] = {STYLE_GREEN, STYLE_YELLOW, STYLE_PLAIN, STYLE_RED};
	bool directory =
		S_ISDIR(caught->kind == CAUGHT_DELETED ? caught->was.st_mode : caught->now.st_mode);
	const char *text = change_printable(name, printing->arena);
	unsigned width = 2 * indent + display_width(text, strlen(text)) + directory;
	(void)printf("%s%c%s %*s%s%s%*s  %s%s%s\n",
		terminal_style(printing->colours, styles[caught->kind]), change_letter(caught),
		terminal_style(printing->colours, STYLE_PLAIN), (int)(2 * indent), "", text,
		directory ? "/" : "", width < 40 ? (int)(40 - width) : 0, "",
		terminal_style(printing->colours,
			caught->conflict || caught->refusal ? STYLE_RED : STYLE_DIM),
		describe(caught, printing->arena), terminal_style(printing->colours, STYLE_PLAIN));
}

/* Lines for the directories on the way that have none of their own. Returns how deep. */
static unsigned print_way(struct printing *printing, const char *path)
{
	unsigned indent = 1;
	for (const char *part = path, *slash; (slash = strchr(part, '/')); part = slash + 1) {
		size_t length = (size_t)(slash - path) + 1;
		/* "above" ends with a slash as well, so no directory is taken for its longer
		 * namesake. */
		if (strncmp(printing->above, path, length) != 0)
			(void)printf("  %*s%s\n", (int)(2 * indent), "",
				change_printable(arena_strndup(printing->arena, part,
							 (size_t)(slash - part) + 1),
					printing->arena));
		indent++;
	}
	return indent;
}

static void print_change(struct printing *printing, const struct caught *caught)
{
	if (printing->flat) {
		print_line(printing, caught, 0, caught_path(printing->list, caught));
		return;
	}
	if (printing->tree != caught->tree + 1) {
		(void)printf(
			"  %s\n", change_printable(printing->list->trees[caught->tree].tree.path,
					  printing->arena));
		printing->tree = caught->tree + 1;
		printing->above = "";
	}
	unsigned indent = print_way(printing, caught->path);
	const char *slash = strrchr(caught->path, '/');
	print_line(printing, caught, indent, slash ? slash + 1 : caught->path);
	bool directory = S_ISDIR(caught->now.st_mode);
	printing->above = directory ? arena_format(printing->arena, "%s/", caught->path)
			  : slash   ? arena_strndup(printing->arena, caught->path,
					      (size_t)(slash - caught->path) + 1)
				    : "";
}

static void print_totals(const struct caught_list *list, const bool *chosen, struct arena *arena)
{
	uint64_t more = 0, less = 0;
	size_t conflicts = 0;
	char added[UNITS_TEXT_MAX], gone[UNITS_TEXT_MAX];
	for (size_t i = 0; i < list->count; i++) {
		const struct caught *caught = &list->items[i];
		if (!chosen[i])
			continue;
		uint64_t now = S_ISREG(caught->now.st_mode) ? (uint64_t)caught->now.st_size : 0;
		more += now > caught->size_before ? now - caught->size_before : 0;
		less += now < caught->size_before ? caught->size_before - now : 0;
		conflicts += caught->conflict != CONFLICT_NONE;
	}
	units_size(more, added);
	units_size(less, gone);
	(void)printf("%s", change_counts(list, chosen, arena));
	if (more || less)
		(void)printf("; %s more, %s less", added, gone);
	if (conflicts)
		(void)printf("; %zu in conflict with the host", conflicts);
	puts("");
}

static int print_people(
	const struct caught_list *list, const bool *chosen, bool flat, struct arena *arena)
{
	struct printing printing = {.list = list,
		.arena = arena,
		.colours = terminal_colours(STDOUT_FILENO),
		.flat = flat,
		.above = ""};
	for (size_t i = 0; i < list->count; i++)
		if (chosen[i])
			print_change(&printing, &list->items[i]);
	print_totals(list, chosen, arena);
	return 0;
}

static int run(struct invocation *invocation)
{
	const struct sandbox_diff_options *options = options_of(invocation, sandbox_diff_options);
	struct arena *arena = invocation->arena;
	autofini(work_fini) struct work work = WORK_NONE;
	struct apply_request request = {.discard = true};
	struct apply_choice choice;
	int r = work_paths(invocation, &request.paths);
	if (r == 0)
		r = work_open(invocation, LOCK_SH, true, &work);
	if (r < 0)
		return r;
	apply_choose(&work.list, &request, arena, &choice);
	if (options->quiet)
		return choice.count > 0;
	r = work_check_paths(&choice, &request.paths);
	if (r < 0)
		return r;
	if (options->format)
		return print_rows(&work.list, choice.chosen, options->format);
	if (!options->unified)
		return print_people(&work.list, choice.chosen, options->stat, arena);
	for (size_t i = 0; r == 0 && i < work.list.count; i++)
		if (choice.chosen[i])
			r = change_print_text(&work.list, &work.list.items[i], arena);
	return r;
}

const struct verb verb_sandbox_diff = {
	.name = "diff",
	.summary = "show what programs changed in a sandbox",
	.arguments = "NAME [PATH...]",
	.failure_status = 125,
	verb_options(sandbox_diff_options),
	.description =
		"Shows what was caught: files that were added (A), changed (C), deleted (D), and "
		"those of which only permissions, owner or attributes changed (P), with their "
		"sizes. A file of the host that somebody else has changed since is a conflict. "
		"PATH is a file, a directory with all in it, or a pattern.",
	.examples = "What did the installer do?\n$ rung sandbox diff trial\n"
		    "The lines that changed\n$ rung sandbox diff -u trial ~/.bashrc\n",
	.run = run,
};
