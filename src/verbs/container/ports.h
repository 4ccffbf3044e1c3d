// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Published ports as they were typed (-p), and as ps, port and inspect show them. */

#include "base/text.h"
#include "plan/plan.h"

#include <stdint.h>

struct port_mapping {
	const char *address; /* of the host; "": all */
	uint16_t host;       /* 0: any free one */
	uint16_t container;
	const char *protocol; /* "tcp", "udp", "sctp" */
};

/**
 * [[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL], where HOST and CONTAINER may be ranges; a mapping per
 * port. -EINVAL with a story.
 */
[[nodiscard]] int ports_read(const struct strings *published, struct arena *arena,
	struct port_mapping **ret_mappings, size_t *ret_count);

/** "0.0.0.0:8080-8081->80-81/tcp, …": neighbours are drawn together. */
void ports_write(const struct port_mapping *mappings, size_t count, struct text *out);
