// SPDX-License-Identifier: Apache-2.0

/*
 * From argv to the fields of a verb's options.
 *
 * Comes in: the words of the command line and the tables of the verb and of the
 * nouns around it. Goes out: filled options, the arguments in order, and a note
 * of which options were given. What can go wrong is always the person's: one
 * sentence, and a hint with the nearest right word.
 *
 * Not getopt_long(3): it abbreviates (`--nam`) and cannot be told not to, and it
 * refuses `--rm=false` for a flag, so Docker's syntax cannot be said in it.
 * Names are exact here; adding an option can never change what an old script says.
 */

#include "cli/parse.h"

#include "base/error.h"
#include "cli/spec.h"
#include "cli/suggest.h"

#include <errno.h>

/* NULL where the verb has no such option; *ret_group is where it stands. */
static const struct option *find_in(const struct verb *verb, const char *name, size_t length,
	char letter, const struct option_group **ret_group)
{
	const struct option_group *group = verb->groups;
	for (; group && group->options; group++)
		for (const struct option *o = group->options; !option_ends(o); o++) {
			bool match = name ? option_named(o, name, length)
					  : o->spec[0] == '-' && o->spec[1] == letter;
			if (!match)
				continue;
			*ret_group = group;
			return o;
		}
	return NULL;
}

bool find_option(struct invocation *invocation, const char *name, size_t length, char letter,
	struct found *ret)
{
	const struct option_group *group;
	for (; invocation; invocation = invocation->outer) {
		const struct option *option =
			find_in(invocation->verb, name, length, letter, &group);
		if (!option)
			continue;
		if (ret)
			*ret = (struct found){option, invocation,
				(uint16_t)(group->offset + option->field.offset)};
		return true;
	}
	return false;
}

static int hinted(const struct invocation *invocation, int r)
{
	hint("run '%s --help' for its options", invocation->words);
	return r;
}

static int unknown_option(const struct invocation *invocation, const char *name, size_t length)
{
	int r = refuse(-EINVAL, "unknown option --%.*s", (int)length, name);
	struct suggestion nearest = suggest_option(invocation, name, length);
	if (nearest.word[0])
		hint("did you mean --%s? Run '%s --help' for all options", nearest.word,
			invocation->words);
	return hinted(invocation, r);
}

static int needs_value(
	const struct invocation *invocation, const struct option *option, const char *named)
{
	struct option_spec spec = option_spec(option);
	return hinted(invocation, refuse(-EINVAL, "option %s needs a value: %s=%.*s", named, named,
					  (int)spec.placeholder_length, spec.placeholder));
}

int option_use(const struct found *found, const char *named, const char *value)
{
	struct invocation *owner = found->owner;
	char *target = (char *)owner->options + found->offset;
	int r = option_store(owner->arena, found->option, target, named, value);
	if (r < 0)
		return r;

	struct given_option *given =
		arena_new(owner->arena, struct given_option, owner->given_count + 1);
	if (owner->given_count)
		memcpy(given, owner->given, owner->given_count * sizeof(*given));
	given[owner->given_count] = (struct given_option){found->option, found->offset};
	owner->given = given;
	owner->given_count++;
	return 0;
}

bool option_takes_word(const struct option *option)
{
	return option->field.kind != OPTION_FLAG && !option_spec(option).optional;
}

static int parse_long(struct invocation *invocation, const char *word, struct words *words)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] == '=' ? name + length + 1 : NULL;
	struct found found;
	if (!find_option(invocation, name, length, 0, &found)) {
		if (length == 4 && memcmp(name, "help", 4) == 0 && !value)
			return PARSE_HELP;
		return unknown_option(invocation, name, length);
	}

	const char *named = arena_format(invocation->arena, "--%.*s", (int)length, name);
	if (!value && option_takes_word(found.option)) {
		if (words->next == words->end)
			return needs_value(invocation, found.option, named);
		value = *words->next++;
	}
	return option_use(&found, named, value);
}

