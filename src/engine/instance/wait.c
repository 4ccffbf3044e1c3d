// SPDX-License-Identifier: Apache-2.0

/*
 * Waiting for a status. Nothing is polled: the end is told by the monitor to whoever is connected
 * to it, also when the container is removed at once (--rm) and there is no file left to read; any
 * other change is a new state.json, which inotify(7) tells.
 */

#include "base/error.h"
#include "engine/instance/attach.h"
#include "engine/instance/internal.h"
#include "engine/instance/wire.h"

#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>

enum { UNSURE_MS = 100 };

/* Bits of statuses in which there are no processes any more. */
static const unsigned ended = 1u << INSTANCE_EXITED | 1u << INSTANCE_REMOVING |
			      1u << INSTANCE_DEAD | 1u << INSTANCE_RESTARTING;

/* A connection that wants nothing but the end; -1 where there is no monitor. */
static int listen_to_monitor(const struct instance *instance)
{
	autoclose int fd = attach_connect(instance->run_directory);
	const struct wire_attach attach = {.version = WIRE_VERSION};
	if (fd < 0 || wire_send(fd, WIRE_ATTACH, &attach, sizeof(attach)) < 0) {
		error_clear();
		return -1;
	}
	return take_fd(fd);
}

static int watch_directory(const struct instance *instance)
{
	autoclose int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	const uint32_t events = IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF;
	if (fd < 0 || inotify_add_watch(fd, instance->directory, events) < 0)
		return -1;
	return take_fd(fd);
}

/* One message; 1: the exit code is in *code; 0: more to come; -1: the end has been dealt with. */
static int hear(int fd, int *code)
{
	unsigned char bytes[WIRE_MESSAGE_MAX];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
	if (n <= 0)
		return n < 0 && errno == EINTR ? 0 : -1;
	struct wire_message message;
	if (wire_read(bytes, (size_t)n, false, &message) < 0 || message.kind != WIRE_EXIT)
		return 0;
	*code = message.number;
	return 1;
}

struct waiting {
	int monitor_fd, notify_fd;
	bool has_code;
	int code;
};

static void waiting_fini(struct waiting *waiting)
{
	close_now(waiting->monitor_fd);
	close_now(waiting->notify_fd);
}

/* It is gone; what its monitor said before may still be on the way. */
static void hear_the_rest(struct waiting *waiting)
{
	while (waiting->monitor_fd >= 0 && !waiting->has_code) {
		int heard = hear(waiting->monitor_fd, &waiting->code);
		waiting->has_code = heard > 0;
		if (heard < 0)
			close_now(waiting->monitor_fd);
	}
}

static void wait_for_change(struct waiting *waiting)
{
	struct pollfd fds[] = {
		{.fd = waiting->monitor_fd, .events = POLLIN},
		{.fd = waiting->notify_fd, .events = POLLIN},
	};
	/* Without inotify (its instances are few) somebody has to look. */
	(void)poll(fds, array_length(fds), waiting->notify_fd < 0 ? UNSURE_MS : -1);
	if (fds[0].revents) {
		int heard = hear(waiting->monitor_fd, &waiting->code);
		waiting->has_code |= heard > 0;
		if (heard < 0)
			close_now(waiting->monitor_fd);
	}
	char events[4096];
	while (waiting->notify_fd >= 0 && read(waiting->notify_fd, events, sizeof(events)) > 0)
		;
}

int instance_wait(struct instance *instance, struct arena *arena, unsigned statuses)
{
	autofini(waiting_fini) struct waiting waiting = {-1, -1, false, 0};
	waiting.notify_fd = watch_directory(instance);
	for (;;) {
		if (waiting.monitor_fd < 0)
			waiting.monitor_fd = listen_to_monitor(instance);
		int r = instance_reload(instance, arena);
		if (r == -ENOENT && statuses & ended) {
			hear_the_rest(&waiting);
			return waiting.has_code ? waiting.code : instance->state.exit_code;
		}
		if (r < 0)
			return r == -ENOENT ? refuse(r, "container %s was removed", instance->name)
					    : r;
		/* What is being removed is not removed yet. */
		bool leaves = instance->state.status == INSTANCE_REMOVING;
		if (!leaves && statuses & 1u << instance->state.status)
			return instance->state.exit_code;
		/* Ended, and begun again before we looked. */
		if (waiting.has_code && !leaves && statuses & ended & ~(1u << INSTANCE_REMOVING))
			return waiting.code;
		wait_for_change(&waiting);
	}
}
