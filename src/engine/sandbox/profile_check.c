// SPDX-License-Identifier: Apache-2.0

/*
 * A profile that is wrong mostly looks right: a word with a slip in it, a path that no machine has,
 * two lines that speak against each other. Refused is what cannot be meant; warned of is what
 * works, but gives more or less than its line says.
 */

#include "engine/sandbox/profile_check.h"

#include "base/error.h"
#include "base/fs.h"
#include "engine/sandbox/profile_expand.h"
#include "engine/sandbox/profile_text.h"

#include <ctype.h>
#include <fcntl.h>

#define FINDINGS_MAX 1000

struct check {
	struct arena *arena;
	const char *path;
	struct profile_finding *findings;
	size_t count;
};

[[gnu::format(printf, 4, 5)]] static void find(
	struct check *check, unsigned line, bool warning, const char *format, ...)
{
	va_list arguments;
	if (check->count == FINDINGS_MAX)
		return;
	va_start(arguments, format);
	check->findings[check->count++] = (struct profile_finding){.file = check->path,
		.line = line,
		.warning = warning,
		.text = arena_vformat(check->arena, format, arguments)};
	va_end(arguments);
}

/* ---- one line ------------------------------------------------------------------------------ */

/* The Filesystem Hierarchy Standard 3.0, and where distributions put more. */
static const char *const tops[] = {"bin", "boot", "dev", "etc", "gnu", "home", "lib", "lib32",
	"lib64", "libx32", "media", "mnt", "nix", "opt", "proc", "root", "run", "sbin", "snap",
	"srv", "sys", "tmp", "usr", "var"};

static bool is_top(const char *path)
{
	size_t length = strcspn(path + 1, "/");
	for (size_t i = 0; i < array_length(tops); i++)
		if (strlen(tops[i]) == length && strncmp(path + 1, tops[i], length) == 0)
			return true;
	return false;
}

static void check_path(struct check *check, const struct profile_statement *statement,
	const struct permission *permission)
{
	const char *path = permission->value, *home = profile_places_of_nobody.home;
	unsigned line = statement->line;
	bool allowed = permission->answer == PERMISSION_ALLOW;
	if (permission->kind == PERMISSION_DEVICE && !path_is_below(path, "/dev"))
		find(check, line, false, "%s is no device of /dev", path);
	else if (text_equal(path, "/") && allowed)
		find(check, line, true, "%s grants the whole system", statement->value);
	else if (path_is_below(home, path) && allowed)
		find(check, line, true, "%s grants the whole home directory: write home",
			statement->value);
	else if (path[1] && !is_top(path))
		find(check, line, false, "%s: no machine has /%.*s", statement->value,
			(int)strcspn(path + 1, "/"), path + 1);
	else if (!path_is_below(path, home) && text_starts(path, "/home/"))
		find(check, line, true, "%s is one person's: write ~/", statement->value);
	else if (strpbrk(path, "*?["))
		find(check, line, true, "%s: in paths %c stands for itself", statement->value,
			*strpbrk(path, "*?["));
}

static bool good_variable(const char *name)
{
	if (isdigit((unsigned char)name[0]))
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	return true;
}

/* D-Bus Specification, "Valid Names"; "*" at the end of it as xdg-dbus-proxy(1) reads it. */
static bool good_bus_name(const char *name)
{
	if (text_starts(name, "system:"))
		name += strlen("system:");
	if (text_equal(name, "*"))
		return true;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.", *c) && !(*c == '*' && !c[1]))
			return false;
	return strchr(name, '.') && name[0] != '.' && !strstr(name, "..");
}

static void check_permission(struct check *check, const struct profile_statement *statement)
{
	struct permission permission;
	const struct permission_place place = {.home = profile_places_of_nobody.home};
	const char *word;
	if (profile_expand(statement->value, &profile_places_of_nobody, check->arena, &word) < 0 ||
		permission_parse(word, statement->answer, &place, check->arena, &permission) < 0) {
		error_clear(); /* was told when the line was read */
		return;
	}
	if (permission_has_path(permission.kind))
		check_path(check, statement, &permission);
	else if (permission.kind == PERMISSION_ENV && !good_variable(permission.value))
		find(check, statement->line, false, "%s is no variable's name", statement->value);
	else if (permission.kind == PERMISSION_DBUS && !good_bus_name(permission.value))
		find(check, statement->line, false, "%s is no name on D-Bus", statement->value);
	else if (permission.kind == PERMISSION_HOME && statement->answer == PERMISSION_ALLOW)
		find(check, statement->line, true, "%s grants every file that the person has",
			statement->value);
}

static void check_programs(struct check *check, const struct profile_statement *statement)
{
	const char *cursor = statement->value, *word;
	while ((word = profile_next_word(&cursor, check->arena)))
		if (strspn(word, "*?") == strlen(word))
			find(check, statement->line, false, "program %s fits every program", word);
}

