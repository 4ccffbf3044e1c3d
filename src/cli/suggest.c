// SPDX-License-Identifier: Apache-2.0

/*
 * The nearest right word to a wrong one. A word is near when at most a third of
 * its letters are wrong, or when the person stopped typing early (`--mem`).
 */

#include "cli/suggest.h"

#include "base/error.h"
#include "cli/parse.h"
#include "cli/spec.h"

#include <errno.h>
#include <stdio.h>

#define WORD_MAX 63

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	if (a_length > WORD_MAX || b_length > WORD_MAX)
		return WORD_MAX;
	/* Three rows of the usual matrix: swapping neighbours looks two rows back. */
	unsigned rows[3][WORD_MAX + 1];
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned wrong = a[i - 1] != b[j - 1];
			now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + wrong);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], older[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

struct nearest {
	const char *typed;
	size_t length;
	unsigned distance;
	struct suggestion suggestion;
};

static void consider(struct nearest *nearest, const char *name, size_t length)
{
	unsigned distance = edit_distance(nearest->typed, nearest->length, name, length);
	/* An early stop counts like one wrong letter, so the shortest completion wins last. */
	if (nearest->length >= 2 && length > nearest->length &&
		memcmp(name, nearest->typed, nearest->length) == 0)
		distance = 1;
	size_t longer = length > nearest->length ? length : nearest->length;
	if (distance >= nearest->distance || distance > (longer + 1) / 3)
		return;
	nearest->distance = distance;
	snprintf(nearest->suggestion.word, sizeof(nearest->suggestion.word), "%.*s", (int)length,
		name);
}

struct suggestion suggest_option(
	const struct invocation *invocation, const char *name, size_t length)
{
	struct nearest nearest = {name, length, WORD_MAX, {}};
	for (; invocation; invocation = invocation->outer) {
		const struct option_group *group = invocation->verb->groups;
		for (; group && group->options; group++)
			for (const struct option *o = group->options; !option_ends(o); o++) {
				const char *cursor = NULL, *own;
				size_t own_length;
				while (!o->hidden &&
					option_next_name(o, &cursor, &own, &own_length))
					consider(&nearest, own, own_length);
			}
	}
	consider(&nearest, "help", 4);
	return nearest.suggestion;
}

struct suggestion suggest_verb(const struct verb *noun, const char *name)
{
	struct nearest nearest = {name, strlen(name), WORD_MAX, {}};
	for (const struct verb_entry *entry = noun->verbs;
		entry && (entry->verb || entry->heading[0]); entry++) {
		if (!entry->verb || entry->verb->hidden)
			continue;
		const char *own = entry->as[0] ? entry->as : entry->verb->name;
		consider(&nearest, own, strlen(own));
	}
	return nearest.suggestion;
}

int verb_unknown(const struct invocation *invocation, const char *name)
{
	if (!invocation->verb->verbs)
		return refuse(-EINVAL, "'%s' has no commands", invocation->words);
	int r = refuse(-EINVAL, "unknown command \"%s\"", name);
	struct suggestion nearest = suggest_verb(invocation->verb, name);
	if (nearest.word[0])
		hint("did you mean '%s %s'? Run '%s --help' for all commands", invocation->words,
			nearest.word, invocation->words);
	hint("run '%s --help' for all commands", invocation->words);
	return r;
}

struct invocation *invocation_of_words(const struct invocation *program, const char *const words[])
{
	struct invocation *at = invocation_new(program->arena, program->verb, NULL, program->words);
	for (; *words; words++) {
		const struct verb *verb = at->verb->verbs ? verb_find(at->verb, *words) : NULL;
		if (!verb) {
			(void)verb_unknown(at, *words);
			return NULL;
		}
		at = invocation_new(
			at->arena, verb, at, arena_format(at->arena, "%s %s", at->words, *words));
	}
	return at;
}
