// SPDX-License-Identifier: Apache-2.0

/*
 * `rung oci ps`: the processes of a container. As JSON their numbers, for programs; as a table what
 * ps(1) says of them, with whatever options the person likes.
 */

#include "base/error.h"
#include "verbs/host_ps.h"
#include "verbs/oci/oci.h"

#include <stdio.h>

struct ps_options {
	enum { PS_TABLE, PS_JSON } format;
};

static const struct option ps_options[] = {
	{"-f, --format=table|json", "how to show them", choice_in(ps_options, format)},
	{},
};

static void print_json(const pid_t *pids, size_t count)
{
	putchar('[');
	for (size_t i = 0; i < count; i++)
		printf("%s%d", i ? "," : "", (int)pids[i]);
	puts("]");
}

static int run(struct invocation *invocation)
{
	const struct ps_options *options = options_of(invocation, ps_options);
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = container_load(oci_state_root(invocation), invocation->arguments[0], &record);
	if (r < 0)
		return r;
	pid_t *pids;
	size_t count;
	r = cgroup_pids(&record.cgroup, invocation->arena, &pids, &count);
	if (r < 0)
		return wrap(r, "processes of container %s", record.id);
	if (options->format == PS_JSON) {
		print_json(pids, count);
		return 0;
	}
	const struct strings words = {invocation->arguments + 1, invocation->argument_count - 1};
	return host_ps_print(&words, pids, count, invocation->arena);
}

const struct verb verb_oci_ps = {
	.name = "ps",
	.summary = "list the processes of a container",
	.arguments = "CONTAINER [PS-OPTION...]",
	.command = true,
	verb_options(ps_options),
	.run = run,
};
