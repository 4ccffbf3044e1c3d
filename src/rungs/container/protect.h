// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct container_record;
struct plan;

/**
 * True if a process of ours on its way into the container could be opened or traced from inside:
 * its first steps are taken in the container's pid namespace by rung's own image, and a container
 * with CAP_SYS_PTRACE in the same user namespace is not kept out by PR_SET_DUMPABLE.
 */
bool protect_for_exec(const struct container_record *record);
bool protect_for_create(const struct plan *plan);

/**
 * Makes sure that this process's /proc/self/exe is a sealed copy in memory and not the program on
 * disk (CVE-2019-5736): where it is not yet, executes the copy with the same arguments, and so
 * starts over. Costs a copy of the program, so only those call it who must. 0, or a story.
 */
[[nodiscard]] int protect_executable(void);
