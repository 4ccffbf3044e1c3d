// SPDX-License-Identifier: Apache-2.0

/* `rung volume rm`: removes volumes with what is in them. */

#include "verbs/volume/common.h"

#include "verbs/container/several.h"

#include <stdio.h>

struct volume_rm_options {
	bool all, force;
	int64_t timeout_s;
};

static const struct option volume_rm_options[] = {
	{"-a, --all", "all volumes", flag_in(volume_rm_options, all)},
	{"-f, --force", "and the containers that have them; none need exist",
		flag_in(volume_rm_options, force)},
	{"-t, --time=SECONDS", "with --force: end them in peace, kill them after that",
		integer_in(volume_rm_options, timeout_s)},
	{},
};

static int remove_users(struct invocation *invocation, const struct strings *ids)
{
	const struct volume_rm_options *options = options_of(invocation, volume_rm_options);
	const struct instance_removal how = {.force = true,
		.stop_first = option_given(invocation, &options->timeout_s),
		.timeout_s = options->timeout_s};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ids->count; i++) {
		struct instance instance;
		r = instance_find(ids->items[i], invocation->arena, &instance);
		if (r == 0)
			r = instance_remove(&instance, invocation->arena, &how);
	}
	return r;
}

static int remove_one(struct invocation *invocation, const struct volume *volume)
{
	const struct volume_rm_options *options = options_of(invocation, volume_rm_options);
	struct strings users;
	int r = volume_users(volume, invocation->arena, &users);
	if (r == 0 && users.count && !options->force) {
		r = refuse(-EBUSY, "volume %s is used by container %.12s", volume->name,
			users.items[0]);
		hint("remove its containers first, or both with --force");
	}
	if (r == 0)
		r = remove_users(invocation, &users);
	if (r == 0)
		r = volume_remove(places_data(invocation->arena), volume);
	if (r < 0)
		return r;
	event_write("volume", "remove", volume->name, volume->name, NULL, 0);
	puts(volume->name);
	return 0;
}

/* Podman's: 1, one does not exist; 2, one is used; 125, anything else. */
static int status_of(const struct invocation *invocation, int r)
{
	if (manner_of(invocation) == MANNER_DOCKER && r != -EBUSY)
		return 1;
	return r == -ENOENT ? 1 : r == -EBUSY ? 2 : 125;
}

static int run(struct invocation *invocation)
{
	const struct volume_rm_options *options = options_of(invocation, volume_rm_options);
	struct arena *arena = invocation->arena;
	const char *data_root = places_data(arena);
	struct volume *volumes;
	size_t count = invocation->argument_count;
	int status = 0, r;
	if (options->all == (count > 0))
		return usage_error(invocation, "name volumes, or say --all");
	if (options->all) {
		r = volume_list(data_root, arena, &volumes, &count);
		if (r < 0)
			return r;
	} else {
		volumes = arena_new(arena, struct volume, count);
	}
	for (size_t i = 0; i < count; i++) {
		r = options->all
			    ? 0
			    : volume_find(data_root, invocation->arguments[i], arena, &volumes[i]);
		if (r == 0)
			r = remove_one(invocation, &volumes[i]);
		if (r == -ENOENT && options->force)
			error_clear();
		else if (r < 0) {
			status = status_of(invocation, r);
			tell_failure(invocation);
		}
	}
	return status;
}

const struct verb verb_volume_rm = {
	.name = "rm",
	.aliases = "remove",
	.summary = "remove volumes",
	.arguments = "[VOLUME...]",
	verb_options(volume_rm_options),
	.description = "Removes each volume with all that is in it, and prints its name. Volumes "
		       "that a container has, running or not, are refused.\n\n"
		       "The status is 1 if one does not exist, 2 if one is used, 125 if something "
		       "else failed.",
	.run = run,
};
