// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The verbs of this folder; see verbs/verbs.h. IMAGE_VERBS stand at the program, IMAGE_INNER_VERBS
 * below the noun "image".
 */

#define IMAGE_VERBS(HEADING, VERB, AS) \
	HEADING("Images") \
	VERB(images) \
	VERB(rmi) \
	VERB(tag) \
	VERB(untag) \
	VERB(history) \
	VERB(load) \
	VERB(save) \
	VERB(import) \
	VERB(image)

#define IMAGE_INNER_VERBS(VERB, AS) \
	VERB(image_ls) \
	VERB(image_inspect) \
	VERB(history) \
	VERB(image_tree) \
	VERB(image_exists) \
	VERB(tag) \
	VERB(untag) \
	VERB(image_rm) \
	VERB(pull) \
	VERB(push) \
	VERB(load) \
	VERB(save) \
	VERB(import) \
	VERB(image_prune) \
	VERB(image_mount) \
	VERB(image_unmount)
