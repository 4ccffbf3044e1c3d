// SPDX-License-Identifier: Apache-2.0
#pragma once

/* `logs`, also of several containers, also as they go on. */

#include "base/process.h"
#include "engine/instance/instance.h"
#include "engine/instance/logs_read.h"

struct logs_source {
	struct instance instance;
	struct logs_settings settings;
	struct logs_reader reader;
	struct process_id monitor; /* the last one that was known */
	bool over;                 /* nothing more will come */
};

/** Finds the container's log and its beginning. Tells a story. */
[[nodiscard]] int logs_source_init(struct logs_source *source, const struct instance *instance,
	const struct logs_query *query, struct arena *arena);
void logs_source_fini(struct logs_source *source);

struct logs_follower {
	/** One record. Other than 0 ends everything with that number. */
	int (*record)(
		const struct logs_source *source, const struct logs_record *record, void *context);
	/** Nothing more is there at the moment: what was gathered should be seen. */
	int (*pause)(void *context);
	void *context;
	int64_t until_ms; /* CLOCK_MONOTONIC: gives up then; INT64_MAX: never */
};

/**
 * Reads what is there; with @follow also what comes, until the containers have ended for good (a
 * restart is no end; one that was never started is waited for). 0, what a callback returned, or
 * negative errno with a story.
 */
[[nodiscard]] int logs_follow(struct logs_source *sources, size_t count, bool follow,
	const struct logs_follower *follower, struct arena *arena);
