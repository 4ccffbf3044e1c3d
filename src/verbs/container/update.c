// SPDX-License-Identifier: Apache-2.0

/*
 * `rung update`: other limits or another restart policy for a container that is there. What is
 * given is written down for the next start and, where it runs, set at once; what is not given
 * stays.
 */

#include "base/error.h"
#include "base/scope.h"
#include "engine/container/run.h"
#include "engine/instance/instance.h"
#include "rungs/container/container.h"
#include "verbs/container/container.h"
#include "verbs/container/options.h"
#include "verbs/container/several.h"
#include "verbs/manner.h"
#include "verbs/verbs.h"

#include <errno.h>
#include <stdio.h>

struct update_options {
	struct run_request request;
	const char *restart;
	struct option_list environment, unset, ulimits;
	bool latest;
};

static const struct option update_options[] = {
	{"--restart=no|always|on-failure[:TIMES]|unless-stopped", "when to start it again",
		text_in(update_options, restart)},
	{"-e, --env=NAME[=VALUE]", "set a variable from the next start on",
		list_in(update_options, environment)},
	{"--unsetenv=NAME", "take a variable away", list_in(update_options, unset)},
	{"--ulimit=NAME=SOFT[:HARD]", "resource limit of the program",
		list_in(update_options, ulimits)},
	{"-l, --latest", "the container that was created last", flag_in(update_options, latest)},
	{},
};

/* Which wishes were made follows from the table they are read by. */
static unsigned merge(const struct invocation *invocation, const struct resource_wishes *from,
	struct resource_wishes *to)
{
	unsigned count = 0;
	for (const struct option *option = resource_wishes; option->spec[0]; option++) {
		const char *field = (const char *)from + option->field.offset;
		if (!option_given(invocation, field))
			continue;
		memcpy((char *)to + option->field.offset, field, option->field.width_bytes);
		count++;
	}
	if (option_given(invocation, &from->memory_swappiness.value))
		to->memory_swappiness.given = true;
	return count;
}

static bool asks_for_health(const struct invocation *invocation, const struct health_wishes *wishes)
{
	for (const struct option *option = health_wishes; option->spec[0]; option++)
		if (option_given(invocation, (const char *)wishes + option->field.offset))
			return true;
	return false;
}

/* What the program finds when it is started the next time; health checks feel it at once. */
static int change_wishes(
	const struct invocation *invocation, struct run_request *request, struct instance *instance)
{
	const struct update_options *options = options_of(invocation, update_options);
	struct arena *arena = invocation->arena;
	const struct strings words = {options->environment.words, options->environment.count};
	const struct strings unwanted = {options->unset.words, options->unset.count};
	int r = run_change_environment(request, &unwanted, &words, arena);
	if (r == 0 && asks_for_health(invocation, &options->request.health))
		r = run_change_health(request, &options->request.health, arena);
	if (r < 0)
		return r;
	instance->health_interval_ms = instance_health_interval_ms(&request->resolved.health);
	struct strings *limits = &request->process.ulimits, all = {};
	if (options->ulimits.count == 0)
		return 0;
	all.items = arena_new(arena, const char *, limits->count + options->ulimits.count + 1);
	for (size_t i = 0; i < limits->count; i++) {
		size_t length = strcspn(limits->items[i], "=") + 1;
		bool replaced = false;
		for (size_t n = 0; n < options->ulimits.count; n++)
			replaced |=
				strncmp(limits->items[i], options->ulimits.words[n], length) == 0;
		if (!replaced)
			all.items[all.count++] = limits->items[i];
	}
	for (size_t n = 0; n < options->ulimits.count; n++)
		all.items[all.count++] = options->ulimits.words[n];
	*limits = all;
	autofini(plan_fini) struct plan plan = {};
	return run_set_limits(request, &plan); /* what is wrong with them is told now */
}

static int update_running(const struct instance *instance, const struct run_request *wishes)
{
	autofini(plan_fini) struct plan plan = {};
	autofini(container_record_fini) struct container_record record = {.directory_fd = -1};
	int r = run_set_limits(wishes, &plan);
	if (r == 0)
		r = container_load(instance->record_root, instance->id, &record);
	return r < 0 ? r : container_update(&record, &plan.resources);
}

static int update(const struct invocation *invocation, struct instance *instance,
	const struct instance_restart *restart)
{
	struct update_options *options = options_of(invocation, update_options);
	struct arena *arena = invocation->arena;
	struct run_request request = {};
	autoclose int lock = instance_lock(instance);
	if (lock < 0)
		return lock;
	int r = instance_reload(instance, arena);
	if (r == 0)
		r = instance_load_request(instance, arena, &request);
	if (r < 0)
		return r;
	unsigned changed = merge(invocation, &options->request.resources, &request.resources);
	r = change_wishes(invocation, &request, instance);
	if (r == 0 && changed && instance_is_alive(instance))
		r = update_running(instance, &options->request);
	if (r < 0)
		return r;
	if (options->restart) {
		instance->restart = *restart;
		request.life.restart = options->restart;
	}
	r = instance_write_config(instance, &request);
	if (r == 0)
		instance_event(instance, "update", NULL, 0);
	return r;
}

static int run(struct invocation *invocation)
{
	struct update_options *options = options_of(invocation, update_options);
	struct instance_restart restart = {};
	struct several several = {};
	struct resource_wishes none = {};
	container_note_health(invocation, &options->request.health);
	if (merge(invocation, &options->request.resources, &none) == 0 && !options->restart &&
		options->environment.count + options->unset.count + options->ulimits.count == 0 &&
		!asks_for_health(invocation, &options->request.health))
		return usage_error(invocation, "say what to change");
	options->request.resources.memory_swappiness = none.memory_swappiness;
	int r = options->restart ? instance_restart_read(options->restart, &restart) : 0;
	if (r == 0)
		r = several_find(invocation,
			&(const struct several_wishes){.latest = options->latest}, &several);
	if (r < 0)
		return r;
	for (size_t i = 0; i < several.count; i++) {
		r = update(invocation, &several.items[i], &restart);
		if (r < 0)
			r = wrap(r, "update %s", several.items[i].name);
		if (r == 0 && manner_of(invocation) == MANNER_PODMAN)
			several.words[i] = several.items[i].id;
		several_said(&several, &several.items[i], r);
	}
	return several_status(&several, invocation->failure_status);
}

const struct verb verb_update = {
	.name = "update",
	.summary = "change the limits of containers",
	.arguments = "[CONTAINER...]",
	verb_options(update_options,
		shared_options("Limits", resource_wishes, update_options, request.resources),
		shared_options("Health", health_wishes, update_options, request.health)),
	.completers = container_completers,
	.description =
		"Changes limits, the restart policy and health checks of containers. What runs "
		"feels it at once, and so does every later start. Variables, --ulimit and how "
		"often health is asked for count from the next start on.",
	.examples = "More memory for a database that runs\n"
		    "$ rung update -m 2g --memory-swap 2g database\n",
	.run = run,
};
