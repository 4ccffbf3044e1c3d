// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The verbs of this folder; see verbs/verbs.h. SYSTEM_VERBS stand at the program, those that
 * stand below the noun "system" are SYSTEM_INNER_VERBS.
 */

#define SYSTEM_VERBS(HEADING, VERB, AS) \
	HEADING("The system") \
	VERB(events) \
	VERB(info) \
	VERB(system) \
	VERB(generate) \
	VERB(quadlet)

#define SYSTEM_INNER_VERBS(VERB) \
	VERB(system_df) \
	VERB(system_prune) \
	VERB(system_check) \
	VERB(events) \
	VERB(info) \
	VERB(system_reset) \
	VERB(system_migrate) \
	VERB(system_renumber)
