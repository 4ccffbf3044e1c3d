// SPDX-License-Identifier: Apache-2.0

/*
 * `rung __complete WORD...`: walks the words as the parser would, but forgives:
 * half-typed lines are wrong most of the time. The options on the way are stored,
 * so that a completer sees the --root that was typed. Then the last word is
 * either a value, an option, a verb or an argument, and the tables say which.
 */

#include "cli/complete.h"

#include "base/error.h"
#include "cli/parse.h"
#include "cli/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

struct completions {
	struct text out;
	const char *typed; /* what a candidate has to begin with */
	size_t before;     /* bytes of typed that are "--option=" */
};

/* Where in the command line we are. */
struct place {
	struct invocation *invocation;
	struct found value_of; /* the option whose value comes next, if any */
	bool options;          /* options can still come */
	bool lost;             /* an unknown verb: nothing can be said */
};

void completion_add(struct completions *completions, const char *word, const char *description)
{
	if (!text_starts(word, completions->typed + completions->before))
		return;
	text_add_bytes(&completions->out, completions->typed, completions->before);
	text_add(&completions->out, word);
	if (!text_empty(description))
		text_format(&completions->out, "\t%s", description);
	text_add(&completions->out, "\n");
}

/* ---- walking the words before the last ---- */

static void walk_option(struct place *place, const char *word)
{
	if (word[1] == '-') {
		struct found found;
		size_t length = strcspn(word + 2, "=");
		if (!find_option(place->invocation, word + 2, length, 0, &found))
			return;
		if (word[2 + length] == '=')
			(void)option_use(&found, word, word + 2 + length + 1);
		else if (option_takes_word(found.option))
			place->value_of = found;
		else
			(void)option_use(&found, word, NULL);
		return;
	}
	for (const char *c = word + 1; *c; c++) {
		struct found found;
		if (!find_option(place->invocation, NULL, 0, *c, &found))
			return;
		if (!option_takes_word(found.option))
			continue;
		if (c[1])
			(void)option_use(&found, word, c + 1);
		else
			place->value_of = found;
		return;
	}
}

static void walk_word(struct place *place, const char *word)
{
	struct invocation *at = place->invocation;
	if (place->value_of.option) {
		(void)option_use(&place->value_of, word, word);
		place->value_of = (struct found){};
	} else if (place->options && text_equal(word, "--")) {
		place->options = false;
	} else if (place->options && word[0] == '-' && word[1]) {
		walk_option(place, word);
	} else if (at->verb->verbs) {
		const struct verb *inner = verb_find(at->verb, word);
		place->lost = !inner;
		if (inner)
			place->invocation = invocation_new(at->arena, inner, at, at->words);
	} else {
		at->argument_count++;
		place->options = place->options && !at->verb->command;
	}
}

/* ---- what the last word can be ---- */

static void add_signals(struct completions *completions)
{
	static const char names[][6] = {"HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM",
		"CONT", "STOP", "TSTP", "WINCH"};
	for (size_t i = 0; i < array_length(names); i++)
		completion_add(completions, names[i], NULL);
}

static void add_words(struct completions *completions, const char *words, size_t length)
{
	struct option_spec spec = {.placeholder = words, .placeholder_length = length};
	char word[32];
	for (size_t n = 0; choice_word(&spec, n, word, sizeof(word)); n++)
		completion_add(completions, word, NULL);
}

static const struct completer *find_completer(const struct invocation *at, const char *placeholder)
{
	for (; at; at = at->outer) {
		const struct completer *completer = at->verb->completers;
		for (; completer && completer->list; completer++)
			if (text_equal(completer->placeholder, placeholder))
				return completer;
	}
	return NULL;
}

/* What a placeholder such as "DIR:DIR[:ro]" stands for: its first word decides. */
static void add_placeholder(struct completions *completions, const struct place *place,
	const char *words, size_t length)
{
	static const struct {
		char placeholder[12];
		char directive[14];
	} known[] = {{"FILE", ":files"}, {"PATH", ":files"}, {"SOURCE", ":files"},
		{"DIR", ":directories"}, {"BUNDLE", ":directories"}, {"ROOTFS", ":directories"},
		{"COMMAND", ":commands"}, {"ARGUMENT", ":files"}, {"USER", ":users"}};

	if (memchr(words, '|', length)) {
		add_words(completions, words, length);
		return;
	}
	char placeholder[24] = "";
	size_t letters = 0;
	while (letters < length && letters < sizeof(placeholder) - 1 &&
		(isupper((unsigned char)words[letters]) || words[letters] == '-'))
		letters++;
	memcpy(placeholder, words, letters);

	const struct completer *completer = find_completer(place->invocation, placeholder);
	if (completer)
		completer->list(place->invocation, completions);
	else if (text_equal(placeholder, "SIGNAL"))
		add_signals(completions);
	else
		for (size_t i = 0; i < array_length(known); i++)
			if (text_equal(placeholder, known[i].placeholder))
				text_format(&completions->out, "%s\n", known[i].directive);
}

