// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of composing share: compose.c, environment.c. */

#include "engine/sandbox/sandbox.h"

enum { COMPOSE_PLACES_MAX = 16, COMPOSE_DEVICES_MAX = 16, COMPOSE_DESKTOP_MAX = 96 };

/** A tree of the host that is shown inside under its own path. */
struct composed_tree {
	const char *path;
	bool write, exec;
	bool system; /* the same for everybody: never caught */
	bool sealed; /* read-only, by a refusal to write */
	bool gone;
};

struct composing {
	const struct sandbox_wishes *wishes;
	struct plan *plan;
	struct sandbox_request *request;
	struct arena *arena;
	int sandbox_fd; /* of a named sandbox; -1 */
	const char *home, *runtime;
	struct composed_tree *trees;
	size_t tree_count, tree_room;
	size_t mount_room; /* of the plan's mounts */
	struct sandbox_link *links;
	struct sandbox_place *places;
	struct sandbox_upper *uppers;
	const char *variables[COMPOSE_DESKTOP_MAX]; /* of the desktop: NAME=VALUE */
	size_t variable_count;
	const char *doors[SANDBOX_DOORS_MAX]; /* paths */
	size_t door_count;
};

/** The tree of that path, made if there is none. */
struct composed_tree *compose_add_tree(struct composing *composing, const char *path);

void compose_add_place(struct composing *composing, const char *path, unsigned mode);

/** A mount that is still to be described. */
struct plan_mount *compose_add_mount(struct composing *composing, const char *destination);

/** Decides where doors stand, once all trees are known: doors.c. */
[[nodiscard]] int compose_doors(struct composing *composing);

/** Whether a door stands at this path or above it. */
bool compose_behind_door(const struct composing *composing, const char *path);

/** display, audio, gpu, camera, usb, ssh-agent, D-Bus: desktop.c */
void compose_desktop(struct composing *composing);

/** The variables that the program gets. */
struct strings compose_environment(struct composing *composing);
