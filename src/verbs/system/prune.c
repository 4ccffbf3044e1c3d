// SPDX-License-Identifier: Apache-2.0

/* `rung system prune`: removes whatever nobody uses. */

#include "verbs/image/prune.h"
#include "verbs/container/filter.h"
#include "verbs/system/df.h"

#include <stdio.h>

struct system_prune_options {
	struct option_list filters;
	bool all, force, volumes, build, external;
};

static const struct option system_prune_options[] = {
	{"-a, --all", "all images without a container, not only those without a name",
		flag_in(system_prune_options, all)},
	{"--build", "", flag_in(system_prune_options, build), .hidden = true},
	{"--external", "", flag_in(system_prune_options, external), .hidden = true},
	{"--filter=KEY=VALUE", "only these: until=TIME, label=NAME[=VALUE]",
		list_in(system_prune_options, filters)},
	{"-f, --force", "do not ask", flag_in(system_prune_options, force)},
	{"--volumes", "volumes without a container, too", flag_in(system_prune_options, volumes)},
	{},
};

struct pruning {
	struct invocation *invocation;
	uint64_t bytes;
	bool heading, failed;
};

static void tell_heading(struct pruning *pruning, const char *heading)
{
	if (!pruning->heading)
		puts(heading);
	pruning->heading = true;
}

static void said(struct instance *instance, int r, void *context)
{
	struct pruning *pruning = context;
	if (r < 0) {
		pruning->failed = true;
		(void)image_tell(pruning->invocation, 0);
		return;
	}
	tell_heading(pruning, "Deleted Containers:");
	puts(instance->id);
}

static bool may_go(const struct instance *instance)
{
	return !instance_is_alive(instance) && instance->state.status != INSTANCE_RESTARTING;
}

static int prune_containers(struct pruning *pruning, const struct usage *usage)
{
	const struct system_prune_options *options =
		options_of(pruning->invocation, system_prune_options);
	struct arena *arena = pruning->invocation->arena;
	autofini(instance_filters_fini) struct instance_filters filters = {};
	int r = instance_filters_read(&options->filters, arena, &filters);
	if (r < 0)
		return r;
	struct instance *chosen = arena_new(arena, struct instance, usage->container_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < usage->container_count; i++) {
		const struct usage_container *row = &usage->containers[i];
		if (!may_go(row->instance) || !instance_fits(row->instance, &filters, arena))
			continue;
		chosen[count++] = *row->instance;
		pruning->bytes += row->bytes;
	}
	instance_remove_all(chosen, count, arena,
		&(struct instance_removal){.volumes = options->volumes}, said, pruning);
	if (pruning->heading)
		putchar('\n');
	return 0;
}

static int prune_volumes(struct pruning *pruning, struct store *store)
{
	struct usage usage;
	pruning->heading = false;
	int r = usage_measure(pruning->invocation, store, &usage);
	for (size_t i = 0; r == 0 && i < usage.volume_count; i++) {
		const struct usage_volume *row = &usage.volumes[i];
		if (row->links > 0)
			continue;
		r = volume_remove(places_data(pruning->invocation->arena), row->volume);
		if (r < 0)
			return r;
		tell_heading(pruning, "Deleted Volumes:");
		puts(row->volume->name);
		pruning->bytes += row->bytes;
	}
	if (pruning->heading)
		putchar('\n');
	return r;
}

static int prune_images(struct pruning *pruning, struct store *store)
{
	const struct system_prune_options *options =
		options_of(pruning->invocation, system_prune_options);
	autofini(text_fini) struct text names = {};
	struct store_collected collected = {};
	int r = image_prune(
		pruning->invocation, store, options->all, &options->filters, &names, &collected);
	if (r < 0)
		return r;
	if (names.length > 0)
		printf("Deleted Images:\n%s\n", text_get(&names));
	pruning->bytes += collected.bytes;
	return 0;
}

static const char *question(const struct system_prune_options *options)
{
	if (options->volumes)
		return options->all
			       ? "This will remove all stopped containers, all volumes and all "
				 "images without a container."
			       : "This will remove all stopped containers, all volumes without a "
				 "container and all images without a name.";
	return options->all
		       ? "This will remove all stopped containers and all images without a "
			 "container."
		       : "This will remove all stopped containers and all images without a name.";
}

static int run(struct invocation *invocation)
{
	const struct system_prune_options *options = options_of(invocation, system_prune_options);
	if (!confirm(options->force, question(options)))
		return 0;
	autofini(store_fini) struct store store = STORE_NONE;
	struct pruning pruning = {.invocation = invocation};
	struct usage usage;
	int r = image_store_open(invocation, &store);
	if (r == 0)
		r = usage_measure(invocation, &store, &usage);
	if (r == 0)
		r = prune_containers(&pruning, &usage);
	if (r == 0 && options->volumes)
		r = prune_volumes(&pruning, &store);
	if (r == 0)
		r = prune_images(&pruning, &store);
	if (r < 0)
		return r;
	char size[UNITS_TEXT_MAX];
	units_size(pruning.bytes, size);
	printf("Total reclaimed space: %s\n", size);
	return pruning.failed ? invocation->failure_status : 0;
}

const struct verb verb_system_prune = {
	.name = "prune",
	.summary = "remove whatever nobody uses",
	.arguments = "",
	.failure_status = 125,
	verb_options(system_prune_options),
	.run = run,
	.description = "Removes containers that do not run, images without a name (with --all "
		       "those without a container), and what broken-off pulls left; with "
		       "--volumes also volumes that no container uses.",
};
