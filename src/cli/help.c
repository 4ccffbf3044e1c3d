// SPDX-License-Identifier: Apache-2.0

/*
 * What --help prints, read from the same rows that the parser reads: usage,
 * what the verb is for, its options in two columns, its inner verbs, examples.
 * Wrapped to the terminal, bold headings where there are colours.
 */

#include "cli/help.h"

#include "cli/parse.h"
#include "cli/spec.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "cli/wrap.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

/* The second column starts here at most; a longer first column gets a line of its own. */
#define HELP_COLUMN 34u
#define VERB_COLUMN 18u
#define USAGE_COLUMN 7u
/* Lines longer than this are hard to read, however wide the terminal is. */
#define HELP_WIDTH_MAX 100u

struct help {
	struct text text;
	unsigned width, column;
	bool colours;
};

static void heading(struct help *help, const char *title)
{
	text_format(&help->text, "\n%s%s:%s\n", terminal_style(help->colours, STYLE_BOLD), title,
		terminal_style(help->colours, STYLE_PLAIN));
}

static void row(struct help *help, const char *left, const char *right, unsigned column)
{
	unsigned reached = 2 + (unsigned)strlen(left);
	text_format(&help->text, "  %s", left);
	if (reached + 2 > column) {
		text_add(&help->text, "\n");
		reached = 0;
	}
	text_format(&help->text, "%*s", (int)(column - reached), "");
	wrap_text(&help->text, right, column, column, help->width);
	text_add(&help->text, "\n");
}

static void sentence(struct help *help, const char *phrase)
{
	autofini(text_fini) struct text whole = {};
	text_format(&whole, "%c%s.", toupper((unsigned char)phrase[0]), phrase + 1);
	wrap_text(&help->text, text_get(&whole), 0, 0, help->width);
	text_add(&help->text, "\n");
}

void option_shown(const struct option *option, bool aligned, struct text *out)
{
	struct option_spec spec = option_spec(option);
	if (spec.letter)
		text_format(out, "-%c%s", spec.letter, spec.name ? ", " : "");
	else if (aligned)
		text_add(out, "    ");
	if (spec.name)
		text_format(out, "--%.*s", (int)spec.name_length, spec.name);
	if (spec.placeholder_length)
		text_format(out, "%s=%.*s%s", spec.optional ? "[" : "",
			(int)spec.placeholder_length, spec.placeholder, spec.optional ? "]" : "");
}

/* A number as the person could have written it. */
static int64_t read_number(const struct option_field *field, const void *at)
{
	uint64_t number = 0;
	memcpy(&number, at, field->width_bytes);
	unsigned unused = 64 - 8u * field->width_bytes;
	return field->is_signed ? (int64_t)(number << unused) >> unused : (int64_t)number;
}

void option_default(const struct verb *verb, const struct option_group *group,
	const struct option *option, struct text *out)
{
	const struct option_field *field = &option->field;
	if (option->fallback[0]) {
		text_add(out, option->fallback);
		return;
	}
	if (!verb->defaults)
		return;
	const void *at = (const char *)verb->defaults + group->offset + field->offset;
	if (field->kind == OPTION_TEXT) {
		const char *const *word = at;
		text_add(out, *word ? *word : "");
		return;
	}
	if (field->kind == OPTION_LIST || field->kind == OPTION_PAIRS)
		return;
	int64_t number = read_number(field, at);
	if (number == 0 || (field->kind == OPTION_INTEGER && number == -1)) /* -1: none was given */
		return;
	struct option_spec spec = option_spec(option);
	char word[32];
	if (field->kind == OPTION_FLAG)
		text_add(out, "true");
	else if (field->kind == OPTION_CHOICE &&
		 choice_word(&spec, (size_t)number, word, sizeof(word)))
		text_add(out, word);
	else if (field->kind == OPTION_DURATION)
		text_format(out, "%gs", (double)number / 1e9);
	else if (field->kind == OPTION_DECIMAL)
		text_format(out, "%g", (double)number / 1e9);
	else
		text_format(out, "%lld", (long long)number);
}

static void print_option(struct help *help, const struct verb *verb,
	const struct option_group *group, const struct option *option)
{
	autofini(text_fini) struct text left = {}, right = {}, fallback = {};
	option_shown(option, true, &left);
	text_add(&right, option->help);
	option_default(verb, group, option, &fallback);
	if (fallback.length)
		text_format(&right, " (default: %s)", text_get(&fallback));
	row(help, text_get(&left), text_get(&right), help->column);
}

