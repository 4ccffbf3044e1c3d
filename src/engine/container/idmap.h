// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Whose ids are whose: what other rooms of the engine ask, too. */

#include "plan/plan.h"

/**
 * Maps for an ordinary user: root in the container is he, and the ids from 1 on are his from
 * /etc/subuid and /etc/subgid, if he has any and newuidmap(1) is there.
 */
void run_map_ids(struct arena *arena, struct plan_id_maps *ret_uids, struct plan_id_maps *ret_gids);

/** Ids from 0 on are those that @file (/etc/subuid) grants to @name; none if it grants none. */
void run_map_ranges(
	const char *file, const char *name, struct arena *arena, struct plan_id_maps *ret_maps);

/**
 * True for root of the first user namespace. Any other root has no power over what belongs to ids
 * that it does not know, nor over "trusted" attributes, which overlays use otherwise.
 */
bool run_is_host_root(void);
