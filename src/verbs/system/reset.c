// SPDX-License-Identifier: Apache-2.0

/*
 * `rung system reset`: back to the first day. And two of Podman's verbs that mend what rung does
 * not have: they say so, and succeed, so that scripts go on.
 */

#include "base/error.h"
#include "base/places.h"
#include "base/scope.h"
#include "engine/instance/instance.h"
#include "engine/store/layer.h"
#include "verbs/image/common.h"

#include <fcntl.h>
#include <stdio.h>

struct system_reset_options {
	bool force;
};

static const struct option system_reset_options[] = {
	{"-f, --force", "do not ask", flag_in(system_reset_options, force)},
	{},
};

struct outcome {
	const struct invocation *invocation;
	int status;
};

static void removed(struct instance *instance, int r, void *context)
{
	struct outcome *outcome = context;
	(void)instance;
	if (r < 0)
		outcome->status = image_tell(outcome->invocation, 125);
}

static int remove_containers(struct invocation *invocation)
{
	struct instance *instances;
	size_t count;
	int r = instance_list(invocation->arena, &instances, &count);
	if (r < 0)
		return r;
	const struct instance_removal how = {.force = true, .volumes = true};
	struct outcome outcome = {invocation, 0};
	instance_remove_all(instances, count, invocation->arena, &how, removed, &outcome);
	return outcome.status;
}

/* Only what is known to be rung's: with --root, the directory may hold more. */
static int remove_store(struct invocation *invocation)
{
	static const char names[][16] = {"images", "snapshots", "volumes", "secrets", "containers",
		"names", "layers", "pods", "shifted", "ids", "events.log", "events.log.1"};
	const char *root = places_data(invocation->arena);
	autoclose int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(-errno, "open %s", root);
	int status = 0;
	for (size_t i = 0; i < array_length(names); i++)
		if (layer_remove_tree(fd, names[i]) < 0)
			status = image_tell(invocation, 125);
	return status;
}

static int run_reset(struct invocation *invocation)
{
	const struct system_reset_options *options = options_of(invocation, system_reset_options);
	const char *question = "This will remove all containers, also those that run, all images, "
			       "volumes and secrets.";
	if (!confirm(options->force, question))
		return 0;
	int r = remove_containers(invocation);
	return r != 0 ? r : remove_store(invocation);
}

const struct verb verb_system_reset = {
	.name = "reset",
	.summary = "remove all containers, images, volumes and secrets",
	verb_options(system_reset_options),
	.run = run_reset,
};

static int run_migrate(struct invocation *invocation)
{
	puts("nothing to migrate: rung looks at /etc/subuid and /etc/subgid at every start");
	return 0;
}

const struct verb verb_system_migrate = {
	.name = "migrate",
	.summary = "nothing to do in rung; for scripts written for Podman",
	.run = run_migrate,
};

static int run_renumber(struct invocation *invocation)
{
	puts("nothing to renumber: rung's locks are files and have no numbers");
	return 0;
}

const struct verb verb_system_renumber = {
	.name = "renumber",
	.summary = "nothing to do in rung; for scripts written for Podman",
	.run = run_renumber,
};
