// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Telling the caller's world which process it is. */

#include <sys/types.h>

/** Writes "PID" to a file in one step: readers see nothing or all of it. */
[[nodiscard]] int write_pid_file(const char *path, pid_t pid);

/** Sends the pidfd to a UNIX stream socket (runc's --pidfd-socket). */
[[nodiscard]] int send_pidfd(const char *socket_path, int pidfd);
