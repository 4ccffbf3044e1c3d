// SPDX-License-Identifier: Apache-2.0

/* `rung oci resume`: let a paused container go on. */

#include "verbs/oci/oci.h"

static int run(struct invocation *invocation)
{
	return container_pause(oci_state_root(invocation), invocation->arguments[0], false);
}

const struct verb verb_oci_resume = {
	.name = "resume",
	.summary = "let a paused container go on",
	.arguments = "CONTAINER",
	.run = run,
};
