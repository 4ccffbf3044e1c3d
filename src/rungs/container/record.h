// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a container leaves on disk so that later commands find it: one directory per container
 * below the state root.
 *
 *	<state>/<id>/record.json   what it is and where its cgroups are; written before anything
 *	                           else is made, so that `delete --force` can always clean up
 *	<state>/<id>/config.json   the plan it was made from
 *	<state>/<id>/init          pid and start time of its first process
 *	<state>/<id>/start.sock    there while it waits to be started
 *
 * The status is not written down but seen: who holds the lock, what lives, which files exist. So
 * no crash can leave a wrong one.
 */

#include "base/arena.h"
#include "base/process.h"
#include "plan/plan.h"
#include "walls/cgroup/cgroup.h"

#include <stdbool.h>

struct text;

enum container_status {
	CONTAINER_CREATING,
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPED,
};

/** "creating", "created", "running", "paused", "stopped" */
const char *container_status_name(enum container_status status);

struct container_record {
	struct arena arena;
	int directory_fd;
	const char *id, *oci_version, *bundle, *root_path, *created; /* RFC 3339 */
	const char *runtime; /* another OCI runtime made it (rungs/foreign); NULL: we */
	uid_t owner;
	unsigned namespaces; /* bit per enum plan_namespace: is not the host's */
	bool own_user_namespace;
	bool may_trace; /* its program was given CAP_SYS_PTRACE */
	struct plan_key_value *annotations;
	size_t annotation_count;
	struct cgroup_location cgroup;
	bool after_start, after_end; /* its plan says what is to be done then: hooks, resctrl */
	struct process_id init;      /* pid 0: not there yet */
};

void container_record_fini(struct container_record *record);

/** Checks an id: 1 to 1024 of [A-Za-z0-9_+.-], not beginning with '.'. -EINVAL with a story. */
[[nodiscard]] int container_check_id(const char *id);

/**
 * Opens the directory of all containers, making it if @create. -ENOENT without a story if it is
 * not there and not to be made.
 */
[[nodiscard]] int container_open_state(const char *state_root, bool create);

/**
 * Claims an id: makes its directory, which exactly one process can, and locks it as long as the
 * returned descriptor is open. -EEXIST with a story.
 */
[[nodiscard]] int container_claim(int state_fd, const char *id);

/** What record.json holds, and writing it there, which takes no more memory. */
void container_record_tell(const struct container_record *record, struct text *out);
[[nodiscard]] int container_record_write(int directory_fd, const struct text *told);

/** Writes the init file. */
[[nodiscard]] int container_record_init(int directory_fd, const struct process_id *init);

/** Loads a container. -ENOENT with a story that it does not exist. */
[[nodiscard]] int container_load(
	const char *state_root, const char *id, struct container_record *ret_record);

/** Loads the plan it was made from (config.json of the record). */
[[nodiscard]] int container_load_plan(const struct container_record *record, struct plan *ret_plan);

/**
 * A connection to the first process of a container whose start was begun ("start.sock" is then
 * called "start.going"). -ECONNREFUSED: it no longer waits. Tells no story.
 */
[[nodiscard]] int container_connect_to_start(const struct container_record *record);

/** What it is doing now. Takes and drops a lock on directory_fd where it has to. */
enum container_status container_status(const struct container_record *record);

/** The state object of the OCI runtime specification (runtime.md "State"), as `state` prints it. */
void container_state_write(const struct container_record *record, enum container_status status,
	pid_t pid, bool for_hooks, struct text *out);

/** Removes the directory and all in it. */
[[nodiscard]] int container_record_remove(const char *state_root, const char *id);

/** Ids of all containers, sorted, in @arena. */
[[nodiscard]] int container_list(
	const char *state_root, struct arena *arena, struct strings *ret_ids);

/** Those whose id matches a POSIX extended regular expression; -EINVAL with a story. */
[[nodiscard]] int container_list_matching(const char *state_root, const char *expression,
	struct arena *arena, struct strings *ret_ids);
