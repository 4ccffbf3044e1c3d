// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What happened: <data>/events.log, a line of JSON per event, written by whoever did it and read
 * by `rung events`. Without a daemon there is nobody to ask, so the file is the bus: a writer
 * appends by one write(2) to a file opened with O_APPEND, which the kernel keeps whole and in
 * order; a reader waits by inotify(7).
 *
 *	{"time":1700000000123456789,"type":"container","action":"start","id":"4f5…","name":"web",
 *	 "attributes":{"image":"docker.io/library/debian:12"}}
 *
 * At 1 MiB the file becomes events.log.1, the one before that goes.
 */

#include "base/arena.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * Notes an event. The words are Docker's: type "container", "image", "volume", "network", "pod",
 * "secret"; action "create", "start", "die", "exec_die", "health_status: healthy", …
 * @name may be NULL; of a container the attributes begin with "image", then its labels and what
 * belongs to the action ("exitCode", "signal", "execID").
 *
 * Never fails: what happened has happened, also where the disk is full. Tells no story.
 */
void event_write(const char *type, const char *action, const char *id, const char *name,
	const struct plan_key_value *attributes, size_t count);

struct event {
	int64_t time_ns;                       /* after 1970 */
	const char *type, *action, *id, *name; /* "" where there is none */
	const struct plan_key_value *attributes;
	size_t attribute_count;
};

/** NULL if it has no such attribute. */
const char *event_attribute(const struct event *event, const char *key);

struct event_query {
	int64_t since_ns, until_ns; /* after 1970, both included; INT64_MAX: no end */
	/*
	 * --filter KEY=VALUE: container, image, volume, network, pod, secret (by id, its
	 * beginning, or name), event, type, label (KEY or KEY=VALUE). Values of one key
	 * are alternatives, but labels must all fit.
	 */
	const struct plan_key_value *filters;
	size_t filter_count;
	bool follow; /* after what is written, wait for more until @until_ns */
	bool now;    /* only what comes: old lines are passed over */
};

/** Returns 0 to go on, positive to end event_read() with it, or negative errno with a story. */
typedef int (*event_callback)(const struct event *event, void *context);

/** -EINVAL with a story: no such filter. */
[[nodiscard]] int event_check(const struct event_query *query);

/**
 * Calls back for each event that fits, in the order they were written. Lines that are no events
 * (cut by a full disk) are passed over. 0, what the callback returned, or negative errno with a
 * story.
 */
[[nodiscard]] int event_read(
	const struct event_query *query, event_callback callback, void *context);
