// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a runtime leaves behind for whoever called it: a process, by its pid file, and a terminal,
 * over a socket (runc's conventions, which all share).
 */

#include "base/process.h"

struct plan_process;

/**
 * While true, orphans below us become our children: what the runtime started is ours to reap when
 * the runtime itself has ended (PR_SET_CHILD_SUBREAPER).
 */
[[nodiscard]] int subreap(bool wanted);

/**
 * After a failure: ends and reaps what the runtime left us as children. crun leaves a dead process
 * in the container's pid namespace, which could not end before that is reaped.
 */
void end_orphans(void);

/** The child that the pid file names, and a pidfd of it, the caller's to close. Removes the file.
 */
[[nodiscard]] int child_from_file(
	int directory_fd, const char *name, struct process_id *ret_id, int *ret_pidfd);

/** A socket on which the runtime hands over a terminal's master. */
struct console {
	int socket_fd, directory_fd; /* the latter is the caller's */
	const char *name;
};
#define CONSOLE_NONE ((struct console){.socket_fd = -1, .directory_fd = -1})

/** Listens on directory_fd/name; @name outlives the console. */
[[nodiscard]] int console_open(int directory_fd, const char *name, struct console *ret_console);
void console_fini(struct console *console);

/** Takes the master and sends it on, to the connected socket @to_fd or to the path @to_socket. */
[[nodiscard]] int console_pass_on(const struct console *console, int to_fd, const char *to_socket);
