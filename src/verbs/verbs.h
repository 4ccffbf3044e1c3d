// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The table of verbs, in the order in which `rung` alone lists them. A new verb
 * is a file that defines verb_<name>, a line here or in its folder's list.h, and a line in
 * meson.build.
 *
 *	HEADING(text)     starts a section of the overview
 *	VERB(name)        verb_<name>
 *	AS(word, name)    verb_<name> under another word, as in `rung images`
 */

#include "cli/verb.h"
#include "verbs/container/list.h"
#include "verbs/image/list.h"
#include "verbs/pod/list.h"
#include "verbs/registry/list.h"
#include "verbs/sandbox/list.h"
#include "verbs/system/list.h"
#include "verbs/volume/list.h"

#define RUNG_VERBS(HEADING, VERB, AS) \
	CONTAINER_VERBS(HEADING, VERB, AS) \
	POD_VERBS(HEADING, VERB, AS) \
	SANDBOX_VERBS(HEADING, VERB, AS) \
	IMAGE_VERBS(HEADING, VERB, AS) \
	REGISTRY_VERBS(HEADING, VERB, AS) \
	VOLUME_VERBS(HEADING, VERB, AS) \
	SYSTEM_VERBS(HEADING, VERB, AS) \
	HEADING("For other programs") \
	VERB(oci) \
	VERB(bwrap) \
	VERB(completion) \
	HEADING("About") \
	VERB(help) \
	VERB(version)

#define VERBS_NOTHING_(...)
#define VERBS_DECLARE_(name) extern const struct verb verb_##name;
RUNG_VERBS(VERBS_NOTHING_, VERBS_DECLARE_, VERBS_NOTHING_)
#undef VERBS_NOTHING_
#undef VERBS_DECLARE_

/** The program: options that stand before or behind every verb. */
extern const struct verb verb_rung;

/** The same as it behaves under the name it was started by: `docker` fails with 1, not 125. */
const struct verb *verb_program(const char *argv0);

struct rung_options {
	bool debug;
	bool version;
	const char *root, *state;
};
