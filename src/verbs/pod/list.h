// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The verbs of this folder; see verbs/verbs.h. */

#define POD_VERBS(HEADING, VERB, AS) VERB(pod)

#define POD_INNER_VERBS(VERB) \
	VERB(pod_create) \
	VERB(pod_exists) \
	VERB(pod_inspect) \
	VERB(pod_kill) \
	VERB(pod_pause) \
	VERB(pod_prune) \
	VERB(pod_ps) \
	VERB(pod_restart) \
	VERB(pod_rm) \
	VERB(pod_start) \
	VERB(pod_stop) \
	VERB(pod_unpause)
