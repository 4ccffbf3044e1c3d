// SPDX-License-Identifier: Apache-2.0

/* `rung oci delete`: remove what a stopped container has left. */

#include "verbs/oci/oci.h"

struct delete_options {
	bool force, regex;
};

static const struct option delete_options[] = {
	{"-f, --force", "kill it if it runs; do not mind if it is not there",
		flag_in(delete_options, force)},
	{"-r, --regex", "CONTAINER is a regular expression", flag_in(delete_options, regex)},
	{},
};

static int run(struct invocation *invocation)
{
	const struct delete_options *options = options_of(invocation, delete_options);
	const char *root = oci_state_root(invocation);
	if (!options->regex)
		return container_delete(root, invocation->arguments[0], options->force);
	struct strings ids;
	int r = container_list_matching(root, invocation->arguments[0], invocation->arena, &ids);
	for (size_t i = 0; r == 0 && i < ids.count; i++)
		r = container_delete(root, ids.items[i], options->force);
	return r;
}

const struct verb verb_oci_delete = {
	.name = "delete",
	.summary = "remove a container",
	.arguments = "CONTAINER",
	verb_options(delete_options),
	.run = run,
};
