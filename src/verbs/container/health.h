// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What is known of a container's health: <directory>/health.json, written by its checks. */

#include "engine/instance/instance.h"
#include "plan/json_write.h"

/** "starting", "healthy", "unhealthy"; "" where nothing is checked. */
const char *container_health(const struct instance *instance, struct arena *arena);

/** The members of inspect's State.Health. */
void container_health_write(
	const struct instance *instance, struct arena *arena, struct json_writer *writer);
