// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A container whose walls another OCI runtime builds (--runtime): crun, runc, runsc, kata. It has
 * the same record as one of ours, with the runtime's name in it, and rungs/container hands over
 * what only the runtime can do. Limits, statistics and the end are looked at in the kernel, as
 * ever: there the runtime has put the container where its config.json says.
 */

#include "rungs/container/container.h"

/**
 * The program that --runtime names: a path, or a name that is looked up in PATH and where
 * distributions install such programs. "" and "rung" are ourselves: *ret_path is NULL.
 * -ENOENT with a story.
 */
[[nodiscard]] int foreign_find(const char *word, struct arena *arena, const char **ret_path);

/** container_create() with request->runtime. */
[[nodiscard]] int foreign_create(
	const struct container_request *request, struct container_process *ret_process);

/** The parts of rungs/container that need the runtime; @record->runtime is set. */
[[nodiscard]] int foreign_start(const struct container_record *record);
[[nodiscard]] int foreign_kill(const struct container_record *record, int signal_number, bool all);
[[nodiscard]] int foreign_pause(const struct container_record *record, bool paused);
[[nodiscard]] int foreign_exec(const struct container_exec_request *request,
	const struct container_record *record, struct container_process *ret_process);

/**
 * Lets the runtime remove what it knows of. Failing is no error: the caller removes processes,
 * control groups and record whatever the runtime says, and it may be gone from the machine.
 */
void foreign_delete(const struct container_record *record);
