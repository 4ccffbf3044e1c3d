// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Namespaces: which to make, which to join (namespaces(7)), and the identity maps of a new
 * user namespace (user_namespaces(7)).
 */

#include "plan/plan.h"

#include <sys/types.h>

/** Descriptors of the namespaces to join, -1 where there is none. */
struct namespace_handles {
	int fds[PLAN_NS_COUNT];
};

void namespace_handles_fini(struct namespace_handles *handles);

/**
 * Opens the namespaces that the plan joins by path and checks that each is of the kind it is
 * named as (NS_GET_NSTYPE). Tells a story.
 */
[[nodiscard]] int namespaces_open(const struct plan *plan, struct namespace_handles *ret_handles);

/** CLONE_NEW… flags of the namespaces that the plan makes anew. */
unsigned namespaces_new_flags(const struct plan *plan);

/** setns(2) for one kind, if there is a handle for it. */
[[nodiscard]] int namespaces_join(
	const struct namespace_handles *handles, enum plan_namespace kind);

/**
 * Writes the maps of process @pid's new user namespace: directly where the kernel lets us (root,
 * or one's own id alone), otherwise by newuidmap(1) and newgidmap(1) from /etc/subuid and
 * /etc/subgid. Denies setgroups(2) where the kernel demands it.
 */
[[nodiscard]] int userns_write_maps(
	pid_t pid, const struct plan_id_maps *uids, const struct plan_id_maps *gids);

/**
 * A descriptor of a new user namespace with these maps that no process is in, as idmapped
 * mounts want it (mount_setattr(2)).
 */
[[nodiscard]] int userns_open(const struct plan_id_maps *uids, const struct plan_id_maps *gids);

/** Writes the offsets of time_namespaces(7) for the children of this process. */
[[nodiscard]] int timens_write_offsets(const struct plan *plan);
