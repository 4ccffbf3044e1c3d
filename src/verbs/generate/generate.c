// SPDX-License-Identifier: Apache-2.0

/* `rung generate`: files for other programs. */

#include "verbs/verbs.h"

extern const struct verb verb_generate_systemd, verb_quadlet;

static const struct verb_entry entries[] = {
	{.verb = &verb_generate_systemd},
	{.verb = &verb_quadlet},
	{},
};

const struct verb verb_generate = {
	.name = "generate",
	.summary = "write files that start containers with the machine",
	.verbs = entries,
};