/* "-it", "-eFOO=1", "-e=FOO=1", "-e FOO=1". */
static int parse_letters(struct invocation *invocation, const char *word, struct words *words)
{
	for (const char *c = word + 1; *c; c++) {
		const char named[] = {'-', *c, '\0'};
		struct found found;
		if (!find_option(invocation, NULL, 0, *c, &found)) {
			if (*c == 'h')
				return PARSE_HELP;
			return hinted(
				invocation, refuse(-EINVAL, "unknown option %s%s%s", named,
						    word[2] ? " in " : "", word[2] ? word : ""));
		}

		bool flag = found.option->field.kind == OPTION_FLAG;
		const char *value = NULL;
		if (c[1] == '=')
			value = c + 2;
		else if (!flag && c[1])
			value = c + 1;
		else if (option_takes_word(found.option)) {
			if (words->next == words->end)
				return needs_value(invocation, found.option, named);
			value = *words->next++;
		}
		int r = option_use(&found, named, value);
		if (r < 0 || value)
			return r;
	}
	return PARSE_DONE;
}

static void take_argument(struct invocation *invocation, const char *word)
{
	invocation->arguments[invocation->argument_count++] = word;
}

int parse_words(struct invocation *invocation, struct words *words)
{
	const struct verb *verb = invocation->verb;
	size_t most = (size_t)(words->end - words->next);
	invocation->arguments = arena_new(invocation->arena, const char *, most + 1);

	/* As the program it has a --help of its own. */
	bool own = verb->own_words;
	if (own && invocation->outer && most > 0 && text_equal(*words->next, "--help"))
		return PARSE_HELP;
	bool options = !own;
	while (words->next < words->end) {
		const char *word = *words->next;
		bool is_option = options && word[0] == '-' && word[1] != '\0';
		if (!is_option && verb->verbs)
			return PARSE_INNER;

		words->next++;
		int r = PARSE_DONE;
		if (!is_option) {
			take_argument(invocation, word);
			options = options && !verb->command;
		} else if (text_equal(word, "--")) {
			options = false;
		} else if (word[1] == '-') {
			r = parse_long(invocation, word, words);
		} else {
			r = parse_letters(invocation, word, words);
		}
		if (r != PARSE_DONE)
			return r;
	}
	return PARSE_DONE;
}

struct argument_range argument_range(const char *arguments)
{
	struct argument_range range = {};
	unsigned depth = 0;
	for (const char *c = arguments; *c;) {
		if (*c == '[') {
			depth++;
			c++;
		} else if (*c == ']') {
			depth--;
			c++;
		} else if (*c == '.') {
			range.most = SIZE_MAX;
			c++;
		} else if (*c == ' ') {
			c++;
		} else {
			range.least += depth == 0;
			if (range.most != SIZE_MAX)
				range.most++;
			c += strcspn(c, "[]. ");
		}
	}
	return range;
}

static int check_conflicts(const struct invocation *invocation, const struct given_option *use)
{
	const char *name = use->option->conflicts;
	while (*name) {
		size_t length = strcspn(name, " ");
		for (size_t i = 0; i < invocation->given_count; i++)
			if (option_named(invocation->given[i].option, name + 2, length - 2)) {
				struct option_spec spec = option_spec(use->option);
				return usage_error(invocation,
					"--%.*s and %.*s cannot be given together",
					(int)spec.name_length, spec.name, (int)length, name);
			}
		name += length;
		name += strspn(name, " ");
	}
	return 0;
}

int parse_check(const struct invocation *invocation)
{
	const struct verb *verb = invocation->verb;
	struct argument_range range = argument_range(verb->arguments);
	size_t count = invocation->argument_count;
	if (count > range.most)
		return usage_error(invocation, "unexpected argument \"%s\"",
			invocation->arguments[range.most]);
	if (count < range.least) {
		const char *missing = verb->arguments;
		for (size_t i = 0; i < count; i++)
			missing += strcspn(missing, " ") + 1;
		return usage_error(
			invocation, "%.*s is missing", (int)strcspn(missing, " [."), missing);
	}
	for (size_t i = 0; i < invocation->given_count; i++) {
		int r = check_conflicts(invocation, &invocation->given[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
