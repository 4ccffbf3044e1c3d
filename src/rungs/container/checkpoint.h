// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Writing a running container into files and making a running container out of them, with criu.
 * The files' directory is understood by runc, and its by us: same mounts, same names, same
 * descriptors.json.
 */

#include "rungs/container/container.h"

struct text;

/** What becomes of cgroups that the container made: criu_cg_mode of criu's rpc.proto. */
enum criu_cgroup_mode {
	CRIU_CGROUPS_IGNORE = 0,
	CRIU_CGROUPS_SOFT = 3,
	CRIU_CGROUPS_FULL = 4,
	CRIU_CGROUPS_STRICT = 5,
};

/** How connections are held still meanwhile: criu_network_lock_method of its rpc.proto. */
enum criu_network_lock { CRIU_LOCK_DEFAULT = 0, CRIU_LOCK_IPTABLES = 1, CRIU_LOCK_NFTABLES = 2 };

struct checkpoint_options {
	const char *criu;                   /* the program; NULL: found by itself */
	const char *image_path, *work_path; /* NULL: "checkpoint"; the images' */
	const char *parent_path;            /* of an earlier pre-dump, relative to image_path */
	bool leave_running, pre_dump;       /* checkpoint only */
	bool tcp_established, ext_unix_sk, shell_job, file_locks, auto_dedup;
	bool empty_network; /* the network namespace's content is left out */
	enum criu_cgroup_mode cgroup_mode;
	enum criu_network_lock network_lock;
	const char *lsm_profile, *lsm_mount_context; /* restore only */
};

/**
 * Writes the container's processes to the image path. It then is stopped; with leave_running, and
 * always after a pre-dump (memory alone), it goes on. On failure it goes on too.
 */
[[nodiscard]] int container_checkpoint(
	const char *state_root, const char *id, const struct checkpoint_options *options);

/**
 * Makes the container from images. Its first process is our child and runs where it was. A
 * stopped container of the same id makes room. On failure nothing stays behind.
 * @ret_process may be NULL.
 */
[[nodiscard]] int container_restore(const struct container_request *request,
	const struct checkpoint_options *options, struct container_process *ret_process);

/** True where a criu is installed; what it can do with this kernel is seen when it is tried. */
bool container_can_checkpoint(const char *criu);

/* ---- what checkpoint.c and restore.c share ------------------------------------------ */

/** The directories of one run of criu. */
struct checkpoint_room {
	int image_fd, work_fd;
	char *work_path; /* absolute: where the log is */
};

void checkpoint_room_fini(struct checkpoint_room *room);
[[nodiscard]] int checkpoint_room_open(
	const struct checkpoint_options *options, bool create, struct checkpoint_room *ret_room);

/** Refuses what criu would drop without a word, or cannot do at all. */
[[nodiscard]] int checkpoint_check(const struct plan *plan, const char *id);

/** Options of criu's that both directions have. */
void checkpoint_put_common(const struct checkpoint_options *options,
	const struct checkpoint_room *room, const struct plan *plan, const char *log_name,
	struct text *out);

/** How the images call a network or pid namespace that is joined by path; NULL for other kinds. */
const char *checkpoint_namespace_key(enum plan_namespace kind);

#define CHECKPOINT_DESCRIPTORS "descriptors.json"