static void add_value(
	struct completions *completions, const struct place *place, const struct option *option)
{
	struct option_spec spec = option_spec(option);
	if (option->field.kind == OPTION_FLAG)
		add_words(completions, "true|false", 10);
	else
		add_placeholder(completions, place, spec.placeholder, spec.placeholder_length);
}

static void add_options(struct completions *completions, const struct place *place)
{
	for (const struct invocation *at = place->invocation; at; at = at->outer) {
		const struct option_group *group = at->verb->groups;
		for (; group && group->options; group++)
			for (const struct option *o = group->options; !option_ends(o); o++) {
				struct option_spec spec = option_spec(o);
				if (o->hidden || !spec.name)
					continue;
				char name[64];
				snprintf(name, sizeof(name), "--%.*s", (int)spec.name_length,
					spec.name);
				completion_add(completions, name, o->help);
			}
	}
	completion_add(completions, "--help", "show how it is used");
}

static void add_verbs(const struct verb *noun, struct completions *completions)
{
	for (const struct verb_entry *entry = noun->verbs; entry->verb || entry->heading[0];
		entry++)
		if (entry->verb && !entry->verb->hidden)
			completion_add(completions, entry->as[0] ? entry->as : entry->verb->name,
				entry->verb->summary);
}

/* The n-th word of "CONTAINER [COMMAND [ARGUMENT...]]"; the last one repeats. */
static void add_argument(struct completions *completions, const struct place *place)
{
	const char *words = place->invocation->verb->arguments, *word = NULL;
	size_t length = 0, n = place->invocation->argument_count;
	for (const char *c = words + strspn(words, "[ "); *c; c += strspn(c, "[]. ")) {
		word = c;
		length = strcspn(c, "[]. ");
		c += length;
		bool repeats = text_starts(c, "...");
		if (n == 0 || repeats) {
			add_placeholder(completions, place, word, length);
			return;
		}
		n--;
	}
}

static void add_candidates(struct completions *completions, const struct place *place)
{
	const char *word = completions->typed;
	const struct verb *verb = place->invocation->verb;
	if (place->lost)
		return;
	if (place->value_of.option) {
		add_value(completions, place, place->value_of.option);
	} else if (place->options && word[0] == '-') {
		size_t length = strcspn(word, "=");
		struct found found;
		if (word[length] == '\0') {
			add_options(completions, place);
		} else if (length > 2 &&
			   find_option(place->invocation, word + 2, length - 2, 0, &found)) {
			completions->before = length + 1;
			add_value(completions, place, found.option);
		}
	} else if (verb->verbs) {
		add_verbs(verb, completions);
	} else {
		add_argument(completions, place);
	}
}

void complete_write(struct invocation *program, const char *const words[], struct text *out)
{
	struct place place = {.invocation = program, .options = true};
	struct completions completions = {.typed = ""};
	for (; *words && words[1]; words++)
		walk_word(&place, *words);
	if (*words)
		completions.typed = *words;
	add_candidates(&completions, &place);
	text_add(out, text_get(&completions.out));
	text_fini(&completions.out);
	/* Half-typed lines are wrong; nobody wants to hear it. */
	error_clear();
}

int complete_print(struct invocation *program, const char *const words[])
{
	autofini(text_fini) struct text out = {};
	complete_write(program, words, &out);
	fputs(text_get(&out), stdout);
	return 0;
}

void complete_verbs(const struct invocation *invocation, struct completions *completions)
{
	add_verbs(invocation_program(invocation)->verb, completions);
}

/* ---- the scripts ---- */

int completion_script(const struct invocation *invocation, const char *shell)
{
	static const char bash[] =
#include "rung.bash.inc"
		;
	static const char zsh[] =
#include "_rung.inc"
		;
	static const char fish[] =
#include "rung.fish.inc"
		;

	const char *script = text_equal(shell, "bash")   ? bash
			     : text_equal(shell, "zsh")  ? zsh
			     : text_equal(shell, "fish") ? fish
							 : NULL;
	if (!script)
		return usage_error(invocation, "no completion for \"%s\"", shell);
	fputs(script, stdout);
	return 0;
}
