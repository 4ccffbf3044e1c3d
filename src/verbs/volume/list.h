// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The verbs of this folder; see verbs/verbs.h. VOLUME_VERBS stand at the program, the others below
 * the nouns "volume" and "secret".
 */

#define VOLUME_VERBS(HEADING, VERB, AS) \
	HEADING("Volumes and secrets") \
	VERB(volume) \
	VERB(secret)

#define VOLUME_INNER_VERBS(VERB) \
	VERB(volume_create) \
	VERB(volume_ls) \
	VERB(volume_inspect) \
	VERB(volume_rm) \
	VERB(volume_prune) \
	VERB(volume_exists) \
	VERB(volume_export) \
	VERB(volume_import)

#define SECRET_INNER_VERBS(VERB) \
	VERB(secret_create) \
	VERB(secret_ls) \
	VERB(secret_inspect) \
	VERB(secret_rm) \
	VERB(secret_exists)
