// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The verbs of this folder; see verbs/verbs.h. */

#define REGISTRY_VERBS(HEADING, VERB, AS) \
	HEADING("Registries") \
	VERB(pull) \
	VERB(push) \
	VERB(login) \
	VERB(logout) \
	VERB(search) \
	VERB(manifest)
