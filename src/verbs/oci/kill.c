// SPDX-License-Identifier: Apache-2.0

/* `rung oci kill`: a signal to the first process, or to all. */

#include "base/error.h"
#include "verbs/oci/oci.h"
#include "walls/signals.h"

struct kill_options {
	bool all, regex;
};

static const struct option kill_options[] = {
	{"-a, --all", "signal all processes of the container", flag_in(kill_options, all)},
	{"-r, --regex", "CONTAINER is a regular expression", flag_in(kill_options, regex)},
	{},
};

static int kill_matching(
	const struct invocation *invocation, const char *expression, int number, bool all)
{
	struct strings ids;
	int r = container_list_matching(
		oci_state_root(invocation), expression, invocation->arena, &ids);
	for (size_t i = 0; r == 0 && i < ids.count; i++)
		r = container_kill(oci_state_root(invocation), ids.items[i], number, all);
	return r;
}

static int run(struct invocation *invocation)
{
	const struct kill_options *options = options_of(invocation, kill_options);
	const char *name = invocation->argument_count > 1 ? invocation->arguments[1] : "TERM";
	int number = signal_by_name(name);
	if (number < 0)
		return refuse(-EINVAL, "there is no signal \"%s\"", name);
	if (options->regex)
		return kill_matching(invocation, invocation->arguments[0], number, options->all);
	return container_kill(
		oci_state_root(invocation), invocation->arguments[0], number, options->all);
}

const struct verb verb_oci_kill = {
	.name = "kill",
	.summary = "send a signal to a container",
	.arguments = "CONTAINER [SIGNAL]",
	verb_options(kill_options),
	.run = run,
};
