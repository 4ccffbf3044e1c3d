// SPDX-License-Identifier: Apache-2.0

/*
 * Text → statements → text. A line is one statement and is judged alone, so that an error names its
 * line; what lines mean together is profile.c's and profile_check.c's.
 *
 * Comments and empty lines are statements too: who edits a profile by program (import, --learn)
 * gives back what the person wrote.
 */

#include "engine/sandbox/profile_text.h"

#include "base/error.h"
#include "engine/sandbox/profile_expand.h"
#include "engine/sandbox/profile_values.h"

#include <ctype.h>

const char *const profile_limit_names[] = {"memory", "cpus", "pids", "time", "disk", NULL};
const char *const profile_writes_names[] = {NULL, "discard", "keep", "ask"};
const char *const profile_arguments_names[] = {NULL, "read", "write"};

static const char *const words[] = {
	[PROFILE_SUMMARY] = "summary",
	[PROFILE_PROGRAM] = "program",
	[PROFILE_INCLUDE] = "include",
	[PROFILE_LIMIT] = "limit",
	[PROFILE_WRITES] = "writes",
	[PROFILE_ARGUMENTS] = "arguments",
};

#define NAME_MAX_BYTES 100

bool profile_name_good(const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || length > NAME_MAX_BYTES || name[0] == '.' || name[0] == '-')
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._+@-", *c))
			return false;
	return true;
}

const char *profile_next_word(const char **cursor, struct arena *arena)
{
	const char *word = *cursor + strspn(*cursor, " \t");
	size_t length = strcspn(word, " \t");
	*cursor = word + length;
	return length ? arena_strndup(arena, word, length) : NULL;
}

/* ---- one line ------------------------------------------------------------------------ */

/* "a  b" → "a b" */
static const char *join_words(const char *value, struct arena *arena)
{
	const char *joined = "", *word;
	while ((word = profile_next_word(&value, arena)))
		joined = joined[0] ? arena_format(arena, "%s %s", joined, word) : word;
	return joined;
}

static int read_programs(const char *value, struct arena *arena)
{
	const char *word;
	while ((word = profile_next_word(&value, arena)))
		if (strchr(word, '/'))
			return refuse(
				-EINVAL, "%s: programs are named without their directory", word);
	return 0;
}

static int read_permission(
	struct profile_statement *statement, const char *value, struct arena *arena)
{
	size_t length = strcspn(value, "=:");
	const char *word = value;
	if (value[length] == '=' && value[length + 1] && strchr("?+", value[length + 1])) {
		statement->mark = value[length + 1];
		word = arena_format(arena, "%.*s%s", (int)length + 1, value, value + length + 2);
	}
	const char *expanded = NULL;
	struct permission permission = {};
	const struct permission_place place = {.home = profile_places_of_nobody.home};
	int r = profile_expand(word, &profile_places_of_nobody, arena, &expanded);
	if (r == 0)
		r = permission_parse(expanded, statement->answer, &place, arena, &permission);
	if (r < 0)
		return r;
	statement->value = word;
	statement->kind = permission.kind;
	if (statement->mark && !permission_has_path(permission.kind))
		return refuse(-EINVAL, "%s: \"%c\" stands in front of paths alone", value,
			statement->mark);
	if (statement->mark == '+' &&
		(permission.kind != PERMISSION_WRITE || statement->answer != PERMISSION_ALLOW))
		return refuse(-EINVAL, "%s: \"+\" is for allow write=", value);
	if (statement->mark == '+' && (!path_is_below(permission.value, place.home) ||
					      text_equal(permission.value, place.home)))
		return refuse(-EINVAL, "%s: \"+\" is for directories in the home", value);
	return 0;
}

static int read_limit(struct profile_statement *statement, const char *value, struct arena *arena)
{
	const char *cursor = value;
	const char *name = profile_next_word(&cursor, arena);
	const char *amount = name ? profile_next_word(&cursor, arena) : NULL;
	if (!amount || profile_next_word(&cursor, arena))
		return refuse(-EINVAL, "write limit memory|cpus|pids|time|disk VALUE");
	for (int i = 0; profile_limit_names[i]; i++)
		if (text_equal(name, profile_limit_names[i])) {
			statement->limit = (enum profile_limit)i;
			statement->value = arena_format(arena, "%s %s", name, amount);
			return profile_read_amount(statement->limit, amount, &statement->amount);
		}
	return refuse(-EINVAL, "unknown limit \"%s\"", name);
}

