// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Who is on the other side. */

#include <stdbool.h>
#include <sys/types.h>

/** The process that a thread belongs to; the thread itself where it is gone already. */
pid_t peer_process(pid_t thread);

/** Whether a process runs in another pid namespace than ours, as all in a sandbox do. True where it
 * cannot be found out. */
bool peer_is_walled_in(pid_t pid);
