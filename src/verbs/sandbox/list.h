// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The verbs of this folder; see verbs/verbs.h. */

#define SANDBOX_VERBS(HEADING, VERB, AS) \
	HEADING("Programs of this system, walled in") \
	VERB(sandbox)

#define SANDBOX_INNER_VERBS(VERB) \
	VERB(sandbox_run) \
	VERB(sandbox_list) \
	VERB(sandbox_inspect) \
	VERB(sandbox_enter) \
	VERB(sandbox_kill) \
	VERB(sandbox_rm) \
	VERB(sandbox_explain) \
	VERB(sandbox_diff) \
	VERB(sandbox_apply) \
	VERB(sandbox_discard) \
	VERB(sandbox_snapshot) \
	VERB(sandbox_restore) \
	VERB(sandbox_recover) \
	VERB(sandbox_permissions)
