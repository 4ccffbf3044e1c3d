// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Processes. A pid alone names nobody: the kernel hands it out again. So what is
 * written down is the pid with the moment the process started, and what is
 * signalled is a pidfd whose start time was compared (pidfd_open(2), Linux 5.3).
 */

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_id {
	pid_t pid;
	uint64_t start_time; /* clock ticks after boot: field 22 of /proc/PID/stat, proc(5) */
};

/** Start time of a process, also of a zombie. -ESRCH if there is none. Tells no story. */
[[nodiscard]] int process_read_start_time(pid_t pid, uint64_t *ret_start_time);

/** The whole identity of a living (or zombie) process. Tells no story. */
[[nodiscard]] int process_identify(pid_t pid, struct process_id *ret_id);

/**
 * A pidfd of exactly this process; a zombie still has one. -ESRCH if it is gone,
 * or if its pid belongs to another process by now. Tells no story.
 */
[[nodiscard]] int process_open(const struct process_id *id);

/** True while any thread of it runs; a zombie is dead. */
bool process_alive(const struct process_id *id);

/** Sends a signal; -ESRCH if it is gone (a zombie too). Tells no story. */
[[nodiscard]] int process_signal(const struct process_id *id, int signal_number);

/**
 * Waits until the process has ended (it is not reaped; need not be our child).
 * @timeout_ms: negative waits forever. 0, also if it was gone at once; -ETIMEDOUT.
 */
[[nodiscard]] int process_wait(const struct process_id *id, int64_t timeout_ms);
[[nodiscard]] int process_wait_pidfd(int pidfd, int64_t timeout_ms);

/** Reaps our child; *ret_status as waitpid(2) gives it. Blocks until it ends. */
[[nodiscard]] int process_reap(int pidfd, int *ret_status);

/** The shell's number for a status: what it exited with, or 128 + signal. */
int process_exit_code(int status);

/** One descriptor for the program: ours → its number. */
struct process_fd {
	int ours, its;
};

/** A program to run: a hook, newuidmap, criu. */
struct process_spawn {
	const char *program;            /* a path; PATH is not searched */
	const char *const *arguments;   /* with argv[0], NULL at the end; NULL: just the program */
	const char *const *environment; /* NULL at the end; NULL: our own */
	const char *working_directory;  /* NULL: ours */
	/*
	 * Its standard input, as an anonymous file: a program that never reads cannot
	 * block us or raise SIGPIPE. NULL: /dev/null.
	 */
	const void *input;
	size_t input_length;
	/* Beats the defaults for 0, 1, 2. No other descriptor is inherited. */
	const struct process_fd *fds;
	size_t fd_count;
	/* Where standard output and error are collected, at most 64 KiB; NULL: inherited. */
	struct text *output;
	unsigned timeout_ms; /* then it is killed and process_spawn() says -ETIMEDOUT; 0: none */
};

struct process_child {
	pid_t pid;
	int pidfd;     /* the caller's to close */
	int output_fd; /* reading end when output is wanted, else -1; the caller's to close */
};

/**
 * Starts it, with all signals unblocked and at their defaults, and returns when exec has
 * succeeded. The caller reaps it. Tells a story. timeout_ms is not looked at.
 */
[[nodiscard]] int process_start(const struct process_spawn *spawn, struct process_child *ret_child);

/**
 * Runs it to its end. *ret_status as waitpid(2) gives it; a program that fails is not an error
 * of this call. Descendants that still hold the output open are not waited for. Tells a story.
 */
[[nodiscard]] int process_spawn(const struct process_spawn *spawn, int *ret_status);
