// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The container rung: a plan, walled in by namespaces, control groups, system call filter and
 * capabilities. `rung oci` and `rung run` both stand on it.
 *
 * A container is started by two processes that meet once: the starter (the command) and the child
 * (the container's first process). While the child builds its root, the starter does what takes
 * time or the host's privileges: control groups, identity maps, hooks, interfaces.
 */

#include "plan/plan.h"
#include "rungs/container/record.h"
#include "walls/cgroup/cgroup.h"
#include "walls/seccomp.h"

#include <stdbool.h>
#include <sys/types.h>

struct container_request {
	const char *state_root, *id;
	const char *runtime; /* path of another OCI runtime that shall make it; NULL: we */
	const char *bundle;  /* absolute */
	const struct plan *plan;
	const char *config; /* the plan's JSON, kept in the record */
	size_t config_length;
	enum cgroup_manager cgroup_manager;
	const char *console_socket; /* path; NULL: none */
	int console_fd;             /* or a connected socket of our own (run -t); -1: none */
	const char *pid_file, *pidfd_socket; /* NULL: none */
	unsigned preserved_fds;
	bool no_pivot, no_new_keyring;
	bool wait_for_start;   /* create: true; run: false */
	bool die_with_starter; /* killed when the caller ends, however that happens */
};

struct container_process {
	pid_t pid;
	int pidfd; /* the caller's to close */
};

/**
 * Makes the container; with wait_for_start its first process is ready and waits, otherwise its
 * program runs. On failure nothing stays behind. @ret_process may be NULL.
 */
[[nodiscard]] int container_create(
	const struct container_request *request, struct container_process *ret_process);

/** Lets a created container run its program; -EBUSY with a story when it is in another state. */
[[nodiscard]] int container_start(const char *state_root, const char *id);

struct container_exec_request {
	const char *state_root, *id;
	struct container_record *record;    /* of the container, if it is loaded already; or NULL */
	const struct plan *plan;            /* the same; only with a record */
	const struct plan_process *process; /* complete */
	const char *console_socket;
	int console_fd;
	const char *pid_file, *pidfd_socket;
	const char *cgroup; /* sub-cgroup below the container's; NULL: its own */
	unsigned preserved_fds;
	bool detach;
	bool no_new_keyring;
	bool ignore_paused;
};

/** Runs another program in a running container. */
[[nodiscard]] int container_exec(
	const struct container_exec_request *request, struct container_process *ret_process);

/**
 * To be called before the caller of container_exec() forks: its children would be born in the
 * container's pid namespace (setns(2)), seen and reached by those inside.
 */
[[nodiscard]] int container_exec_over(void);

/**
 * Sends a signal to the first process, or to all (@all: also those that joined later).
 * -ESRCH with the story "container not running" when it has stopped.
 */
[[nodiscard]] int container_kill(
	const char *state_root, const char *id, int signal_number, bool all);

/** Removes a stopped container; @force: kills it first and does not mind if it is not there. */
[[nodiscard]] int container_delete(const char *state_root, const char *id, bool force);

/**
 * To be asked before the container is deleted: how many of its processes the kernel killed for want
 * of memory; 0 also where nobody counts.
 */
uint64_t container_oom_kills(const char *state_root, const char *id);

/**
 * The file in which the kernel counts those kills, where that goes with the last process, before
 * anybody could ask (a scope of systemd's); its descriptor, or -1.
 */
int container_open_memory_events(const char *state_root, const char *id);

/** Freezes or thaws. */
[[nodiscard]] int container_pause(const char *state_root, const char *id, bool paused);

/** Makes it possible to freeze the container, where that takes a hierarchy it is not in yet (v1).
 */
[[nodiscard]] int container_join_freezer(struct container_record *record);

/** Writes other limits. The record is rewritten when the container joins another hierarchy. */
[[nodiscard]] int container_update(
	struct container_record *record, const struct plan_resources *resources);
