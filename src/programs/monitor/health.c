// SPDX-License-Identifier: Apache-2.0

/*
 * The clock of a container's health. A check is `rung __health ID`, which joins the container, runs
 * the command, limits its time, writes what came of it and does what is to be done about it
 * (engine/instance/health.h). The monitor knows only when: so it stays small, and a check that
 * hangs or crashes takes nothing with it.
 */

#include "monitor.h"

#include "base/error.h"
#include "base/kernel.h"
#include "base/process.h"
#include "base/scope.h"

#include <fcntl.h>
#include <signal.h>

static struct {
	struct loop *loop;
	const struct stream_settings *settings;
	struct loop_watch *timer, *end;
	struct process_child child;
} health = {.child = {.pidfd = -1}};

static void rearm(void)
{
	if (loop_set_timer_ms(health.timer, health.settings->health_interval_ms, 0) < 0)
		error_clear();
}

static void reap(void)
{
	int status;
	loop_remove(health.end);
	health.end = NULL;
	(void)!process_reap(health.child.pidfd, &status);
	close_now(health.child.pidfd);
}

static int on_end(struct loop_watch *watch, int pidfd, void *context)
{
	reap();
	rearm();
	return 0;
}

static int start_check(void)
{
	const struct stream_settings *settings = health.settings;
	const char *arguments[12];
	size_t count = 0;
	arguments[count++] = settings->rung;
	if (settings->data) {
		arguments[count++] = "--root";
		arguments[count++] = settings->data;
	}
	if (settings->state) {
		arguments[count++] = "--state";
		arguments[count++] = settings->state;
	}
	arguments[count++] = "__health";
	arguments[count++] = settings->id;
	arguments[count] = NULL;
	autoclose int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct process_fd fds[] = {{null_fd, 0}, {null_fd, 1}, {null_fd, 2}};
	struct process_spawn spawn = {
		.program = settings->rung,
		.arguments = arguments,
		.fds = fds,
		.fd_count = null_fd < 0 ? 0 : array_length(fds),
	};
	int r = process_start(&spawn, &health.child);
	if (r < 0)
		return r;
	r = loop_add_process(health.loop, health.child.pidfd, on_end, NULL, &health.end);
	if (r < 0)
		reap(); /* waits for it, which is better than to forget it */
	return r;
}

static int on_time(struct loop_watch *watch, void *context)
{
	if (start_check() < 0) {
		error_clear();
		rearm();
	}
	return 0;
}

int health_start(struct loop *loop, const struct stream_settings *settings)
{
	if (settings->health_interval_ms == 0 || !settings->rung || !settings->id)
		return 0;
	health.loop = loop;
	health.settings = settings;
	return loop_add_timer_ms(
		loop, settings->health_interval_ms, 0, on_time, NULL, &health.timer);
}

void health_stop(void)
{
	loop_remove(health.timer);
	health.timer = NULL;
	if (health.child.pidfd < 0)
		return;
	(void)kernel_pidfd_send_signal(health.child.pidfd, SIGKILL);
	reap();
}
