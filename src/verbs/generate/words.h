// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/container/run.h"

/**
 * The words of `run` that ask for this: options that differ from their defaults, the image, what
 * stands behind it. Names and what systemd does itself (--name, --rm, --restart …) are left out.
 */
void request_words(
	const struct run_request *request, struct arena *arena, struct strings *ret_words);
