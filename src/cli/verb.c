// SPDX-License-Identifier: Apache-2.0

/* What an invocation answers, and how verbs are found by name. */

#include "cli/verb.h"

#include "base/error.h"
#include "cli/parse.h"
#include "cli/spec.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

bool names_hold(const char *names, const char *name, size_t length)
{
	while (*names) {
		size_t own = strcspn(names, ",");
		if (own == length && memcmp(names, name, length) == 0)
			return true;
		names += own;
		names += *names == ',';
	}
	return false;
}

const struct verb *verb_find(const struct verb *noun, const char *name)
{
	size_t length = strlen(name);
	if (length == 0)
		return NULL;
	for (const struct verb_entry *entry = noun->verbs; entry->verb || entry->heading[0];
		entry++) {
		if (!entry->verb)
			continue;
		if (entry->as[0] ? text_equal(entry->as, name)
				 : text_equal(entry->verb->name, name) ||
					   names_hold(entry->verb->aliases, name, length))
			return entry->verb;
	}
	return NULL;
}

struct invocation *invocation_new(
	struct arena *arena, const struct verb *verb, struct invocation *outer, const char *words)
{
	struct invocation *invocation = arena_new(arena, struct invocation, 1);
	int common = 0;
	for (const struct invocation *i = outer; i && !verb->own_failure_status; i = i->outer)
		common = i->verb->inner_failure_status;
	*invocation = (struct invocation){
		.verb = verb,
		.outer = outer,
		.words = words,
		.arena = arena,
		.options = arena_alloc(arena, verb->options_size ? verb->options_size : 1),
		.failure_status = common                 ? common
				  : verb->failure_status ? verb->failure_status
				  : outer                ? outer->failure_status
							 : 1,
	};
	if (verb->defaults)
		memcpy(invocation->options, verb->defaults, verb->options_size);
	return invocation;
}

void *invocation_options(const struct invocation *invocation, size_t size_bytes)
{
	assert(invocation->verb->options_size == size_bytes);
	return invocation->options;
}

bool option_given(const struct invocation *invocation, const void *field)
{
	size_t offset = (size_t)((const char *)field - (const char *)invocation->options);
	assert(offset < invocation->verb->options_size);
	for (size_t i = 0; i < invocation->given_count; i++)
		if (invocation->given[i].offset == offset)
			return true;
	return false;
}

const struct invocation *invocation_program(const struct invocation *invocation)
{
	while (invocation->outer)
		invocation = invocation->outer;
	return invocation;
}

bool verb_shows_options(const struct verb *verb)
{
	for (const struct option_group *group = verb->groups; group && group->options; group++)
		for (const struct option *o = group->options; !option_ends(o); o++)
			if (!o->hidden)
				return true;
	return false;
}

int usage_error(const struct invocation *invocation, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *text = arena_vformat(invocation->arena, format, arguments);
	va_end(arguments);
	int r = refuse(-EINVAL, "%s", text);
	const struct verb *verb = invocation->verb;
	hint("usage: %s%s%s%s; run '%s --help' for more", invocation->words,
		verb_shows_options(verb) ? " [OPTION...]" : "", verb->arguments[0] ? " " : "",
		verb->arguments, invocation->words);
	return r;
}