/* ---- lines against each other -----------------------------------------------------------------
 */

/* The kind of a limit, too, is a thing that one speaks of. */
static bool same_thing(const struct profile_statement *a, const struct profile_statement *b)
{
	if (a->word != b->word)
		return false;
	switch (a->word) {
	case PROFILE_PERMISSION:
		return text_equal(a->value, b->value);
	case PROFILE_LIMIT:
		return a->limit == b->limit;
	case PROFILE_INCLUDE:
		return text_equal(a->value, b->value);
	case PROFILE_SUMMARY:
	case PROFILE_WRITES:
	case PROFILE_ARGUMENTS:
		return true;
	default:
		return false;
	}
}

static void check_pair(struct check *check, const struct profile_statement *earlier,
	const struct profile_statement *later)
{
	bool permissions = earlier->word == PROFILE_PERMISSION && later->word == PROFILE_PERMISSION;
	if (same_thing(earlier, later)) {
		if (permissions && earlier->answer != later->answer)
			find(check, later->line, false, "%s %s contradicts line %u, which says %s",
				permission_answer_names[later->answer], later->value, earlier->line,
				permission_answer_names[earlier->answer]);
		else if (later->word == PROFILE_PERMISSION || later->word == PROFILE_INCLUDE)
			find(check, later->line, true, "%s was said in line %u", later->value,
				earlier->line);
		else
			find(check, later->line, false, "said already, in line %u", earlier->line);
		return;
	}
	if (!permissions || earlier->answer != PERMISSION_ALLOW ||
		later->answer != PERMISSION_ALLOW)
		return;
	if (text_equal(earlier->value, "net") && text_starts(later->value, "net="))
		find(check, later->line, true, "%s is in net, line %u", later->value,
			earlier->line);
	if (text_equal(later->value, "net") && text_starts(earlier->value, "net="))
		find(check, earlier->line, true, "%s is in net, line %u", earlier->value,
			later->line);
	const struct profile_statement *read = earlier->kind == PERMISSION_READ ? earlier : later;
	const struct profile_statement *write = read == earlier ? later : earlier;
	if (read->kind == PERMISSION_READ && write->kind == PERMISSION_WRITE &&
		text_equal(read->value + strlen("read"), write->value + strlen("write")))
		find(check, read->line, true, "%s is in write=, line %u", read->value, write->line);
}

static void check_whole(struct check *check, const struct profile_text *profile)
{
	bool summary = false, program = false, top = text_ends(check->path, ".profile");
	for (size_t i = 0; i < profile->count; i++) {
		const struct profile_statement *statement = &profile->statements[i];
		summary |= statement->word == PROFILE_SUMMARY;
		program |= statement->word == PROFILE_PROGRAM;
		if (statement->word == PROFILE_PERMISSION)
			check_permission(check, statement);
		if (statement->word == PROFILE_PROGRAM && top)
			check_programs(check, statement);
		else if (statement->word == PROFILE_PROGRAM || statement->word == PROFILE_SUMMARY)
			if (!top)
				find(check, statement->line, true, "this stands in profiles alone");
		for (size_t k = 0; k < i; k++)
			check_pair(check, &profile->statements[k], statement);
	}
	if (top && !summary)
		find(check, 0, true, "no summary says what it is for, and why");
	if (top && !program)
		find(check, 0, true, "no program is named: it is found by its own name alone");
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static int take_refusal(unsigned line, int r, void *context)
{
	struct check *check = context;
	const char *text = error_text(), *told = strstr(text, ": ");
	find(check, line, false, "%s", told ? told + 2 : text);
	error_clear();
	return 0;
}

int profile_check(const char *path, struct arena *arena, struct profile_finding **ret_findings,
	size_t *ret_count)
{
	autofree char *text = NULL;
	size_t length;
	struct profile_text profile = {};
	struct check check = {.arena = arena,
		.path = arena_strdup(arena, path),
		.findings = arena_new(arena, struct profile_finding, FINDINGS_MAX)};
	int r = fs_read(AT_FDCWD, path, PROFILE_SIZE_MAX, &text, &length);
	if (r < 0)
		return fail(r, "read %s", path);
	r = profile_parse_on(text, length, check.path, arena, take_refusal, &check, &profile);
	if (r < 0)
		return r;
	bool readable = check.count == 0;
	check_whole(&check, &profile);
	/* Includes: whether they are there, can be read, and end. */
	struct profile whole;
	const char *as_path = strchr(path, '/') ? path : arena_format(arena, "./%s", path);
	if (readable && profile_show(as_path, arena, &whole) < 0) {
		find(&check, 0, false, "%s", error_text());
		check.findings[check.count - 1].file = NULL;
		error_clear();
	}
	*ret_findings = check.findings;
	*ret_count = check.count;
	return 0;
}