static int read_choice(struct profile_statement *statement, const char *value,
	const char *const *names, int last, const char *what)
{
	for (int i = 1; i <= last; i++)
		if (text_equal(value, names[i])) {
			statement->choice = i;
			return 0;
		}
	return refuse(-EINVAL, "write %s", what);
}

static int read_value(struct profile_statement *statement, const char *value, struct arena *arena)
{
	statement->value = value;
	switch (statement->word) {
	case PROFILE_PROGRAM:
		statement->value = join_words(value, arena);
		return read_programs(value, arena);
	case PROFILE_INCLUDE:
		return profile_name_good(value)
			       ? 0
			       : refuse(-EINVAL, "\"%s\" cannot be a profile's name", value);
	case PROFILE_PERMISSION:
		return read_permission(statement, value, arena);
	case PROFILE_LIMIT:
		return read_limit(statement, value, arena);
	case PROFILE_WRITES:
		return read_choice(statement, value, profile_writes_names, PROFILE_WRITES_ASK,
			"writes discard, keep or ask");
	case PROFILE_ARGUMENTS:
		return read_choice(statement, value, profile_arguments_names,
			PROFILE_ARGUMENTS_WRITE, "arguments read or write");
	default:
		return 0;
	}
}

static int find_word(const char *name, size_t length, struct profile_statement *statement)
{
	for (int i = PERMISSION_ALLOW; i <= PERMISSION_ASK; i++)
		if (strlen(permission_answer_names[i]) == length &&
			memcmp(permission_answer_names[i], name, length) == 0) {
			statement->word = PROFILE_PERMISSION;
			statement->answer = (enum permission_answer)i;
			return 0;
		}
	for (size_t i = 0; i < array_length(words); i++)
		if (words[i] && strlen(words[i]) == length && memcmp(words[i], name, length) == 0) {
			statement->word = (enum profile_word)i;
			return 0;
		}
	int r = refuse(-EINVAL, "unknown word \"%.*s\"", (int)length, name);
	hint("a line begins with summary, program, include, allow, deny, ask, limit, writes, "
	     "arguments or #; see rung-profile(5)");
	return r;
}

/* Length of the line without its comment and the blanks before that. */
static size_t cut_comment(const char *line, size_t length, const char **ret_comment)
{
	size_t end = length;
	*ret_comment = NULL;
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\\') {
			i++;
		} else if (line[i] == '#' && (i == 0 || isblank((unsigned char)line[i - 1]))) {
			*ret_comment = line + i + 1;
			end = i;
			break;
		}
	}
	while (end > 0 && isblank((unsigned char)line[end - 1]) &&
		!(end > 1 && line[end - 2] == '\\'))
		end--;
	return end;
}

static int read_line(
	const char *line, size_t length, struct arena *arena, struct profile_statement *statement)
{
	for (size_t i = 0; i < length; i++)
		if (iscntrl((unsigned char)line[i]) && line[i] != '\t')
			return refuse(
				-EINVAL, "a control character (0x%02x)", (unsigned char)line[i]);
	for (size_t i = 0; i < length;) {
		size_t step = text_utf8_length(line + i);
		if (step == 0 || i + step > length)
			return refuse(-EINVAL, "this is not UTF-8");
		i += step;
	}
	const char *comment;
	size_t end = cut_comment(line, length, &comment);
	if (comment)
		statement->comment =
			arena_strndup(arena, comment, (size_t)(line + length - comment));
	size_t start = 0;
	while (start < end && isblank((unsigned char)line[start]))
		start++;
	if (start == end)
		return 0;
	size_t word = start;
	while (word < end && !isblank((unsigned char)line[word]))
		word++;
	int r = find_word(line + start, word - start, statement);
	if (r < 0)
		return r;
	size_t value = word;
	while (value < end && isblank((unsigned char)line[value]))
		value++;
	if (value == end)
		return refuse(
			-EINVAL, "nothing stands behind %.*s", (int)(word - start), line + start);
	return read_value(statement, arena_strndup(arena, line + value, end - value), arena);
}

/* ---- the whole ------------------------------------------------------------------------ */

