// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * --filter of everything that works on several containers (ps, start, stop, rm, prune): the keys
 * of Docker and of Podman.
 *
 *	id name label label! exited status ancestor before since until volume network pod
 *	health restart-policy command isolation publish expose is-task
 *
 * Values of one key are alternatives, but labels must all fit; different keys must all fit.
 */

#include "cli/option.h"
#include "engine/instance/instance.h"

#include <regex.h>

struct instance_filter {
	const char *key, *value;
	regex_t expression; /* of id, name, command */
	bool has_expression;
	int64_t number;      /* exited: the status; before, since, until: a moment in ns */
	const char *created; /* before, since: the other container's */
	const char *id;      /* the same */
};

struct instance_filters {
	struct instance_filter *items;
	size_t count;
};

/** Reads "KEY=VALUE" words. -EINVAL and the like with a story. */
[[nodiscard]] int instance_filters_read(
	const struct option_list *words, struct arena *arena, struct instance_filters *ret_filters);
void instance_filters_fini(struct instance_filters *filters);

/** True if it asks for a key: ps shows also what does not run when asked for a status. */
bool instance_filters_hold(const struct instance_filters *filters, const char *key);

/** Reads of the disk what instances do not hold (requests, images) only where a filter needs it. */
bool instance_fits(const struct instance *instance, const struct instance_filters *filters,
	struct arena *arena);
