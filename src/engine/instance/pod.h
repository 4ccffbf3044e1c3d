// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Pods: containers that share namespaces. One instance of each pod, its infra, holds them: its
 * program is rung-init, which does nothing. The others join it as any container joins another
 * (--ipc container:INFRA), so a pod needs no mechanism of its own.
 *
 *	<data>/pods/<id>/config.json   what it is; written before the infra is made
 *	<data>/pods/<id>/root/         the infra's root: rung-init
 *	<data>/pods/lock               held while names are looked at and taken
 */

#include "engine/instance/instance.h"

struct pod {
	const char *id, *name, *directory;
	const char *created;     /* RFC 3339 */
	const char *infra;       /* id of its instance; "" with --infra=false */
	struct strings share;    /* "ipc", "net", "uts", "pid" */
	const char *hostname;    /* "": the name */
	const char *exit_policy; /* "continue", "stop" */
	struct plan_key_value *labels;
	size_t label_count;
};

enum pod_status {
	POD_CREATED,
	POD_RUNNING,
	POD_DEGRADED, /* some run, some do not */
	POD_PAUSED,
	POD_STOPPED, /* some have ended, none runs */
	POD_EXITED,
	POD_STATUS_COUNT,
};

/** "Created", "Running" … as Podman prints them. */
const char *pod_status_name(enum pod_status status);

/** By name, id, or the beginning of an id. -ENOENT with a story. */
[[nodiscard]] int pod_find(const char *word, struct arena *arena, struct pod *ret_pod);

/** By its whole id. -ENOENT without a story. */
[[nodiscard]] int pod_load(const char *id, struct arena *arena, struct pod *ret_pod);
bool pod_exists(const char *id, struct arena *arena);

/** All of them, oldest first. */
[[nodiscard]] int pod_list(struct arena *arena, struct pod **ret_pods, size_t *ret_count);

/** Its containers, the infra first. */
[[nodiscard]] int pod_members(const struct pod *pod, struct arena *arena,
	struct instance **ret_members, size_t *ret_count);

enum pod_status pod_status(const struct instance *members, size_t count);

/**
 * Makes it and its infra. @wanted: name ("" or NULL: a random one), share, hostname, labels,
 * exit_policy; infra NULL: one is made from @request (network, ids, limits), "": none.
 */
[[nodiscard]] int pod_create(const struct pod *wanted, struct run_request *request,
	struct arena *arena, struct pod *ret_pod);

/** Makes a request one of a member: what it did not ask for otherwise, it shares. */
void pod_join(const struct pod *pod, struct run_request *request, struct arena *arena);

/** Writes an event of type "pod": "create", "start" ... */
void pod_event(const struct pod *pod, const char *action);

/** Removes it with its containers. -EBUSY with a story: some run, and not @force. */
[[nodiscard]] int pod_remove(
	const struct pod *pod, struct arena *arena, const struct instance_removal *how);
