// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * From what a person asks of `rung run` to a plan. In: names, paths and numbers as they were typed.
 * Out: a plan and the place of its writable layer. Nothing of the container exists yet afterwards,
 * but the layer's empty directories.
 */

#include "engine/container/request.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum run_network { RUN_NETWORK_NONE, RUN_NETWORK_HOST };

/** What --network comes to. */
enum run_network run_network(const struct run_request *request);

/** <data>/containers/<id>/layer: what the program changes. */
struct run_layer {
	const char *id, *name, *layers, *directory;
	const char *merged; /* empty; what the root is mounted on */
	int lock_fd;        /* -1: only planned */
	bool is_new;        /* no earlier run has made it */
};

/**
 * Once, when a container is created: lays the words over the image's configuration and the caller's
 * surroundings, makes volumes (unless @request->dry) and fills @request->resolved, which lives in
 * @arena and points into the image. Needs id, data_root, image, find_peer.
 */
[[nodiscard]] int run_resolve(struct run_request *request, struct arena *arena);

/**
 * Other wishes for one that was resolved before: variables taken away and set, health checks. What
 * is not named stays.
 */
[[nodiscard]] int run_change_environment(struct run_request *request,
	const struct strings *unwanted, const struct strings *words, struct arena *arena);
[[nodiscard]] int run_change_health(
	struct run_request *request, const struct health_wishes *wishes, struct arena *arena);

/** For a container that came to nothing: removes the volumes that were made for it alone. */
void run_resolve_undo(const struct run_request *request);

/** Whether a plan can be made of it, for whoever makes it only later. */
[[nodiscard]] int run_plan_check(const struct run_request *request);

/** Makes the plan of a resolved request. Its root is an overlay whose upper directory is the
 * container's layer. */
[[nodiscard]] int run_plan(const struct run_request *request, struct plan *ret_plan);

/** Who makes its control groups: what was asked for, or what --cgroup-parent and --cgroups mean. */
enum run_cgroup_manager run_cgroup_manager(const struct run_request *request);

/**
 * The limits alone: fills plan->resources, and what else of the plan they are. For `update`, with a
 * request that holds nothing but the new ones.
 */
[[nodiscard]] int run_set_limits(const struct run_request *request, struct plan *plan);

/** Names the layer "layer" in a directory of its container's own; nothing is made yet. */
void run_layer_in(
	const char *directory, const char *id, struct arena *arena, struct run_layer *ret_layer);

/** Makes it, or finds that of an earlier run, and locks it. -EBUSY with a story: it is in use. */
[[nodiscard]] int run_layer_open(struct run_layer *layer);

/** Lets go of the lock. */
void run_layer_fini(struct run_layer *layer);

/** Removes it, also what belongs to subordinate ids of ours. */
[[nodiscard]] int run_layer_remove(const struct run_layer *layer);
