// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of this folder share; see run.h for what leaves it. */

#include "engine/container/idmap.h"
#include "engine/container/run.h"

/* ---- users.c: names of the image, not of the host ---------------------------- */

struct run_user {
	uint32_t uid, gid;
	uint32_t *groups;
	size_t group_count;
	const char *home, *name;
};

/**
 * "1000", "web", "web:www", "0:5" by the passwd and group files below root_fd. Unknown numbers are
 * fine, unknown names are -EINVAL with a story.
 */
[[nodiscard]] int run_find_user(
	int root_fd, const char *user, struct arena *arena, struct run_user *ret_user);

/** The caller's own name by the host's passwd file; NULL if he has none. */
const char *run_own_name(struct arena *arena);

/* ---- idmap.c: an ordinary user's ids ------------------------------------------ */

/** Maps under which he is he: just his own id, to itself. */
void run_map_self(
	struct arena *arena, struct plan_id_maps *ret_uids, struct plan_id_maps *ret_gids);

/* ---- layer.c: the writable layer ---------------------------------------------- */

/**
 * Fills an overlay mount of @lower at @destination, whose changes go to a part of the layer of its
 * own, named by @part ("root", "home-me"). Makes that part's directories if the layer is open.
 */
[[nodiscard]] int run_overlay(const struct run_layer *layer, const char *part, const char *lower,
	const char *destination, struct arena *arena, struct plan_mount *ret_mount);

/* ---- host.c: the running system as an image ------------------------------------- */

/**
 * The mounts that make up @host, in order, without those that every container has. @home is the
 * user's own directory or NULL.
 */
[[nodiscard]] int run_host_mounts(const struct run_request *request, const char *home,
	struct arena *arena, struct plan_mount **ret_mounts, size_t *ret_count);

/* ---- options.c: words of the command line ----------------------------------------- */

[[nodiscard]] int run_volume(const char *word, struct arena *arena, struct plan_mount *ret_mount);
[[nodiscard]] int run_tmpfs(const char *word, struct arena *arena, struct plan_mount *ret_mount);
[[nodiscard]] int run_ulimit(const char *word, struct plan_rlimit *ret_limit);
[[nodiscard]] int run_capabilities(
	const struct run_request *request, struct plan_capabilities *ret_sets);
[[nodiscard]] int run_security_option(const char *word, struct arena *arena, struct plan *plan);
[[nodiscard]] int run_device(const char *word, struct arena *arena, struct plan *plan);
/** The mount that stands for a device that run_device() accepted. */
void run_device_mount(const char *word, struct arena *arena, struct plan_mount *ret_mount);
