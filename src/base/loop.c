// SPDX-License-Identifier: Apache-2.0
/*
 * Everything is a descriptor to epoll(7): a timer is a timerfd, signals a signalfd,
 * a process its pidfd. The event carries the address of its watch.
 *
 * Events are fetched one at a time, because a callback may remove the watch of the
 * next one or end the run, and epoll would not tell an event a second time that was
 * fetched and not handed out. The kernel serves ready descriptors in turn, so nobody
 * starves. What remains is that a watch may be removed by its own callback, or by a
 * loop run inside it: removed watches are freed when no callback is running (depth).
 */
#include "base/loop.h"

#include "base/error.h"
#include "base/scope.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum kind { WATCH_FD, WATCH_TIMER, WATCH_SIGNALS, WATCH_PROCESS };

struct loop_watch {
	struct loop *loop;
	struct loop_watch *next, *previous; /* in watches; only next in removed */
	enum kind kind;
	int fd;
	bool owned; /* fd is closed with the watch */
	bool removed;
	union {
		loop_fd_callback fd;
		loop_timer_callback timer;
		loop_signal_callback signal;
		loop_process_callback process;
	} callback;
	void *context;
};

int loop_init(struct loop *loop)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "create an event loop");
	*loop = (struct loop){.epoll_fd = fd};
	return 0;
}

static void free_removed(struct loop *loop)
{
	while (loop->removed) {
		struct loop_watch *watch = loop->removed;
		loop->removed = watch->next;
		free(watch);
	}
}

void loop_fini(struct loop *loop)
{
	while (loop->watches)
		loop_remove(loop->watches);
	free_removed(loop);
	if (loop->epoll_fd > 0)
		(void)close(loop->epoll_fd);
	*loop = (struct loop){.epoll_fd = -1};
}

/* Takes wish, fd included if owned, on success only. */
static int add(struct loop *loop, const struct loop_watch *wish, uint32_t events,
	struct loop_watch **ret_watch)
{
	struct loop_watch *watch = malloc(sizeof(*watch));
	if (!watch)
		return fail(-ENOMEM, "watch a descriptor");
	*watch = *wish;
	watch->loop = loop;
	struct epoll_event event = {.events = events, .data.ptr = watch};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0) {
		int r = fail(-errno, "watch descriptor %d", watch->fd);
		free(watch);
		return r;
	}
	watch->next = loop->watches;
	watch->previous = NULL;
	if (watch->next)
		watch->next->previous = watch;
	loop->watches = watch;
	if (ret_watch)
		*ret_watch = watch;
	return 0;
}

void loop_remove(struct loop_watch *watch)
{
	if (!watch || watch->removed)
		return;
	struct loop *loop = watch->loop;
	/* ENOENT and EBADF: its owner has closed the descriptor, and with it the watch. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	if (watch->owned)
		(void)close(watch->fd);
	watch->removed = true;

	if (watch->previous)
		watch->previous->next = watch->next;
	else
		loop->watches = watch->next;
	if (watch->next)
		watch->next->previous = watch->previous;
	watch->next = loop->removed;
	loop->removed = watch;
	if (loop->depth == 0)
		free_removed(loop);
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_callback callback,
	void *context, struct loop_watch **ret_watch)
{
	struct loop_watch wish = {
		.kind = WATCH_FD, .fd = fd, .callback.fd = callback, .context = context};
	return add(loop, &wish, events, ret_watch);
}

int loop_change_fd(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0)
		return fail(-errno, "watch descriptor %d", watch->fd);
	return 0;
}

static struct timespec from_ms(uint64_t ms)
{
	return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

/* A delay of 0 would disarm the timer; it means as soon as possible. */
static int set_timer(int fd, uint64_t delay_ms, uint64_t period_ms)
{
	struct itimerspec times = {from_ms(period_ms), from_ms(delay_ms)};
	if (delay_ms == 0)
		times.it_value.tv_nsec = 1;
	return timerfd_settime(fd, 0, &times, NULL) < 0 ? fail(-errno, "set a timer") : 0;
}

int loop_add_timer_ms(struct loop *loop, uint64_t delay_ms, uint64_t period_ms,
	loop_timer_callback callback, void *context, struct loop_watch **ret_watch)
{
	autoclose int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return fail(-errno, "create a timer");
	int r = set_timer(fd, delay_ms, period_ms);
	if (r < 0)
		return r;
	struct loop_watch wish = {.kind = WATCH_TIMER,
		.fd = fd,
		.owned = true,
		.callback.timer = callback,
		.context = context};
	r = add(loop, &wish, EPOLLIN, ret_watch);
	if (r == 0)
		(void)take_fd(fd);
	return r;
}

int loop_set_timer_ms(struct loop_watch *watch, uint64_t delay_ms, uint64_t period_ms)
{
	return set_timer(watch->fd, delay_ms, period_ms);
}

int loop_add_signals(struct loop *loop, const sigset_t *signals, loop_signal_callback callback,
	void *context, struct loop_watch **ret_watch)
{
	autoclose int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return fail(-errno, "watch signals");
	struct loop_watch wish = {.kind = WATCH_SIGNALS,
		.fd = fd,
		.owned = true,
		.callback.signal = callback,
		.context = context};
	int r = add(loop, &wish, EPOLLIN, ret_watch);
	if (r < 0)
		return r;
	(void)take_fd(fd);
	(void)pthread_sigmask(SIG_BLOCK, signals, NULL); /* fails for a wrong "how" only */
	return 0;
}

int loop_add_process(struct loop *loop, int pidfd, loop_process_callback callback, void *context,
	struct loop_watch **ret_watch)
{
	struct loop_watch wish = {.kind = WATCH_PROCESS,
		.fd = pidfd,
		.callback.process = callback,
		.context = context};
	/* An ended process stays ready forever, so it is told once. */
	return add(loop, &wish, EPOLLIN | EPOLLONESHOT, ret_watch);
}

/* One callback; a signal or a timer that somebody else has read by now is no event. */
static int hand_out(struct loop_watch *watch, uint32_t events)
{
	switch (watch->kind) {
	case WATCH_FD:
		return watch->callback.fd(watch, watch->fd, events, watch->context);
	case WATCH_TIMER: {
		uint64_t times;
		if (read(watch->fd, &times, sizeof(times)) != sizeof(times))
			return 0;
		return watch->callback.timer(watch, watch->context);
	}
	case WATCH_SIGNALS: {
		struct signalfd_siginfo info;
		if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
			return 0;
		return watch->callback.signal(watch, &info, watch->context);
	}
	case WATCH_PROCESS:
		return watch->callback.process(watch, watch->fd, watch->context);
	}
	return 0;
}

int loop_run_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event event;
	int count = epoll_wait(loop->epoll_fd, &event, 1, timeout_ms);
	if (count < 0)
		return errno == EINTR ? 0 : fail(-errno, "wait for events");
	if (count == 0)
		return 0;
	loop->depth++;
	int r = hand_out(event.data.ptr, event.events);
	if (--loop->depth == 0)
		free_removed(loop);
	return r;
}

int loop_run(struct loop *loop)
{
	while (loop->watches) {
		int r = loop_run_once(loop, -1);
		if (r != 0)
			return r;
	}
	return 0;
}
