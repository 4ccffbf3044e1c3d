// SPDX-License-Identifier: Apache-2.0
#pragma once

/* From the files that describe containers, volumes, pods and images to services. */

#include "verbs/generate/unit.h"

/** The service's name, "web.service", "data-volume.service"; NULL: no kind of ours. */
const char *quadlet_service(const struct unit_file *file, struct arena *arena);

/**
 * Writes the service of a file. All mistakes in it are told to @complain, one each; returns how
 * many, or negative errno with a story.
 */
[[nodiscard]] int quadlet_write(const struct unit_file *file, struct arena *arena,
	void (*complain)(void *context), void *context, struct text *out);
