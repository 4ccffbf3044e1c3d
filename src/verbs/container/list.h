// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The verbs of this folder; see verbs/verbs.h. CONTAINER_VERBS stand at the program,
 * CONTAINER_INNER_VERBS below the noun "container".
 */

#define CONTAINER_VERBS(HEADING, VERB, AS) \
	HEADING("Containers") \
	VERB(ps) \
	VERB(port) \
	VERB(container)

#define CONTAINER_INNER_VERBS(VERB, AS) \
	VERB(ps) \
	VERB(port)
