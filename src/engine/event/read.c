// SPDX-License-Identifier: Apache-2.0

/*
 * Reading events. In: a query. Out: a call for each event that fits.
 *
 * The old file first, then the present one to its end; to follow, inotify(7) on the directory
 * tells of more bytes and of the file being moved away. The file that was moved is kept open
 * until the next move, because a writer may have opened it just before; both are read at each
 * turn. Lines are taken whole: what has no line feed yet waits.
 */

#include "base/error.h"
#include "base/fs.h"
#include "base/places.h"
#include "base/scope.h"
#include "engine/event/internal.h"
#include "plan/json.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum { LINE_MAX_BYTES = 1 << 20, READ_BYTES = 64 << 10 };

/* One of the two files: how far it was read, and the line that is not complete yet. */
struct tail {
	int fd;
	ino_t inode;
	struct text rest;
};

struct reader {
	const struct event_query *query;
	event_callback callback;
	void *context;
	struct tail old, present;
	int directory_fd;
	bool passed_end; /* an event after until_ns was seen */
};

static void tail_fini(struct tail *tail)
{
	scope_close(&tail->fd);
	text_fini(&tail->rest);
	*tail = (struct tail){.fd = -1};
}

static void reader_fini(struct reader *reader)
{
	tail_fini(&reader->old);
	tail_fini(&reader->present);
	scope_close(&reader->directory_fd);
}

/* ---- one line --------------------------------------------------------------------------- */

static void read_attributes(const struct json *top, struct arena *arena, struct event *event)
{
	struct json object;
	if (!json_find(top, "attributes", &object) || object.value->type != JSON_OBJECT)
		return;
	struct plan_key_value *list =
		arena_new(arena, struct plan_key_value, object.value->length + 1);
	event->attributes = list;
	for (const struct json_value *at = object.value->first; at; at = at->next)
		if (at->type == JSON_STRING)
			list[event->attribute_count++] = (struct plan_key_value){at->key, at->text};
}

static bool parse_line(const char *line, size_t length, struct arena *arena,
	struct json_document *document, struct event *ret_event)
{
	struct json time;
	struct event event = {};
	if (json_parse(line, length, EVENT_FILE, arena, document) < 0 ||
		document->top.value->type != JSON_OBJECT ||
		!json_find(&document->top, "time", &time) ||
		json_signed(&time, 0, INT64_MAX, &event.time_ns) < 0) {
		error_clear();
		return false;
	}
	event.type = json_member_text(&document->top, "type");
	event.action = json_member_text(&document->top, "action");
	event.id = json_member_text(&document->top, "id");
	event.name = json_member_text(&document->top, "name");
	read_attributes(&document->top, arena, &event);
	*ret_event = event;
	return true;
}

static int take_line(struct reader *reader, const char *line, size_t length)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(json_document_fini) struct json_document document = {};
	struct event event;
	if (!parse_line(line, length, &arena, &document, &event))
		return 0;
	if (event.time_ns > reader->query->until_ns) {
		reader->passed_end = true;
		return 0;
	}
	if (event.time_ns < reader->query->since_ns || !event_fits(&event, reader->query))
		return 0;
	return reader->callback(&event, reader->context);
}

/* ---- one file --------------------------------------------------------------------------- */

static int take_lines(struct reader *reader, struct tail *tail)
{
	size_t from = 0;
	int r = 0;
	while (r == 0) {
		char *begin = tail->rest.bytes + from;
		char *end = memchr(begin, '\n', tail->rest.length - from);
		if (!end)
			break;
		r = take_line(reader, begin, (size_t)(end - begin));
		from += (size_t)(end - begin) + 1;
	}
	if (from > 0) {
		memmove(tail->rest.bytes, tail->rest.bytes + from, tail->rest.length - from);
		tail->rest.length -= from;
	}
	if (tail->rest.length > LINE_MAX_BYTES)
		tail->rest.length = 0;
	return r;
}

