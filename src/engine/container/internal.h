// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the chapters of this folder share; see run.h for what leaves it. */

#include "base/kernel.h"
#include "base/text.h"
#include "engine/container/idmap.h"
#include "engine/container/run.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>

/** True for the running system itself. */
static inline bool run_is_host(const struct run_request *request)
{
	return !request->files.rootfs && !request->image;
}

/** @host of an ordinary user: he is himself there, and nobody else exists. */
bool run_is_self(const struct run_request *request);

static inline int run_lock(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/** The host name: asked for, another's whose network is shared, or by the id. */
const char *run_choose_hostname(const struct run_request *request, struct arena *arena);

/* ---- check.c ------------------------------------------------------------------------ */

/** Words that cannot mean anything: -EINVAL and the like with a story. */
[[nodiscard]] int run_check_words(const struct run_request *request, struct arena *arena);

[[nodiscard]] int run_check_health(const struct health_wishes *wishes);

/** IPv4, or IPv6 with or without a zone. */
bool run_is_address(const char *word);

/* ---- resolve*.c environment.c: when the container is created --------------------- */

[[nodiscard]] int run_environment(
	const struct run_request *request, struct arena *arena, struct strings *ret_variables);
[[nodiscard]] int run_resolve_mounts(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved);
[[nodiscard]] int run_resolve_secrets(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved);
[[nodiscard]] int run_resolve_ids(
	const struct run_request *request, struct arena *arena, struct run_resolved *resolved);

/* ---- trees.c: the container's files before anything is mounted --------------------- */

/** Its directories, topmost first: what it changed, then its image's layers. */
struct run_trees {
	int fds[160];
	size_t count;
};

[[nodiscard]] int run_trees_open(
	const struct run_request *request, const char *rootfs, struct run_trees *ret_trees);
void run_trees_fini(struct run_trees *trees);

/** Reads a file of it; -ENOENT and the like tell no story. */
[[nodiscard]] int run_trees_read(
	const struct run_trees *trees, const char *path, size_t limit, char **ret_text);

/** Who owns the directory @path in it, and its mode; false if there is none. */
bool run_trees_stat(const struct run_trees *trees, const char *path, struct stat *ret_about);

/* ---- users.c: names of the image, not of the host ---------------------------- */

struct run_user {
	uint32_t uid, gid;
	uint32_t *groups;
	size_t group_count;
	const char *home, *name;
	bool known; /* the passwd file has a line for uid */
};

/**
 * "1000", "web", "web:www", "0:5" by the passwd and group files of the trees. Unknown numbers are
 * fine, unknown names are -EINVAL with a story.
 */
[[nodiscard]] int run_find_user(const struct run_trees *trees, const char *user,
	struct arena *arena, struct run_user *ret_user);

/** A group by name or number. */
[[nodiscard]] int run_find_group(
	const struct run_trees *trees, const char *group, struct arena *arena, uint32_t *ret_gid);

/** The caller's own name by the host's passwd file; NULL if he has none. */
const char *run_own_name(struct arena *arena);
/** The same of his group, by the host's group file. */
const char *run_own_group(struct arena *arena);

/** The host's line of passwd(5) for a user, by name or number; NULL. */
const char *run_host_passwd(const char *user, struct arena *arena);

/* ---- idmap.c userns.c: whose ids ------------------------------------------------- */

/** Maps under which he is he: just his own id, to itself. */
void run_map_self(
	struct arena *arena, struct plan_id_maps *ret_uids, struct plan_id_maps *ret_gids);

/** "1000:1000" for --userns keep-id, else NULL. */
const char *run_kept_user(const struct run_request *request, struct arena *arena);

/** User namespace and maps of the plan; its process's user must be known. */
[[nodiscard]] int run_set_ids(const struct run_request *request, struct plan *plan);

/* ---- give.c: as root of the container's user namespace ------------------------------ */

/** chown to ids of the container; @all: with all that is below a directory. */
[[nodiscard]] int run_give(
	const char *path, bool all, uint32_t uid, uint32_t gid, const struct plan *plan);
[[nodiscard]] int run_set_mode(const char *path, uint32_t mode, const struct plan *plan);

/**
 * Does something in a child that is root of an ordinary user's usual namespace. What it returns, a
 * negative errno as far as 255, or an error of ours with a story.
 */
[[nodiscard]] int run_as_own_root(int (*act)(void *context), void *context);

/* ---- shift.c ------------------------------------------------------------------------------ */

/**
 * Layers whose files have the owners that @plan's maps ask for; an ordinary user's are copies, made
 * once. Otherwise the lowers themselves.
 */
[[nodiscard]] int run_shift_layers(const struct run_request *request, const struct plan *plan,
	struct arena *arena, struct strings *lowers);

/** A detached copy of what is mounted at @path where process @pid is. */
[[nodiscard]] int run_borrow_mount(pid_t pid, const char *path);

/* ---- namespaces.c ---------------------------------------------------------------------- */

[[nodiscard]] int run_find_peer(const struct run_request *request, const char *name,
	struct arena *arena, struct run_peer *ret_peer);
[[nodiscard]] int run_set_namespaces(const struct run_request *request, struct plan *plan);

/** "host", "container:web"; NULL: not asked for. */
const char *run_network_word(const struct run_request *request);

/* ---- layer.c: the writable layer ---------------------------------------------- */

/**
 * Fills an overlay mount of @lowers (topmost first) at @destination, whose changes go to a part of
 * the layer of its own, named by @part ("" for the root, "home-me"). Makes that part's directories
 * if the layer is open.
 */
[[nodiscard]] int run_overlay(const struct run_layer *layer, const char *part,
	const struct strings *lowers, const char *destination, struct arena *arena,
	struct plan_mount *ret_mount);

/** One without changes: @lowers to read only. */
[[nodiscard]] int run_stack(const struct strings *lowers, const char *destination,
	struct arena *arena, struct plan_mount *ret_mount);

/* ---- host.c: the running system as an image ------------------------------------- */

/**
 * The mounts that make up @host, in order, without those that every container has. @home is the
 * user's own directory or NULL.
 */
[[nodiscard]] int run_host_mounts(const struct run_request *request, const char *home,
	struct arena *arena, struct plan_mount **ret_mounts, size_t *ret_count);

/* ---- mounts.c names.c secrets.c: what it sees ------------------------------------------ */

struct run_place {
	const struct run_request *request;
	const char *rootfs; /* of --rootfs and @host; NULL for images */
	const struct run_trees *trees;
	const struct run_user *user;
};

/** Mounts, growing. */
struct run_plan_mounts {
	struct plan_mount *items;
	size_t count, room;
};
struct plan_mount *run_plan_mounts_add(struct run_plan_mounts *mounts, struct arena *arena);

[[nodiscard]] int run_set_mounts(const struct run_place *place, struct plan *plan);

/** /etc/hosts, /etc/hostname, /etc/resolv.conf, /etc/passwd, /etc/group, /etc/localtime. */
[[nodiscard]] int run_add_names(
	const struct run_place *place, struct plan *plan, struct run_plan_mounts *mounts);

[[nodiscard]] int run_secret_word(
	const char *word, struct arena *arena, struct run_secret *ret_secret);
[[nodiscard]] int run_secret_variables(
	const struct run_request *request, struct arena *arena, struct strings *variables);
[[nodiscard]] int run_secret_mounts(
	const struct run_request *request, struct plan *plan, struct run_plan_mounts *mounts);

/* ---- limits.c devices.c cdi.c security.c --------------------------------------------------- */

[[nodiscard]] int run_ulimit(const char *word, struct plan_rlimit *ret_limit);

/** Devices, and as mounts where they cannot be made. */
[[nodiscard]] int run_set_devices(
	const struct run_request *request, struct plan *plan, struct run_plan_mounts *mounts);

/** What the CDI device "vendor.com/class=name" adds. -ENOENT with a story. */
[[nodiscard]] int run_cdi_device(
	const char *name, struct plan *plan, struct run_plan_mounts *mounts);
/** One device of the host at its own or another place. */
[[nodiscard]] int run_add_device(const char *option, const char *source, const char *destination,
	const char *access, struct plan *plan, struct run_plan_mounts *mounts);

[[nodiscard]] int run_capabilities(
	const struct run_request *request, struct plan_capabilities *ret_sets);
[[nodiscard]] int run_set_security(const struct run_request *request, struct plan *plan);
