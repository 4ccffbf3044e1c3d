// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What a container uses, at one moment. */

#include "engine/instance/instance.h"

struct usage {
	int64_t at_ns; /* monotonic clock of the reading */
	uint64_t cpu_ns, kernel_ns;
	uint64_t memory_bytes, memory_limit_bytes;
	uint64_t read_bytes, written_bytes;
	uint64_t received_bytes, sent_bytes;
	uint64_t processes;
	bool known; /* it runs */
};

/**
 * Reads it: from control groups of either version, and whatever they do not tell from the
 * processes themselves. A container that does not run is not known.
 */
void container_usage(const struct instance *instance, struct arena *arena, struct usage *ret_usage);