static int read_on(struct reader *reader, struct tail *tail)
{
	char buffer[READ_BYTES];
	while (tail->fd >= 0) {
		ssize_t length = read(tail->fd, buffer, sizeof(buffer));
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return fail(-errno, "read %s", EVENT_FILE);
		if (length == 0)
			return 0;
		text_add_bytes(&tail->rest, buffer, (size_t)length);
		int r = take_lines(reader, tail);
		if (r != 0)
			return r;
	}
	return 0;
}

static int tail_open(struct reader *reader, const char *name, struct tail *tail)
{
	struct stat about;
	tail->fd = openat(reader->directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (tail->fd < 0)
		return errno == ENOENT ? 0 : fail(-errno, "open %s", name);
	if (fstat(tail->fd, &about) == 0)
		tail->inode = about.st_ino;
	return 0;
}

/* Whether the name stands for another file than the one being read. */
static bool was_moved(const struct reader *reader)
{
	struct stat about;
	return fstatat(reader->directory_fd, EVENT_FILE, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (reader->present.fd < 0 || about.st_ino != reader->present.inode);
}

static int read_both(struct reader *reader)
{
	int r = read_on(reader, &reader->old);
	if (r == 0)
		r = read_on(reader, &reader->present);
	while (r == 0 && was_moved(reader)) {
		tail_fini(&reader->old);
		reader->old = reader->present;
		reader->present = (struct tail){.fd = -1};
		r = tail_open(reader, EVENT_FILE, &reader->present);
		if (r == 0)
			r = read_on(reader, &reader->old);
		if (r == 0)
			r = read_on(reader, &reader->present);
	}
	return r;
}

/* ---- all -------------------------------------------------------------------------------- */

static int begin(struct reader *reader)
{
	int r = tail_open(reader, EVENT_OLD_FILE, &reader->old);
	if (r == 0)
		r = tail_open(reader, EVENT_FILE, &reader->present);
	if (r < 0 || !reader->query->now)
		return r;
	if (reader->old.fd >= 0)
		(void)lseek(reader->old.fd, 0, SEEK_END);
	if (reader->present.fd >= 0)
		(void)lseek(reader->present.fd, 0, SEEK_END);
	return 0;
}

static int timeout_of(const struct event_query *query)
{
	if (query->until_ns == INT64_MAX)
		return -1;
	int64_t left_ms = (query->until_ns - event_now()) / 1000000 + 1;
	return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static int follow(struct reader *reader, int watch_fd)
{
	int r = 0;
	while (r == 0 && !reader->passed_end) {
		struct pollfd poll_fd = {.fd = watch_fd, .events = POLLIN};
		int timeout_ms = timeout_of(reader->query);
		int ready = timeout_ms == 0 ? 0 : poll(&poll_fd, 1, timeout_ms);
		if (ready < 0 && errno != EINTR)
			return fail(-errno, "wait for events");
		char buffer[4096];
		if (ready > 0)
			(void)!read(watch_fd, buffer, sizeof(buffer)); /* all that is queued */
		r = read_both(reader);
		if (timeout_ms == 0)
			break;
	}
	return r;
}

int event_read(const struct event_query *query, event_callback callback, void *context)
{
	int r = event_check(query);
	if (r < 0)
		return r;
	autofini(arena_fini) struct arena arena = {};
	autofini(reader_fini) struct reader reader = {
		query, callback, context, {.fd = -1}, {.fd = -1}, -1, false};
	if (query->follow)
		(void)fs_make_dirs(places_data(&arena), 0700);
	reader.directory_fd = event_open_directory(&arena);
	if (reader.directory_fd == -ENOENT)
		return 0;
	if (reader.directory_fd < 0)
		return fail(reader.directory_fd, "open %s", places_data(&arena));
	/* Watched before it is read, so that nothing falls between. */
	autoclose int watch_fd = query->follow ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
	if (query->follow &&
		(watch_fd < 0 || inotify_add_watch(watch_fd, fd_path(reader.directory_fd).text,
					 IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0))
		return fail(-errno, "watch %s", places_data(&arena));
	r = begin(&reader);
	if (r == 0)
		r = read_both(&reader);
	return r == 0 && query->follow ? follow(&reader, watch_fd) : r;
}