/* As narrow as the options of the verb allow. */
static unsigned option_column(const struct verb *verb)
{
	unsigned column = 0;
	for (const struct option_group *group = verb->groups; group && group->options; group++)
		for (const struct option *o = group->options; !option_ends(o); o++) {
			autofini(text_fini) struct text left = {};
			option_shown(o, true, &left);
			unsigned needs = (unsigned)left.length + 4;
			if (!o->hidden && needs <= HELP_COLUMN && needs > column)
				column = needs;
		}
	return column;
}

static void print_options(struct help *help, struct invocation *invocation)
{
	const struct verb *verb = invocation->verb;
	/* Docker's -h is --hostname in some verbs. */
	bool helped = false, short_help = !find_option(invocation, NULL, 0, 'h', NULL);
	for (const struct option_group *group = verb->groups; group && group->options; group++) {
		bool titled = false;
		for (const struct option *o = group->options; !option_ends(o); o++) {
			if (o->hidden)
				continue;
			if (!titled)
				heading(help, group->title);
			titled = true;
			print_option(help, verb, group, o);
		}
		if (titled && !helped)
			row(help, short_help ? "-h, --help" : "    --help", "show this help",
				help->column);
		helped |= titled;
	}
}

static void print_verbs(struct help *help, const struct verb *noun)
{
	bool headed = false;
	for (const struct verb_entry *entry = noun->verbs; entry->verb || entry->heading[0];
		entry++) {
		if (!entry->verb || !headed)
			heading(help, entry->heading[0] ? entry->heading : "Commands");
		headed = true;
		if (entry->verb && !entry->verb->hidden && !entry->as[0])
			row(help, entry->verb->name, entry->verb->summary, VERB_COLUMN);
	}
}

static void print_examples(struct help *help, const char *examples)
{
	heading(help, "Examples");
	for (const char *line = examples; *line;) {
		size_t length = strcspn(line, "\n");
		bool command = line[0] == '$';
		text_format(&help->text, "  %s%.*s\n", command ? "  " : "", (int)length, line);
		line += length;
		line += *line == '\n';
	}
}

static void print_usage(struct help *help, const struct invocation *invocation)
{
	const struct verb *verb = invocation->verb;
	autofini(text_fini) struct text usage = {};
	text_add(&usage, invocation->words);
	if (verb_shows_options(verb))
		text_add(&usage, " [OPTION...]");
	if (verb->verbs)
		text_add(&usage, " COMMAND ...");
	else if (verb->arguments[0])
		text_format(&usage, " %s", verb->arguments);
	text_format(&help->text, "%sUsage:%s ", terminal_style(help->colours, STYLE_BOLD),
		terminal_style(help->colours, STYLE_PLAIN));
	wrap_text(&help->text, text_get(&usage), USAGE_COLUMN, USAGE_COLUMN, help->width);
	text_add(&help->text, "\n\n");
}

static void print_footer(struct help *help, const struct invocation *invocation)
{
	const struct invocation *outer = invocation->outer;
	autofini(text_fini) struct text footer = {};
	if (invocation->verb->verbs)
		text_format(&footer, "Run '%s COMMAND --help' for more on a command.",
			invocation->words);
	else if (outer && outer->verb->groups && !invocation->verb->own_words)
		text_format(&footer, "The options of '%s' apply here too.", outer->words);
	else
		return;
	text_add(&help->text, "\n");
	wrap_text(&help->text, text_get(&footer), 0, 0, help->width);
	text_add(&help->text, "\n");
}

void help_write(struct invocation *invocation, unsigned width, bool colours, struct text *out)
{
	const struct verb *verb = invocation->verb;
	struct help help = {.width = width, .column = option_column(verb), .colours = colours};
	if (help.width < HELP_COLUMN + 20)
		help.width = HELP_COLUMN + 20;

	print_usage(&help, invocation);
	sentence(&help, verb->summary);
	if (verb->description) {
		text_add(&help.text, "\n");
		wrap_text(&help.text, verb->description, 0, 0, help.width);
		text_add(&help.text, "\n");
	}
	if (verb->verbs)
		print_verbs(&help, verb);
	print_options(&help, invocation);
	if (verb->examples)
		print_examples(&help, verb->examples);
	print_footer(&help, invocation);
	text_add(out, text_get(&help.text));
	text_fini(&help.text);
}

int help_print(struct invocation *invocation)
{
	unsigned columns = terminal_columns(STDOUT_FILENO);
	autofini(text_fini) struct text text = {};
	help_write(invocation, columns < HELP_WIDTH_MAX ? columns : HELP_WIDTH_MAX,
		terminal_colours(STDOUT_FILENO), &text);
	fputs(text_get(&text), stdout);
	return 0;
}

int help_of_words(const struct invocation *invocation, const char *const words[])
{
	struct invocation *named = invocation_of_words(invocation_program(invocation), words);
	return named ? help_print(named) : -EINVAL;
}
