// SPDX-License-Identifier: Apache-2.0

/* Which containers there are, for the Tab key: those below the state root that was typed. */

#include "cli/complete.h"
#include "base/error.h"
#include "verbs/oci/oci.h"

static void list_containers(const struct invocation *invocation, struct completions *completions)
{
	/* A new container gets a new name. */
	if (invocation->verb == &verb_oci_create || invocation->verb == &verb_oci_run)
		return;
	const char *root = oci_state_root(invocation);
	struct strings ids;
	if (container_list(root, invocation->arena, &ids) < 0)
		return;
	for (size_t i = 0; i < ids.count; i++) {
		autofini(container_record_fini) struct container_record record = {
			.directory_fd = -1};
		if (container_load(root, ids.items[i], &record) < 0)
			continue;
		completion_add(completions, ids.items[i],
			container_status_name(container_status(&record)));
	}
	error_clear();
}

const struct completer oci_completers[] = {{"CONTAINER", list_containers}, {}};
