// SPDX-License-Identifier: Apache-2.0

/*
 * The whole program in order: which verb is meant, what its options say, run
 * it, tell how it went. The only place that prints errors and decides the
 * status of the process.
 *
 * The program may be started under another name (crun, runc): then the noun or
 * verb that claims the name stands in its place, and what the person reads says
 * the name they typed.
 */

#include "base/error.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "cli/parse.h"
#include "cli/suggest.h"

#include <errno.h>
#include <stdio.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The verb that acts as the program when it is started under this name. */
static const struct verb *acting(const struct verb *program, const char *name)
{
	size_t length = strlen(name);
	if (text_equal(program->name, name) || !program->verbs)
		return program;
	for (const struct verb_entry *entry = program->verbs; entry->verb || entry->heading[0];
		entry++)
		if (entry->verb && names_hold(entry->verb->programs, name, length))
			return entry->verb;
	return program;
}

/* Nouns from the outside in. */
static int enter(struct invocation *invocation)
{
	if (!invocation)
		return 0;
	int r = enter(invocation->outer);
	return r >= 0 && invocation->verb->enter ? invocation->verb->enter(invocation) : r;
}

static int run(struct invocation *invocation, int end)
{
	if (end == PARSE_HELP || !invocation->verb->run)
		return help_print(invocation);
	if (!invocation->verb->verbs && !invocation->verb->own_words) {
		int r = parse_check(invocation);
		if (r < 0)
			return r;
	}
	int r = enter(invocation->outer);
	return r < 0 ? r : invocation->verb->run(invocation);
}

/* `rung sandbox --allow net curl` means `rung sandbox run --allow net curl`. */
static bool goes_without_saying(const struct verb *noun, const struct words *words)
{
	return noun->otherwise && words->next < words->end && !text_equal(*words->next, "--help") &&
	       !text_equal(*words->next, "-h") && !verb_find(noun, *words->next);
}

/* Goes down the words to the innermost verb, which *at names also on failure. */
static int descend(struct invocation **at, struct words *words)
{
	for (;;) {
		struct invocation *invocation = *at;
		if (goes_without_saying(invocation->verb, words)) {
			const struct verb *verb = invocation->verb->otherwise;
			*at = invocation_new(invocation->arena, verb, invocation,
				arena_format(
					invocation->arena, "%s %s", invocation->words, verb->name));
			continue;
		}
		int r = parse_words(invocation, words);
		if (r != PARSE_INNER)
			return r;
		const char *name = *words->next++;
		const struct verb *verb = verb_find(invocation->verb, name);
		if (!verb)
			return verb_unknown(invocation, name);
		*at = invocation_new(invocation->arena, verb, invocation,
			arena_format(invocation->arena, "%s %s", invocation->words, name));
	}
}

static void report(const struct invocation *invocation, const char *name)
{
	for (const struct invocation *i = invocation; i; i = i->outer)
		if (i->verb->report)
			i->verb->report(i);
	fprintf(stderr, "%s: %s\n", name, error_text());
	if (error_hint()[0])
		fprintf(stderr, "hint: %s\n", error_hint());
}

int cli_main(const struct verb *program, int argc, char **argv)
{
	struct arena arena = {};
	const char *name = argc > 0 ? base_name(argv[0]) : program->name;
	const struct verb *verb = acting(program, name);
	struct invocation *invocation =
		invocation_new(&arena, verb, NULL, verb->own_words ? argv[0] : name);
	struct words words = {argv + (argc > 0), argv + argc};

	int r;
	if (argc > 1 && !verb->own_words && text_equal(argv[1], "__complete")) {
		r = complete_print(invocation, (const char *const *)argv + 2);
	} else if (argc > 1 && !verb->own_words && text_equal(argv[1], "__man")) {
		r = manual_print(invocation, (const char *const *)argv + 2);
	} else {
		r = descend(&invocation, &words);
		if (r >= 0)
			r = run(invocation, r);
	}
	/* A full disk or a closed pipe must not look like success. */
	if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = fail(errno ? -errno : -EIO, "write to standard output");
	if (r < 0) {
		report(invocation, name);
		r = invocation->failure_status;
	}
	arena_fini(&arena);
	return r;
}
