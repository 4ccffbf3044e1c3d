// SPDX-License-Identifier: Apache-2.0

/* `rung volume prune`: removes volumes that no container has. */

#include "verbs/volume/common.h"

#include "verbs/container/several.h"

#include <stdio.h>

struct volume_prune_options {
	struct option_list filters;
	bool all, force, dry_run;
};

static const struct option volume_prune_options[] = {
	{"-a, --all", "those with names, too", flag_in(volume_prune_options, all)},
	{"--filter=KEY=VALUE", "only those that fit, as in volume ls",
		list_in(volume_prune_options, filters)},
	{"-f, --force", "do not ask", flag_in(volume_prune_options, force)},
	{"--dry-run", "only show what would go", flag_in(volume_prune_options, dry_run)},
	{},
};

/* Podman's prune takes named volumes without being told. */
static bool takes_named(const struct invocation *invocation, const struct volume_filters *filters)
{
	bool all = options_of(invocation, volume_prune_options)->all ||
		   manner_of(invocation) == MANNER_PODMAN;
	for (size_t i = 0; i < filters->count; i++)
		if (text_equal(filters->items[i].key, "all"))
			all = text_equal(filters->items[i].value, "true");
	return all;
}

static int prune(struct invocation *invocation, const struct volume_filters *filters)
{
	const struct volume_prune_options *options = options_of(invocation, volume_prune_options);
	struct arena *arena = invocation->arena;
	bool named = takes_named(invocation, filters);
	struct volume *volumes;
	size_t count;
	int r = volume_list(places_data(arena), arena, &volumes, &count);
	if (r < 0)
		return r;
	int status = 0;
	for (size_t i = 0; i < count; i++) {
		struct strings users;
		if (!named && !volumes[i].anonymous)
			continue;
		r = volume_users(&volumes[i], arena, &users);
		if (r == 0 && users.count == 0)
			r = volume_fits(&volumes[i], filters, arena);
		else if (r == 0)
			continue;
		if (r > 0 && !options->dry_run)
			r = volume_remove(places_data(arena), &volumes[i]) < 0 ? -EIO : 1;
		if (r > 0)
			puts(volumes[i].name);
		if (r < 0) {
			tell_failure(invocation);
			status = 125;
		}
	}
	return status;
}

static int run(struct invocation *invocation)
{
	const struct volume_prune_options *options = options_of(invocation, volume_prune_options);
	struct volume_filters filters;
	int r = volume_filters_read(&options->filters, invocation->arena, &filters);
	if (r < 0)
		return r;
	const char *warning =
		takes_named(invocation, &filters)
			? "This will remove all volumes not used by at least one container."
			: "This will remove all anonymous local volumes not used by at least one "
			  "container.";
	if (!confirm(options->force || options->dry_run, warning))
		return 0;
	return prune(invocation, &filters);
}

const struct verb verb_volume_prune = {
	.name = "prune",
	.summary = "remove volumes that no container has",
	verb_options(volume_prune_options),
	.description = "Removes the volumes that no container has, running or not, and prints "
		       "their names: those that were made for one container without a name, with "
		       "--all the others too.",
	.run = run,
};
