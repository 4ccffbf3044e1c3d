// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What the files of this room share. */

#include "rungs/container/handoff.h"
#include "rungs/sandbox/filter.h"
#include "rungs/sandbox/sandbox.h"

#include <stdalign.h>

/** What PID 1 and every program inside know. */
struct sandbox_inside {
	const struct sandbox_request *request;
	int channel_fd; /* to the starter: struct handoff_report */
	struct sandbox_filter filter;
	int supervisor_fd; /* PID 1's, where there are doors: descriptors go there; else -1 */
	const int *door_mount_fds; /* one for each path of the request's doors */
};

/** inside.c: PID 1 from its birth on. Never returns. */
[[gnu::noreturn]] void sandbox_inside(struct sandbox_inside *inside);

/** inside.c: the plan's one id onto itself, in a user namespace that was just made. */
[[nodiscard]] int sandbox_map_ids(const struct plan *plan);

/* ---- the network namespace: network.c ---------------------------------------------------- */

struct sandbox_network {
	pid_t helper;
	int fd; /* the namespace, or what went wrong */
	alignas(16) char stack[16 << 10];
};

/** Begins to make one beside us. @network must stay where it is until the other call. */
[[nodiscard]] int sandbox_network_begin(struct sandbox_network *network);

/** Waits until it is made, and enters it. Once, after a begin that succeeded. */
[[nodiscard]] int sandbox_network_enter(struct sandbox_network *network);

/* ---- doors: supervisor.c ----------------------------------------------------------------- */

/** The supervisor from its birth on. @control_fd becomes rung-door's. Never returns. */
[[gnu::noreturn]] void sandbox_supervise(struct sandbox_inside *inside, int control_fd);

/** PID 1's mount namespace, then the sockets of the net door. */
enum { SANDBOX_INSIDE_FDS_MAX = 32 };
[[nodiscard]] int sandbox_send_inside(int socket_fd, const int *fds, size_t count);

/** What the supervisor tells the starter, beside struct handoff_report: PID 1 is there. */
struct sandbox_birth {
	uint32_t kind;
	int32_t pid;
};
#define SANDBOX_BIRTH 100

/** PID 1's last word: nobody but itself is left inside. */
struct sandbox_end {
	uint32_t kind;
	int32_t status;
};
#define SANDBOX_END 101

/** init.c: what PID 1 does while programs run. @program is its child. Returns the status. */
[[nodiscard]] int sandbox_attend(const struct sandbox_inside *inside, pid_t program);

/** One program inside: what differs between the first and those that enter. */
struct sandbox_program {
	const char *const *arguments, *const *environment;
	const char *directory; /* NULL: the plan's */
	int report_fd;         /* where a failure goes; closed by a good exec */
	bool first;
};

/**
 * program.c: gives up what PID 1 still has and becomes the program. Returns only by exiting, after
 * a report.
 */
[[gnu::noreturn]] void sandbox_become(
	const struct sandbox_inside *inside, const struct sandbox_program *program);

/** Sends the present story and ends the process. */
[[gnu::noreturn]] void sandbox_give_up(int report_fd);

/* ---- entering: enter.c, enter_server.c ----------------------------------------------- */

/*
 * One datagram with three descriptors: this head, then directory, arguments and environment, each
 * ended by NUL. Answers: struct handoff_report for a failure, then one struct sandbox_farewell.
 * What we send later are signal numbers.
 */
struct sandbox_call {
	uint32_t magic, total_bytes, argument_count, environment_count;
	uint32_t terminal; /* the first descriptor is to be its controlling terminal */
};
#define SANDBOX_CALL_MAGIC 0x7265746eu
#define SANDBOX_CALL_MAX (192u << 10)

struct sandbox_farewell {
	int32_t status;
};

struct sandbox_guests;

/** Takes one connection; the program it asks for is forked. Errors go to the caller there. */
void sandbox_guest_take(const struct sandbox_inside *inside, struct sandbox_guests *guests);
