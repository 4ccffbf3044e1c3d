// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * An event loop: waits for descriptors, times, signals and ends of processes, and
 * calls back one at a time. One thread; as many loops as wanted, also one inside a
 * callback of another (signals are the exception: see loop_add_signals()).
 *
 * A watch is forgotten by loop_remove(), also inside any callback, its own
 * included; after that its callback is not called again. Callbacks return 0 to go on, a positive
 * number to end loop_run() with it, a negative errno to end it as an error with their story.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/types.h>

struct loop_watch;

struct loop {
	int epoll_fd;
	struct loop_watch *watches; /* those in use */
	struct loop_watch *removed; /* those whose callback may still be running */
	unsigned depth;             /* of loop_run() */
};

/** Tells a story. */
[[nodiscard]] int loop_init(struct loop *loop);

/**
 * Removes all watches; the descriptors given to loop_add_fd() stay open. A zeroed loop is fine.
 * Not inside a callback.
 */
void loop_fini(struct loop *loop);

typedef int (*loop_fd_callback)(struct loop_watch *watch, int fd, uint32_t events, void *context);
typedef int (*loop_timer_callback)(struct loop_watch *watch, void *context);
typedef int (*loop_signal_callback)(
	struct loop_watch *watch, const struct signalfd_siginfo *info, void *context);
typedef int (*loop_process_callback)(struct loop_watch *watch, int pidfd, void *context);

/**
 * Watches a descriptor, level triggered; @events as EPOLLIN | EPOLLOUT. One watch for each
 * descriptor. Regular files are -EPERM: they are always ready. All of these tell a story;
 * *ret_watch may be NULL when nobody will remove or change it, and is the loop's.
 */
[[nodiscard]] int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_callback callback,
	void *context, struct loop_watch **ret_watch);

/** Waits for other events on the descriptor from now on; 0 rests (errors and hang-ups still come).
 */
[[nodiscard]] int loop_change_fd(struct loop_watch *watch, uint32_t events);

/** Once after delay_ms, then every period_ms (0: never again, the watch stays until removed). */
[[nodiscard]] int loop_add_timer_ms(struct loop *loop, uint64_t delay_ms, uint64_t period_ms,
	loop_timer_callback callback, void *context, struct loop_watch **ret_watch);

/** Starts a timer anew. */
[[nodiscard]] int loop_set_timer_ms(
	struct loop_watch *watch, uint64_t delay_ms, uint64_t period_ms);

/**
 * Watches signals: blocks them for this thread and reads them by signalfd(2). They stay blocked
 * after removal; process_start() unblocks them for its children. A signal goes to one loop only.
 */
[[nodiscard]] int loop_add_signals(struct loop *loop, const sigset_t *signals,
	loop_signal_callback callback, void *context, struct loop_watch **ret_watch);

/** Calls once when the process has ended; the pidfd stays the caller's. Reap it there if ours. */
[[nodiscard]] int loop_add_process(struct loop *loop, int pidfd, loop_process_callback callback,
	void *context, struct loop_watch **ret_watch);

/** Forgets a watch; NULL is fine. The watch must not be used afterwards. */
void loop_remove(struct loop_watch *watch);

/** Runs until a callback returns other than 0, and returns that. 0 when nothing is watched. */
[[nodiscard]] int loop_run(struct loop *loop);

/** Waits up to timeout_ms (negative: forever) for one event. What its callback returned, else 0. */
[[nodiscard]] int loop_run_once(struct loop *loop, int timeout_ms);
