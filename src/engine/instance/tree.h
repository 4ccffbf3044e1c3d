// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The files of an instance as they look from inside, for those who stand outside: cp, export,
 * mount, diff.
 *
 * Of one that runs it is what its first process sees, volumes and tmpfs included. Of one that does
 * not run the same overlay and volumes are mounted in a mount namespace of our own, so nothing
 * appears on the host, and whatever becomes of us, nothing stays. Nobody can start it meanwhile.
 *
 * An ordinary user enters the user namespace that his containers' files belong to, where he is
 * root and his host files are still his; there is no way back, so whatever else is to be opened
 * with the caller's own eyes is opened before. Only one instance can be opened in a process.
 */

#include "engine/instance/instance.h"

struct instance_tree {
	int root_fd;           /* what it sees as "/" */
	int user_namespace_fd; /* for layer_extract, layer_archive: whose ids its files have; -1:
				  ours */
	int lock_fd;           /* of one that does not run */
	struct run_layer layer;
	bool running;
};

#define INSTANCE_TREE_NONE \
	{ \
		.root_fd = -1, .user_namespace_fd = -1, .lock_fd = -1, .layer = {.lock_fd = -1 } \
	}

/** Tells a story. @instance is read again. */
[[nodiscard]] int instance_tree_open(
	struct instance *instance, struct arena *arena, struct instance_tree *ret_tree);

/** Ends our part in it; the namespaces stay those of this process. */
void instance_tree_fini(struct instance_tree *tree);

/**
 * The layers below what it changed, topmost first, as absolute paths: its image's, or --rootfs.
 * None for @host. Tells a story.
 */
[[nodiscard]] int instance_lowers(
	const struct instance *instance, struct arena *arena, struct strings *ret_paths);

/** <directory>/layer/upper: what it changed, in overlayfs's form. A descriptor; tells a story. */
[[nodiscard]] int instance_open_upper(const struct instance *instance, struct arena *arena);

/**
 * Makes an ordinary user root over his containers' files (upper directories, layers), for good;
 * nothing for root.
 */
[[nodiscard]] int instance_enter_owner(struct arena *arena);

/**
 * Its root as it is on disk: what it changed over its layers, read-only and without volumes or
 * anything else that is mounted. It may run; what it changes meanwhile may or may not be seen. An
 * ordinary user enters the owner's namespace (instance_enter_owner()). A descriptor; tells a story.
 */
[[nodiscard]] int instance_open_stack(const struct instance *instance, struct arena *arena);
