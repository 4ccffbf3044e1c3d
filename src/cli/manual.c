// SPDX-License-Identifier: Apache-2.0

/*
 * What a manual page takes from the tables. The pages are prose in docs/man;
 * their lines "@options run@" are replaced by what is printed here, so that an
 * option exists in the manual as soon as it exists in the program.
 */

#include "cli/manual.h"

#include "base/error.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "cli/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

/* Characters that scdoc gives a meaning become themselves. */
static void add_plain(struct text *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] && strchr("\\*_#<>~[", bytes[i]))
			text_add(out, "\\");
		text_add_bytes(out, &bytes[i], 1);
	}
}

static void add_phrase(struct text *out, const char *phrase)
{
	char first = (char)toupper((unsigned char)phrase[0]);
	add_plain(out, &first, 1);
	add_plain(out, phrase + 1, strlen(phrase + 1));
	text_add(out, ".");
}

static void add_option(struct text *out, const struct verb *verb, const struct option_group *group,
	const struct option *option)
{
	struct option_spec spec = option_spec(option);
	const char *cursor = NULL, *name;
	size_t length;
	bool first = true;
	if (spec.letter) {
		text_format(out, "*-%c*", spec.letter);
		first = false;
	}
	while (option_next_name(option, &cursor, &name, &length)) {
		text_format(out, "%s*--%.*s*", first ? "" : ", ", (int)length, name);
		first = false;
	}
	if (spec.placeholder_length) {
		text_add(out, spec.optional ? "\\[=_" : "=_");
		add_plain(out, spec.placeholder, spec.placeholder_length);
		text_add(out, spec.optional ? "_]" : "_");
	}
	text_add(out, "\n\t");
	add_phrase(out, option->help);
	autofini(text_fini) struct text fallback = {};
	option_default(verb, group, option, &fallback);
	if (fallback.length) {
		text_add(out, " Default: ");
		add_plain(out, fallback.bytes, fallback.length);
		text_add(out, ".");
	}
	text_add(out, "\n\n");
}

static void add_options(struct text *out, const struct verb *verb, bool titles)
{
	for (const struct option_group *group = verb->groups; group && group->options; group++) {
		bool titled = !titles || group == verb->groups;
		for (const struct option *o = group->options; !option_ends(o); o++) {
			if (o->hidden)
				continue;
			if (!titled)
				text_format(out, "## %s\n\n", group->title);
			titled = true;
			add_option(out, verb, group, o);
		}
	}
}

static void add_synopsis(struct text *out, const struct invocation *invocation)
{
	const struct verb *verb = invocation->verb;
	text_format(out, "*%s*", invocation->words);
	if (verb_shows_options(verb))
		text_add(out, " \\[_OPTION_...]");
	if (verb->verbs)
		text_add(out, " _COMMAND_ ...");
	else if (verb->arguments[0]) {
		text_add(out, " ");
		for (const char *c = verb->arguments; *c;) {
			size_t word = strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
			if (word)
				text_format(out, "_%.*s_", (int)word, c);
			else
				add_plain(out, c, 1);
			c += word ? word : 1;
		}
	}
	text_add(out, "\n\n");
}

static void add_description(struct text *out, const struct verb *verb)
{
	if (verb->description)
		add_plain(out, verb->description, strlen(verb->description));
	text_add(out, "\n\n");
}

/* "what it does\n$ command\n": the command as literal text below the words. */
static void add_examples(struct text *out, const struct verb *verb)
{
	bool literal = false;
	for (const char *line = verb->examples ? verb->examples : ""; *line;) {
		size_t length = strcspn(line, "\n");
		bool command = line[0] == '$';
		if (command != literal)
			text_add(out, command ? "\n```\n" : "```\n\n");
		literal = command;
		if (command)
			text_add_bytes(out, line, length);
		else
			add_plain(out, line, length);
		text_add(out, "\n");
		line += length;
		line += *line == '\n';
	}
	text_add(out, literal ? "```\n\n" : "\n");
}

static void add_commands(struct text *out, const struct verb *noun)
{
	for (const struct verb_entry *entry = noun->verbs;
		entry && (entry->verb || entry->heading[0]); entry++) {
		if (!entry->verb || entry->as[0] || entry->verb->hidden)
			continue;
		text_format(out, "*%s*\n\t", entry->verb->name);
		add_phrase(out, entry->verb->summary);
		text_add(out, "\n\n");
	}
}

static void add_verbs(struct text *out, struct invocation *noun)
{
	for (const struct verb_entry *entry = noun->verb->verbs;
		entry && (entry->verb || entry->heading[0]); entry++) {
		const struct verb *verb = entry->verb;
		if (!verb || entry->as[0] || verb->hidden)
			continue;
		const char *words = arena_format(noun->arena, "%s %s", noun->words, verb->name);
		struct invocation *inner = invocation_new(noun->arena, verb, noun, words);
		text_format(out, "## %s\n\n", verb->name);
		add_synopsis(out, inner);
		add_phrase(out, verb->summary);
		text_add(out, "\n\n");
		if (verb->description)
			add_description(out, verb);
		add_options(out, verb, false);
		if (verb->examples)
			add_examples(out, verb);
	}
}

int manual_print(struct invocation *program, const char *const words[])
{
	if (!words[0])
		return refuse(-EINVAL, "which part of the manual?");
	struct invocation *invocation = invocation_of_words(program, words + 1);
	if (!invocation)
		return -EINVAL;
	const struct verb *verb = invocation->verb;
	autofini(text_fini) struct text out = {};
	if (text_equal(words[0], "synopsis"))
		add_synopsis(&out, invocation);
	else if (text_equal(words[0], "description"))
		add_description(&out, verb);
	else if (text_equal(words[0], "options"))
		add_options(&out, verb, true);
	else if (text_equal(words[0], "commands"))
		add_commands(&out, verb);
	else if (text_equal(words[0], "verbs"))
		add_verbs(&out, invocation);
	else if (text_equal(words[0], "examples"))
		add_examples(&out, verb);
	else
		return refuse(-EINVAL, "a manual has no part \"%s\"", words[0]);
	fputs(text_get(&out), stdout);
	return 0;
}
