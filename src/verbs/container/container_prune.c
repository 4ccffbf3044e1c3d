// SPDX-License-Identifier: Apache-2.0

/* `rung container prune`: removes all containers that do not run. */

#include "base/error.h"
#include "verbs/container/container.h"
#include "verbs/container/filter.h"
#include "verbs/container/several.h"

#include <stdio.h>
#include <unistd.h>

struct prune_options {
	bool force;
	struct option_list filters;
};

static const struct option prune_options[] = {
	{"-f, --force", "do not ask", flag_in(prune_options, force)},
	{"--filter=KEY=VALUE", "only those that fit: until=TIME, label=NAME[=VALUE]",
		list_in(prune_options, filters)},
	{},
};

static bool may_go(const struct instance *instance)
{
	return !instance_is_alive(instance) && instance->state.status != INSTANCE_RESTARTING;
}

static void said(struct instance *instance, int r, void *context)
{
	several_said(context, instance, r);
}

static int run(struct invocation *invocation)
{
	const struct prune_options *options = options_of(invocation, prune_options);
	autofini(instance_filters_fini) struct instance_filters filters = {};
	int r = instance_filters_read(&options->filters, invocation->arena, &filters);
	if (r < 0)
		return r;
	if (!confirm(options->force, "This will remove all non running containers."))
		return 0;
	struct instance *all;
	size_t count, chosen = 0;
	r = instance_list(invocation->arena, &all, &count);
	if (r < 0)
		return r;
	const char **words = arena_new(invocation->arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++) {
		if (!may_go(&all[i]) || !instance_fits(&all[i], &filters, invocation->arena))
			continue;
		words[chosen] = all[i].id;
		all[chosen++] = all[i];
	}
	struct several several = {
		.invocation = invocation, .items = all, .words = words, .count = chosen};
	const struct instance_removal how = {.volumes = true};
	instance_remove_all(all, chosen, invocation->arena, &how, said, &several);
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_container_prune = {
	.name = "prune",
	.summary = "remove all containers that do not run",
	.arguments = "",
	verb_options(prune_options),
	.description = "Removes all containers that do not run, and prints their ids.",
	.run = run,
};
