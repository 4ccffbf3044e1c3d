// SPDX-License-Identifier: Apache-2.0

/* `rung oci pause`: freeze all processes of a container. */

#include "verbs/oci/oci.h"

static int run(struct invocation *invocation)
{
	return container_pause(oci_state_root(invocation), invocation->arguments[0], true);
}

const struct verb verb_oci_pause = {
	.name = "pause",
	.summary = "freeze all processes of a container",
	.arguments = "CONTAINER",
	.run = run,
};
