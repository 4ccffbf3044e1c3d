// SPDX-License-Identifier: Apache-2.0

/*
 * Waiting for more without asking again and again: inotify(7) on the directory of the log tells of
 * new lines and of rotation, on the container's own directory of changes of its state; a pidfd of
 * the monitor tells when it was killed and could write neither. Where the user has no inotify
 * instance left (128 by default) we look five times a second.
 *
 * Whether the container goes on is asked before its log is read for the last time, so its last line
 * is never missed.
 */

#include "engine/instance/logs_follow.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "base/scope.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

#define LOOK_AGAIN_MS 200

static void note_monitor(struct logs_source *source)
{
	const struct instance_state *state = &source->instance.state;
	if (state->monitor_pid)
		source->monitor = (struct process_id){state->monitor_pid, state->monitor_start};
}

int logs_source_init(struct logs_source *source, const struct instance *instance,
	const struct logs_query *query, struct arena *arena)
{
	*source = (struct logs_source){.instance = *instance, .reader = {.fd = -1}};
	note_monitor(source);
	const struct logs_subject subject = {.id = instance->id,
		.directory = instance->directory,
		.name = instance->name,
		.image = instance->image_name};
	int r = logs_settings_read(
		instance->log_driver, &instance->log_options, &subject, arena, &source->settings);
	return r < 0 ? r : logs_reader_init(&source->reader, &source->settings, query);
}

void logs_source_fini(struct logs_source *source)
{
	logs_reader_fini(&source->reader);
}

/* ---- is there more to come? ------------------------------------------------------------ */

/*
 * A restart policy is seen late: the state says "exited" first. But as long as the monitor lives,
 * which by then deals with the end, somebody may start the program again.
 */
static bool goes_on(struct logs_source *source, struct arena *arena)
{
	if (instance_reload(&source->instance, arena) < 0) {
		error_clear(); /* removed */
		return false;
	}
	note_monitor(source);
	switch (source->instance.state.status) {
	case INSTANCE_CREATED:
	case INSTANCE_RESTARTING:
		return true;
	default:
		return instance_is_alive(&source->instance) || process_alive(&source->monitor);
	}
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void watch_directory(int inotify_fd, const char *path, size_t length)
{
	char directory[PATH_MAX];
	if (inotify_fd < 0 || length == 0 || length >= sizeof(directory))
		return;
	memcpy(directory, path, length);
	directory[length] = '\0';
	(void)inotify_add_watch(inotify_fd, directory,
		IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MASK_ADD);
}

static int watch_all(const struct logs_source *sources, size_t count)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	for (size_t i = 0; i < count; i++) {
		const struct logs_source *source = &sources[i];
		const char *log = source->settings.path, *slash = strrchr(log, '/');
		watch_directory(fd, source->instance.directory, strlen(source->instance.directory));
		watch_directory(fd, log, slash > log ? (size_t)(slash - log) : 1);
	}
	return fd;
}

/* Takes what inotify has to say. True: a state may have changed, not only a log. */
static bool take_events(int inotify_fd)
{
	_Alignas(struct inotify_event) char bytes[4096];
	bool state = inotify_fd < 0;
	ssize_t n;
	while (inotify_fd >= 0 && (n = read(inotify_fd, bytes, sizeof(bytes))) > 0)
		for (char *at = bytes; at < bytes + n;) {
			const struct inotify_event *event = (const struct inotify_event *)at;
			state |= event->mask & (IN_DELETE_SELF | IN_IGNORED | IN_Q_OVERFLOW) ||
				 (event->len && strcmp(event->name, "state.json") == 0);
			at += sizeof(*event) + event->len;
		}
	return state;
}

/* Returns 1 when states have to be looked at, 0 when there may be lines, -ETIMEDOUT. */
static int wait_for_more(const struct logs_source *sources, size_t count, int inotify_fd,
	const struct logs_follower *follower, struct arena *arena)
{
	struct pollfd *fds = arena_new(arena, struct pollfd, count + 1);
	bool monitors = false;
	for (size_t i = 0; i < count; i++) {
		const struct process_id *monitor = &sources[i].monitor;
		fds[i].fd = !sources[i].over && monitor->pid ? process_open(monitor) : -1;
		fds[i].events = POLLIN;
	}
	fds[count] = (struct pollfd){.fd = inotify_fd, .events = POLLIN};
	struct clock_deadline deadline = {follower->until_ms};
	int left = clock_left_ms(&deadline);
	if (inotify_fd < 0 && (left < 0 || left > LOOK_AGAIN_MS))
		left = LOOK_AGAIN_MS;
	int r = poll(fds, count + 1, left);
	for (size_t i = 0; i < count; i++) {
		monitors |= r > 0 && fds[i].revents;
		close_now(fds[i].fd);
	}
	if (r == 0 && clock_left_ms(&deadline) == 0)
		return -ETIMEDOUT;
	return take_events(inotify_fd) || monitors;
}

/* ---- the door -------------------------------------------------------------------------------- */

struct bridge {
	const struct logs_source *source;
	const struct logs_follower *follower;
};

static int pass(const struct logs_record *record, void *context)
{
	const struct bridge *bridge = context;
	return bridge->follower->record(bridge->source, record, bridge->follower->context);
}

static int read_source(struct logs_source *source, const struct logs_follower *follower)
{
	struct bridge bridge = {source, follower};
	int r = logs_read(&source->reader, pass, &bridge);
	source->over |= source->reader.over;
	return r;
}

int logs_follow(struct logs_source *sources, size_t count, bool follow,
	const struct logs_follower *follower, struct arena *arena)
{
	autoclose int inotify_fd = follow ? watch_all(sources, count) : -1;
	bool look = true; /* at the states */
	for (;;) {
		bool more = false;
		for (size_t i = 0; i < count; i++) {
			struct logs_source *source = &sources[i];
			if (source->over)
				continue;
			bool last = !follow || (look && !goes_on(source, arena));
			int r = read_source(source, follower);
			if (r != 0)
				return r;
			source->over |= last;
			more |= !source->over;
		}
		int r = follower->pause(follower->context);
		if (r != 0 || !more)
			return r;
		r = wait_for_more(sources, count, inotify_fd, follower, arena);
		if (r < 0)
			return 0;
		look = r > 0;
	}
}
