// SPDX-License-Identifier: Apache-2.0
#pragma once

/* The first step of everything that makes a container: create, run, restore. */

#include "rungs/container/container.h"

/**
 * Claims the request's id and writes down what is going to exist, so that anybody can remove it.
 * The claim lasts as long as the record's directory_fd is open. On failure nothing stays behind.
 */
[[nodiscard]] int container_register(
	const struct container_request *request, struct container_record *record);
