// SPDX-License-Identifier: Apache-2.0

/* `rung oci state`: the state object of the specification (runtime.md "Query State"). */

#include "verbs/oci/oci.h"

#include <stdio.h>

static int run(struct invocation *invocation)
{
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(oci_state_root(invocation), invocation->arguments[0], &record);
	if (r < 0)
		return r;
	enum container_status status = container_status(&record);
	autofini(text_fini) struct text out = {};
	container_state_write(
		&record, status, status == CONTAINER_STOPPED ? 0 : record.init.pid, false, &out);
	fputs(text_get(&out), stdout);
	return 0;
}

const struct verb verb_oci_state = {
	.name = "state",
	.summary = "show what a container is doing, as JSON",
	.arguments = "CONTAINER",
	.run = run,
};
