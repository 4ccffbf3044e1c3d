// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The verbs of this folder; see verbs/verbs.h. */

#define SANDBOX_VERBS(HEADING, VERB, AS) \
	HEADING("Programs of this system, walled in") \
	VERB(sandbox)

#define SANDBOX_INNER_VERBS(VERB) VERB(sandbox_run)
