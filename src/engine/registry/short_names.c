// SPDX-License-Identifier: Apache-2.0

/* Short names: what "debian" can mean. */

#include "base/error.h"
#include "base/text.h"
#include "engine/registry/reference.h"

int reference_candidates(
	const char *word, bool local, struct arena *arena, struct strings *ret_names)
{
	struct reference reference;
	int r = reference_parse(word, arena, &reference);
	if (r < 0)
		return r;
	struct strings names = {.items = arena_new(arena, const char *, 3)};
	if (local && !reference_is_qualified(word)) {
		struct reference here = reference;
		here.registry = "localhost";
		if (!strchr(word, '/'))
			here.repository = strrchr(reference.repository, '/') + 1;
		names.items[names.count++] = reference_name(&here, arena);
	}
	names.items[names.count++] = reference_name(&reference, arena);
	*ret_names = names;
	return 0;
}
