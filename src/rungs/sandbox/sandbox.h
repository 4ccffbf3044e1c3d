// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The sandbox rung: a program of the host, in namespaces of its own where only the plan's mounts
 * are to be seen, without capabilities, behind Landlock and a filter of system calls. It needs no
 * privileges, no setuid program and no daemon.
 *
 *	rung (starter)                     PID 1 (a fork of rung)
 *	---------------------------------------------------------------------
 *	clone3                        →    born in new namespaces
 *	record, signals                    maps its own id, builds the root, enters it, Landlock
 *	waits                              forks the program, buries orphans, serves `enter`
 *	its status                    ←    says it when nobody else is left, and ends
 *
 * The two hardly talk: the program begins when the starter has written its record, and a failure
 * is a report that the starter reads while it waits.
 */

#include "plan/permission.h"
#include "plan/plan.h"

struct sandbox_link {
	const char *path,
		*target; /* a symbolic link: /bin → usr/bin; beside places or at the top */
};

/** A writable directory of the sandbox's own, empty and forgotten at the end. */
struct sandbox_place {
	const char *path;
	unsigned mode;
};

/** An upper and a work directory for the overlay that names them: SANDBOX_UPPER "/0/upper". */
struct sandbox_upper {
	unsigned mode; /* of the tree's top */
};
#define SANDBOX_ROOT "/proc/fs"               /* where PID 1 builds the root; every kernel has it */
#define SANDBOX_UPPER SANDBOX_ROOT "/.caught" /* as PID 1 sees it meanwhile */

/**
 * What may be asked for while the program runs (see src/programs/door). A door of files stands at
 * each path; with @network, one for everything that goes to other machines.
 */
struct sandbox_doors {
	const char *program; /* the file of rung-door */
	const char *const *paths;
	size_t path_count; /* at most SANDBOX_DOORS_MAX */
	bool network;
	const struct permissions *permissions;
	const char *policy; /* members of the handoff: JSON without the braces around it */
};
enum { SANDBOX_DOORS_MAX = 32 };

struct sandbox_request {
	/* Root, mounts, namespaces, limits, Landlock, process: as for a container. */
	const struct plan *plan;
	const struct sandbox_link *links;
	size_t link_count;
	const struct sandbox_place *places; /* parents before children */
	size_t place_count;
	const struct sandbox_upper *uppers;
	size_t upper_count;
	const struct sandbox_doors *doors; /* NULL: nothing is asked for */
	const char *fallback_directory; /* where the plan's working directory is not to be seen */
	/* What the filter lets through beyond the usual. */
	bool ptrace, userns, memory_files;
	bool settle;       /* return when its mounts are gone as well, not just all processes */
	bool new_session;  /* no controlling terminal: setsid(2) */
	int enter_fd;      /* a listening socket for sandbox_enter(), -1: none; taken */
	int64_t time_ms;   /* then the program is ended with status 124; 0: never */
	unsigned keep_fds; /* 3 … 3+n-1 stay open for the program */
	/* Called in the starter as soon as PID 1 exists. Negative ends it. May be NULL. */
	int (*born)(pid_t pid, void *context);
	void *context;
};

/**
 * Starts it and waits for its end. *ret_status is the program's exit status, 128 + n for a signal.
 * Negative with a story (and error_exit_status() 126 or 127) if it could not be started. Signals
 * that reach us go to the program.
 */
[[nodiscard]] int sandbox_run(struct sandbox_request *request, int *ret_status);

/** Another program in a running sandbox, behind the same walls. */
struct sandbox_entry {
	const char *socket; /* path of its enter socket */
	const char *const *arguments, *const *environment;
	const char *directory; /* NULL: the sandbox's own */
	bool terminal;         /* standard input is a terminal: give it one of its own */
};

/** Starts it, with our standard streams, and waits for its end. As sandbox_run(). */
[[nodiscard]] int sandbox_enter(const struct sandbox_entry *entry, int *ret_status);
