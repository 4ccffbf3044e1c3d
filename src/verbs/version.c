// SPDX-License-Identifier: Apache-2.0

/* `rung version`; `rung --version` says the same. */

#include "verbs/verbs.h"

#include <stdio.h>

static int run(struct invocation *invocation)
{
	puts("rung version " RUNG_VERSION);
	return 0;
}

const struct verb verb_version = {
	.name = "version",
	.summary = "show the version",
	.run = run,
};
