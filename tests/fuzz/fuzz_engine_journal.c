// SPDX-License-Identifier: Apache-2.0

/* Foreign bytes as the journal of an apply and as a table of originals: no path leads out of the
 * tree. */

#include "base/error.h"
#include "base/scope.h"
#include "engine/sandbox/base.h"
#include "engine/sandbox/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofini(arena_fini) struct arena arena = {};
	struct journal journal = {};
	struct base base = {};
	int r = journal_parse((const char *)data, size, &arena, &journal);
	if (r != 0 && (r != -EINVAL || journal.count))
		abort();
	for (size_t i = 0; i < journal.count; i++) {
		const struct step *step = &journal.steps[i];
		if (step->kind >= STEP_KINDS || step->path[0] == '/' ||
			strncmp(step->path, "../", 3) == 0 || strstr(step->path, "/../") ||
			step->temporary_length > strlen(step->path))
			abort();
	}
	r = base_parse((const char *)data, size, &arena, &base);
	if (r != 0 && (r != -EINVAL || base.count))
		abort();
	error_clear();
	return 0;
}
