// SPDX-License-Identifier: Apache-2.0

/*
 * Every verb of the program, as its tables say it: the text fits into its row, is
 * written the way we write, --help of each is at most 80 columns wide, and no
 * option or verb hides another.
 */

#include "cli/help.h"
#include "cli/parse.h"
#include "cli/spec.h"
#include "cli/width.h"
#include "unit.h"
#include "verbs/verbs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define is_terminated(array) (memchr((array), '\0', sizeof(array)) != NULL)

static void check_option(const struct verb *verb, const struct option *option)
{
	if (!is_terminated(option->spec) || !is_terminated(option->help) ||
		!is_terminated(option->fallback) || !is_terminated(option->conflicts))
		fail_msg("%s: the row of %.20s is full: text is cut off", verb->name, option->spec);
	struct option_spec spec = option_spec(option);
	if (!spec.name && !spec.letter)
		fail_msg("%s: %s names no option", verb->name, option->spec);
	if ((option->field.kind == OPTION_FLAG) != (spec.placeholder_length == 0))
		fail_msg("%s: %s: a flag has no \"=\", all others have one", verb->name,
			option->spec);
	size_t length = strlen(option->help);
	if (option->hidden || length == 0)
		return;
	if (option->help[length - 1] == '.')
		fail_msg("%s: %s: help is a phrase without a full stop", verb->name, option->spec);
}

/* Options of one verb must not hide each other; hiding those of a noun is allowed. */
static void check_names(const struct verb *verb)
{
	const struct option *seen[256];
	size_t count = 0;
	for (const struct option_group *group = verb->groups; group && group->options; group++)
		for (const struct option *o = group->options; !option_ends(o); o++) {
			const char *cursor = NULL, *name;
			size_t length;
			for (size_t i = 0; i < count; i++) {
				if (option_spec(o).letter &&
					option_spec(o).letter == option_spec(seen[i]).letter)
					fail_msg(
						"%s: -%c twice", verb->name, option_spec(o).letter);
				cursor = NULL;
				while (option_next_name(o, &cursor, &name, &length))
					if (option_named(seen[i], name, length))
						fail_msg("%s: --%.*s twice", verb->name,
							(int)length, name);
			}
			assert_true(count < array_length(seen));
			seen[count++] = o;
			check_option(verb, o);
		}
}

static void check_width(struct invocation *invocation)
{
	autofini(text_fini) struct text help = {};
	help_write(invocation, 80, false, &help);
	for (const char *line = text_get(&help); *line;) {
		size_t length = strcspn(line, "\n");
		if (display_width(line, length) > 80)
			fail_msg("%s --help is wider than 80 columns: %.*s", invocation->words,
				(int)length, line);
		if (length && line[length - 1] == ' ')
			fail_msg("%s --help: blank at the end: %.*s", invocation->words,
				(int)length, line);
		line += length;
		line += *line == '\n';
	}
}

static void check_verb(struct arena *arena, const struct verb *verb, struct invocation *outer)
{
	struct invocation *invocation = invocation_new(arena, verb, outer,
		outer ? arena_format(arena, "%s %s", outer->words, verb->name) : verb->name);
	if (!is_terminated(verb->name) || !is_terminated(verb->summary) ||
		!is_terminated(verb->arguments) || !is_terminated(verb->programs) ||
		!is_terminated(verb->aliases))
		fail_msg("verb %.20s: text is cut off", verb->name);
	if (!verb->summary[0] || isupper((unsigned char)verb->summary[0]) ||
		verb->summary[strlen(verb->summary) - 1] == '.')
		fail_msg("%s: the summary is a phrase without capital and full stop",
			invocation->words);
	assert_true(verb->run || verb->verbs);
	check_names(verb);
	check_width(invocation);

	for (const struct verb_entry *entry = verb->verbs;
		entry && (entry->verb || entry->heading[0]); entry++) {
		if (!entry->verb)
			continue;
		const char *name = entry->as[0] ? entry->as : entry->verb->name;
		if (verb_find(verb, name) != entry->verb)
			fail_msg("%s: %s is hidden by another verb", invocation->words, name);
		if (!entry->as[0])
			check_verb(arena, entry->verb, invocation);
	}
}

static void test_all_verbs(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	check_verb(&arena, &verb_rung, NULL);
}

/* ---- the form of --help ---- */

struct greet_options {
	bool loud;
	const char *name;
	enum { TONE_PLAIN, TONE_POLITE } tone;
	uint64_t memory_bytes;
	int64_t timeout_ns;
	bool secret;
};

static const struct option greet_options[] = {
	{"-l, --loud", "shout", flag_in(greet_options, loud)},
	{"--name, --alias=NAME", "whom to greet, a person or a group of people who stand together",
		text_in(greet_options, name)},
	{"--tone=plain|polite", "how to say it", choice_in(greet_options, tone)},
	{"-m, --memory-for-the-greeting[=SIZE]", "how much", size_in(greet_options, memory_bytes)},
	{"--timeout=TIME", "when to stop", duration_in(greet_options, timeout_ns),
		.fallback = "never"},
	{"--secret", "not shown", flag_in(greet_options, secret), .hidden = true},
	{},
};

static const struct verb verb_greet = {
	.name = "greet",
	.summary = "greet somebody",
	.description = "Greets.\n\nPolitely.",
	.arguments = "[NAME]",
	verb_options(greet_options),
	.defaults = &(const struct greet_options){.name = "world", .tone = TONE_POLITE},
	.examples = "greet all:\n$ greet --loud all\n",
};

static void test_form(void **state)
{
	static const char expected[] = "Usage: greet [OPTION...] [NAME]\n"
				       "\n"
				       "Greet somebody.\n"
				       "\n"
				       "Greets.\n"
				       "\n"
				       "Politely.\n"
				       "\n"
				       "Options:\n"
				       "  -l, --loud               shout\n"
				       "      --name=NAME          whom to greet, a person or a\n"
				       "                           group of people who stand\n"
				       "                           together (default: world)\n"
				       "      --tone=plain|polite  how to say it (default:\n"
				       "                           polite)\n"
				       "  -m, --memory-for-the-greeting[=SIZE]\n"
				       "                           how much\n"
				       "      --timeout=TIME       when to stop (default:\n"
				       "                           never)\n"
				       "  -h, --help               show this help\n"
				       "\n"
				       "Examples:\n"
				       "  greet all:\n"
				       "    $ greet --loud all\n";
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text help = {};
	help_write(invocation_new(&arena, &verb_greet, NULL, "greet"), 55, false, &help);
	assert_string_equal(text_get(&help), expected);
}

static void test_colours(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text help = {};
	help_write(invocation_new(&arena, &verb_greet, NULL, "greet"), 80, true, &help);
	assert_non_null(strstr(text_get(&help), "\033[1mOptions:\033[0m\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_verbs),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_colours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
