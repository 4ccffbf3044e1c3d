// SPDX-License-Identifier: Apache-2.0

/* `rung rm`: removes containers with what they changed. */

#include "base/error.h"
#include "engine/instance/pod.h"
#include "verbs/container/several.h"
#include "verbs/verbs.h"

struct rm_options {
	struct several_wishes which;
	bool force, volumes, depend;
	int64_t timeout_s;
};

static const struct option rm_options[] = {
	{"-f, --force", "also those that run; none need exist", flag_in(rm_options, force)},
	{"-v, --volumes", "and the volumes that nobody gave a name", flag_in(rm_options, volumes)},
	{"--depend", "and those that share its namespaces", flag_in(rm_options, depend)},
	{"-t, --time, --timeout=SECONDS", "with --force: end it in peace, kill it after that",
		integer_in(rm_options, timeout_s)},
	{"-i, --ignore", "a container that does not exist is no mistake",
		flag_in(rm_options, which.ignore)},
	{"-a, --all", "all containers", flag_in(rm_options, which.all)},
	{"-l, --latest", "the one made last", flag_in(rm_options, which.latest)},
	{"--filter=KEY=VALUE", "those that fit, as in ps", list_in(rm_options, which.filters)},
	{"--cidfile=FILE", "the one whose id is in FILE", list_in(rm_options, which.cidfiles)},
	{},
};

static void said(struct instance *instance, int r, void *context)
{
	several_said(context, instance, r);
}

/* Podman's: 1, one does not exist; 2, one runs; 125, anything else. */
static int status_of(const struct several *several)
{
	if (!several->failed && !several->missing)
		return 0;
	if (several->invocation->failure_status == 1) /* Docker's is always that */
		return 1;
	return !several->failed ? 1 : several->last == -EBUSY ? 2 : 125;
}

/* All containers, by force: pods are nothing without theirs. */
static int remove_pods(struct arena *arena, const struct instance_removal *how)
{
	struct pod *pods = NULL;
	size_t count = 0;
	int r = pod_list(arena, &pods, &count);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = pod_remove(&pods[i], arena, how);
	return r;
}

static int run(struct invocation *invocation)
{
	const struct rm_options *options = options_of(invocation, rm_options);
	struct several_wishes which = options->which;
	which.ignore |= options->force;
	struct several several;
	int r = several_find(invocation, &which, &several);
	if (r < 0)
		return r;
	const struct instance_removal how = {
		.force = options->force,
		.stop_first = option_given(invocation, &options->timeout_s),
		.timeout_s = options->timeout_s,
		.volumes = options->volumes,
		.depend = options->depend || which.all, /* all: those, too */
	};
	if (which.all && options->force && !which.filters.count)
		r = remove_pods(invocation->arena, &how);
	if (r < 0)
		return r;
	instance_remove_all(several.items, several.count, invocation->arena, &how, said, &several);
	return status_of(&several);
}

const struct verb verb_rm = {
	.name = "rm",
	.summary = "remove containers",
	.arguments = "[CONTAINER...]",
	.failure_status = 125,
	verb_options(rm_options),
	.description = "Removes each container: what it changed, its log, its name. Those that run "
		       "are refused, or killed with --force. -fa removes pods, too.\n\n"
		       "The status is 1 if one does not exist, 2 if one runs, 125 if something "
		       "else failed.",
	.examples = "Everything that is there\n"
		    "$ rung rm -fa\n",
	.run = run,
};