void profile_text_add(struct profile_text *profile, const struct profile_statement *statement,
	struct arena *arena)
{
	/* Room doubles at the powers of two. */
	size_t count = profile->count;
	if ((count & (count - 1)) == 0) {
		struct profile_statement *room =
			arena_new(arena, struct profile_statement, count ? count * 2 : 1);
		if (count)
			memcpy(room, profile->statements, count * sizeof(*room));
		profile->statements = room;
	}
	profile->statements[profile->count++] = *statement;
}

static int take_line(const char *text, size_t length, unsigned number, struct arena *arena,
	struct profile_statement *ret_statement)
{
	struct profile_statement statement = {.line = number};
	/* A copy, so that the reader of UTF-8 meets a NUL at the end. */
	const char *line = arena_strndup(arena, text, length);
	if (strlen(line) != length)
		return refuse(-EINVAL, "a control character (0x00)");
	int r = read_line(line, length, arena, &statement);
	if (r == 0)
		*ret_statement = statement;
	return r;
}

int profile_parse_on(const char *text, size_t length, const char *file, struct arena *arena,
	profile_refusal *refused, void *context, struct profile_text *ret_text)
{
	struct profile_text profile = {.file = file};
	unsigned number = 0;
	if (length > PROFILE_SIZE_MAX)
		return refuse(-EFBIG, "%s: larger than %u bytes", file, PROFILE_SIZE_MAX);
	for (size_t at = 0; at < length;) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t line_length = end ? (size_t)(end - text) - at : length - at;
		struct profile_statement statement;
		int r = take_line(text + at, line_length, ++number, arena, &statement);
		if (r == 0)
			profile_text_add(&profile, &statement, arena);
		else
			r = refused(number, wrap(r, "%s:%u", file, number), context);
		if (r < 0)
			return r;
		at += line_length + 1;
	}
	*ret_text = profile;
	return 0;
}

static int refuse_all(unsigned line, int r, void *context)
{
	return r;
}

int profile_parse(const char *text, size_t length, const char *file, struct arena *arena,
	struct profile_text *ret_text)
{
	return profile_parse_on(text, length, file, arena, refuse_all, NULL, ret_text);
}

void profile_print_statement(const struct profile_statement *statement, struct text *out)
{
	const char *value = statement->value;
	if (statement->word == PROFILE_PERMISSION) {
		size_t length = strcspn(value, "=");
		text_format(out, "%s ", permission_answer_names[statement->answer]);
		if (statement->mark)
			text_format(out, "%.*s=%c%s", (int)length, value, statement->mark,
				value + length + 1);
		else
			text_add(out, value);
	} else if (statement->word != PROFILE_BLANK) {
		text_format(out, "%s %s", words[statement->word], value);
	}
	if (statement->comment)
		text_format(out, "%s#%s", statement->word == PROFILE_BLANK ? "" : " ",
			statement->comment);
}

void profile_print(const struct profile_text *profile, struct text *out)
{
	for (size_t i = 0; i < profile->count; i++) {
		profile_print_statement(&profile->statements[i], out);
		text_add(out, "\n");
	}
}

/* The value as it must be written to be read as itself. NULL: it cannot be written. */
static const char *escape(const char *value, struct arena *arena)
{
	autofini(text_fini) struct text out = {};
	for (const char *c = value; *c; c++) {
		size_t step = text_utf8_length(c);
		if (step == 0 || iscntrl((unsigned char)*c))
			return NULL;
		bool comment = *c == '#' && c > value && c[-1] == ' ';
		bool last = *c == ' ' && (c[1] == '\0' || c[1] == ' ');
		if (strchr("\\$", *c) || comment || last)
			text_add(&out, "\\");
		text_add_bytes(&out, c, step);
		c += step - 1;
	}
	return arena_strdup(arena, text_get(&out));
}

struct profile_statement profile_statement_of(
	const struct permission *permission, const char *home, struct arena *arena)
{
	struct profile_statement statement = {
		.word = PROFILE_PERMISSION, .answer = permission->answer, .kind = permission->kind};
	const char *word = permission_word(permission, arena);
	if (permission_has_path(permission->kind)) {
		const char *path = permission->value;
		if (home && home[1] && path_is_below(path, home))
			path = arena_format(arena, "~%s", path + strlen(home));
		word = arena_format(arena, "%s=%s", permission_kind_name(permission->kind), path);
	}
	statement.value = escape(word, arena);
	if (!statement.value)
		statement = (struct profile_statement){
			.word = PROFILE_BLANK, .comment = " a path that is no text was left out"};
	return statement;
}
