// SPDX-License-Identifier: Apache-2.0

/* `rung oci start`: let a created container run its program. */

#include "verbs/oci/oci.h"

static int run(struct invocation *invocation)
{
	return container_start(oci_state_root(invocation), invocation->arguments[0]);
}

const struct verb verb_oci_start = {
	.name = "start",
	.summary = "let a created container run its program",
	.arguments = "CONTAINER",
	.run = run,
};
