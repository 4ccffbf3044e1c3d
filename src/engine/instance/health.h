// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Is the program well? One check joins the container, runs the command that it was made with, and
 * writes what came of it to <directory>/health.json, in the members of Docker's inspect
 * (State.Health). The monitor says when, `rung healthcheck run` may say it too.
 */

#include "engine/instance/instance.h"

#define HEALTH_FILE "health.json"

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/** "starting", "healthy", "unhealthy" */
const char *health_status_name(enum health_status status);

struct health_result {
	bool passed; /* this check */
	enum health_status status;
};

/**
 * Checks once: waits for the answer as long as --health-timeout says, notes it, tells an event
 * when the status changes, and begins what --health-on-failure wants when it has become unhealthy.
 * -ESRCH with a story: the container does not run; -ENOENT: it has no health check.
 */
[[nodiscard]] int health_check(
	struct instance *instance, struct arena *arena, struct health_result *ret_result);

/** For a start: what is known is of an earlier one. */
void health_forget(const struct instance *instance);
