// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The rows of `rung ps`; what they hold follows from the instance alone where that is possible. */

#include "engine/instance/instance.h"
#include "plan/json_write.h"
#include "verbs/manner.h"

struct ps_manner {
	enum manner manner;
	bool json;       /* --format json: the tool's own members, not the fields of templates */
	bool no_trunc;   /* whole ids and commands */
	bool size;       /* count the bytes of the writable layer */
	bool namespaces; /* read /proc for --ns */
	int64_t now_ns;
};

void ps_row_write(const struct instance *instance, const struct ps_manner *how, struct arena *arena,
	struct json_writer *writer);

/** "Up 2 minutes (healthy)", "Exited (0) 3 hours ago" */
const char *ps_status(
	const struct instance *instance, const struct ps_manner *how, struct arena *arena);

/** Bytes of what the container has changed; for --size. */
uint64_t container_layer_bytes(const struct instance *instance, struct arena *arena);

/** Bytes of its image; 0 without one. */
uint64_t container_image_bytes(const struct instance *instance, struct arena *arena);
