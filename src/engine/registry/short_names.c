// SPDX-License-Identifier: Apache-2.0

/*
 * Short names: what "debian" can mean. An alias settles it; else every registry of the search list
 * is a candidate. Nobody is ever asked: where several registries are configured they are tried in
 * their order, as Docker's users expect of the one that they know.
 */

#include "base/error.h"
#include "base/text.h"
#include "engine/registry/registries.h"

/* The name part of a word: without tag and digest. */
static const char *bare_name(const char *word, struct arena *arena)
{
	char *name = arena_strndup(arena, word, strcspn(word, "@"));
	char *slash = strrchr(name, '/');
	char *colon = strchr(slash ? slash : name, ':');
	if (colon)
		*colon = '\0';
	return name;
}

static void add(struct strings *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (text_equal(names->items[i], name))
			return;
	names->items[names->count++] = name;
}

/* The full name at a place, with the tag and the digest of the word. */
static int add_at(
	const char *place, const struct reference *word, struct arena *arena, struct strings *names)
{
	struct reference full;
	int r = reference_parse(place, arena, &full);
	if (r < 0)
		return r;
	full.tag = word->tag;
	full.digest = word->digest;
	add(names, reference_name(&full, arena));
	return 0;
}

int reference_candidates(
	const char *word, bool local, struct arena *arena, struct strings *ret_names)
{
	struct reference reference;
	struct registries registries;
	int r = reference_parse(word, arena, &reference);
	if (r < 0)
		return r;
	if (reference_is_qualified(word)) {
		struct strings only = {.items = arena_new(arena, const char *, 2), .count = 1};
		only.items[0] = reference_name(&reference, arena);
		*ret_names = only;
		return 0;
	}
	r = registries_load(arena, &registries);
	if (r < 0)
		return r;
	const char *name = bare_name(word, arena);
	const char *alias = registries_alias(&registries, name);
	struct strings names = {
		.items = arena_new(arena, const char *, registries.search.count + 4)};
	if (local)
		r = add_at(arena_format(arena, "localhost/%s", name), &reference, arena, &names);
	if (r >= 0 && alias)
		r = add_at(alias, &reference, arena, &names);
	for (size_t i = 0; r >= 0 && (!alias || local) && i < registries.search.count; i++)
		r = add_at(arena_format(arena, "%s/%s", registries.search.items[i], name),
			&reference, arena, &names);
	/* What was pulled when nobody had configured another list. */
	if (r >= 0 && local)
		add(&names, reference_name(&reference, arena));
	if (r < 0)
		return r;
	*ret_names = names;
	return 0;
}
