// SPDX-License-Identifier: Apache-2.0

/* Foreign bytes as registries.conf: a refusal names the file; what is read answers questions. */

#include "base/error.h"
#include "base/text.h"
#include "engine/registry/registries.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct registries *registries, const char *word, struct arena *arena)
{
	struct reference reference;
	struct registries_source *sources;
	size_t count;
	if (reference_parse(word, arena, &reference) < 0)
		abort();
	if (registries_sources(registries, &reference, false, arena, &sources, &count) >= 0 &&
		(count == 0 || text_empty(sources[0].registry) ||
			text_empty(sources[0].repository)))
		abort();
	error_clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(text_fini) struct text text = {};
	autofini(arena_fini) struct arena arena = {};
	struct registries registries = {};
	text_add_bytes(&text, data, size);
	error_clear();
	int r = registries_read(text_get(&text), "fuzz", &arena, &registries);
	if (r < 0 && !strstr(error_text(), "fuzz"))
		abort();
	error_clear();
	if (r < 0)
		return 0;
	ask(&registries, "x.io/team/app:1", &arena);
	ask(&registries, "debian", &arena);
	(void)registries_alias(&registries, "short");
	return 0;
}
