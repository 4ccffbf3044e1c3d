// SPDX-License-Identifier: Apache-2.0

/*
 * Writing events. In: what happened. Out: one line at the end of events.log.
 *
 * No lock: write(2) with O_APPEND moves to the end and writes under the inode's lock, so lines of
 * two writers never mix, and a writer that is killed has written its line or not. The one thing
 * that needs agreement is who moves a full file away, and there a lock that cannot be had is as
 * good as one that can: somebody else is doing it. A writer that opened the file before it was
 * moved adds its line to events.log.1, where readers still look (read.c).
 */

#include "engine/event/event.h"

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "base/scope.h"
#include "engine/event/internal.h"
#include "plan/json_write.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { FULL_BYTES = 1 << 20 };

int64_t event_now(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void write_line(const struct event *event, struct text *out)
{
	struct json_writer writer = {.out = out, .compact = true};
	json_open(&writer, NULL, '{');
	json_write_signed(&writer, "time", event->time_ns);
	json_write_string(&writer, "type", event->type);
	json_write_string(&writer, "action", event->action);
	json_write_string(&writer, "id", event->id);
	json_write_string(&writer, "name", event->name);
	json_open(&writer, "attributes", '{');
	for (size_t i = 0; i < event->attribute_count; i++)
		if (event->attributes[i].value)
			json_write_string(
				&writer, event->attributes[i].key, event->attributes[i].value);
	json_close(&writer);
	json_close(&writer);
	text_add(out, "\n");
}

/* Moves the file away if it is full and still the one that has the name. */
static void rotate(int directory_fd, int fd)
{
	struct stat ours, named;
	if (fstat(fd, &ours) < 0 || ours.st_size < FULL_BYTES || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (fstatat(directory_fd, EVENT_FILE, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		named.st_ino == ours.st_ino && named.st_dev == ours.st_dev)
		(void)renameat(directory_fd, EVENT_FILE, directory_fd, EVENT_OLD_FILE);
	(void)flock(fd, LOCK_UN);
}

int event_open_directory(struct arena *arena)
{
	int fd = open(places_data(arena), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_log(int directory_fd)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(directory_fd, EVENT_FILE, flags, 0600);
	return fd < 0 ? -errno : fd;
}

void event_write(const char *type, const char *action, const char *id, const char *name,
	const struct plan_key_value *attributes, size_t count)
{
	const struct event event = {
		event_now(), type, action, id ? id : "", name ? name : "", attributes, count};
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text line = {};
	write_line(&event, &line);
	autoclose int directory_fd = event_open_directory(&arena);
	autoclose int fd = directory_fd < 0 ? -1 : open_log(directory_fd);
	if (fd < 0)
		return;
	ssize_t written = write(fd, line.bytes, line.length);
	if (written > 0 && (size_t)written < line.length)
		(void)!write(
			fd, "\n", 1); /* the next line must not be lost with the rest of this */
	rotate(directory_fd, fd);
}

const char *event_attribute(const struct event *event, const char *key)
{
	for (size_t i = 0; i < event->attribute_count; i++)
		if (text_equal(event->attributes[i].key, key))
			return event->attributes[i].value;
	return NULL;
}
