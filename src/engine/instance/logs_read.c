// SPDX-License-Identifier: Apache-2.0

/*
 * From the oldest file to the newest. A reader keeps its file open, so a rotation takes nothing
 * away from it: at the end of the file it looks whether the name still means that file. If not,
 * it reads once more (the writer may have added something just before), finds which number its
 * file has now and goes on with the next newer one.
 *
 * --tail looks for its beginning from the end backwards, so that the last lines of a log of many
 * gigabytes come at once. It counts line ends, since a long line has several records.
 */

#include "engine/instance/logs_read.h"

#include "base/error.h"
#include "base/scope.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define BLOCK_SIZE 65536

/* ---- files ------------------------------------------------------------------------------ */

/* Number 0 is the file that is written, higher ones are older. */
static int open_number(const struct logs_settings *settings, uint32_t number)
{
	char path[4200];
	if (number)
		(void)snprintf(path, sizeof(path), "%s.%u", settings->path, number);
	else
		(void)snprintf(path, sizeof(path), "%s", settings->path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_oldest(const struct logs_settings *settings)
{
	for (uint32_t number = settings->max_files; number-- > 0;) {
		int fd = open_number(settings, number);
		if (fd != -ENOENT)
			return fd;
	}
	return -ENOENT;
}

/* The file that follows ours; -ENOENT: ours is the newest. */
static int open_next(const struct logs_reader *reader)
{
	struct stat ours, other;
	if (fstat(reader->fd, &ours) < 0)
		return -errno;
	int newer = -ENOENT;
	for (uint32_t number = 0; number < reader->settings->max_files; number++) {
		int fd = open_number(reader->settings, number);
		if (fd >= 0 && fstat(fd, &other) == 0 && other.st_ino == ours.st_ino &&
			other.st_dev == ours.st_dev) {
			close_now(fd);
			return newer;
		}
		if (fd >= 0) {
			close_now(newer);
			newer = fd;
		} else if (number > 0) {
			break;
		}
	}
	return newer; /* ours was removed: go on with the oldest that is left */
}

/* ---- the last lines ------------------------------------------------------------------------- */

/* Whether the record at [start, end) is the end of a line. What cannot be read counts as one. */
static bool ends_line(int fd, enum logs_driver driver, off_t start, off_t end)
{
	char bytes[256];
	if (driver == LOGS_K8S_FILE)
		return pread(fd, bytes, 1, start + LOGS_TIME_LENGTH + 8) != 1 || bytes[0] != 'P';
	static const char tail[] = "\",\"stream\":\"stdout\",\"time\":\"";
	off_t behind = (off_t)sizeof(tail) - 1 + LOGS_TIME_LENGTH + 3;
	off_t from = end - behind - 64 < start ? start : end - behind - 64;
	ssize_t n = pread(fd, bytes, (size_t)(end - behind > from ? end - behind - from : 0), from);
	if (n < 2 || bytes[n - 1] != 'n')
		return n < 2;
	unsigned backslashes = 0;
	while ((ssize_t)backslashes < n - 1 && bytes[n - 2 - (ssize_t)backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 1;
}

struct tail {
	int fd;
	enum logs_driver driver;
	int64_t wanted, found;
	off_t next; /* where the record behind the present one begins */
	bool first; /* the newest record of all is still to come */
};

/* True when the wanted lines begin at tail->next. */
static bool pass_record(struct tail *tail, off_t start)
{
	bool end = ends_line(tail->fd, tail->driver, start, tail->next);
	if (end || tail->first) {
		if (tail->found == tail->wanted)
			return true;
		tail->found++;
	}
	tail->first = false;
	tail->next = start;
	return false;
}

/* 1: the lines begin at tail->next in this file; 0: before it. */
static int search_file(struct tail *tail, char *block)
{
	struct stat facts;
	if (fstat(tail->fd, &facts) < 0)
		return -errno;
	tail->next = facts.st_size;
	off_t to =
		facts.st_size > 0 ? facts.st_size - 1 : 0; /* the last newline begins no record */
	while (to > 0) {
		off_t from = to > BLOCK_SIZE ? to - BLOCK_SIZE : 0;
		ssize_t n = pread(tail->fd, block, (size_t)(to - from), from);
		if (n != to - from)
			return n < 0 ? -errno : -EIO;
		for (const char *newline; (newline = memrchr(block, '\n', (size_t)n));) {
			if (pass_record(tail, from + (newline - block) + 1))
				return 1;
			n = newline - block;
		}
		to = from;
	}
	return facts.st_size > 0 && pass_record(tail, 0);
}

static int go_to_tail(struct logs_reader *reader)
{
	autofree char *block = malloc(BLOCK_SIZE);
	if (!block)
		return -ENOMEM;
	struct tail tail = {
		.driver = reader->settings->driver, .wanted = reader->query.tail, .first = true};
	for (uint32_t number = 0; number < reader->settings->max_files; number++) {
		autoclose int fd = open_number(reader->settings, number);
		if (fd < 0)
			break;
		tail.fd = fd;
		int r = search_file(&tail, block);
		if (r < 0)
			return r;
		if (r > 0 && lseek(fd, tail.next, SEEK_SET) < 0)
			return -errno;
		close_now(reader->fd);
		reader->fd = take_fd(fd);
		if (r > 0)
			return 0;
		(void)lseek(reader->fd, 0, SEEK_SET);
	}
	return 0;
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static int begin(struct logs_reader *reader)
{
	if (reader->query.tail >= 0) {
		int r = go_to_tail(reader);
		reader->query.tail = -1; /* only once: what comes later is all wanted */
		return r;
	}
	int fd = open_oldest(reader->settings);
	if (fd >= 0)
		reader->fd = fd;
	return fd < 0 && fd != -ENOENT ? fd : 0;
}

int logs_reader_init(struct logs_reader *reader, const struct logs_settings *settings,
	const struct logs_query *query)
{
	if (!settings->path) {
		int r = refuse(-ENOTSUP, "the log driver %s keeps nothing that can be read",
			logs_driver_name(settings->driver));
		return r;
	}
	*reader = (struct logs_reader){.settings = settings, .query = *query, .fd = -1};
	int r = begin(reader);
	return r < 0 ? fail(r, "read the log %s", settings->path) : 0;
}

void logs_reader_fini(struct logs_reader *reader)
{
	close_now(reader->fd);
	text_fini(&reader->line);
	text_fini(&reader->scratch);
}

static int tell(struct logs_reader *reader, const char *line, size_t length, logs_callback callback,
	void *context)
{
	struct logs_record record;
	const struct logs_query *query = &reader->query;
	if (logs_record_read(reader->settings->driver, line, length, &reader->scratch, &record) < 0)
		return 0;
	if (query->since && strcmp(record.time, query->since) < 0)
		return 0;
	if (query->until && strcmp(record.time, query->until) > 0) {
		reader->over = true;
		return 0;
	}
	return callback(&record, context);
}

/* Hands out the whole lines of a block; keeps the rest. */
static int tell_block(struct logs_reader *reader, const char *block, size_t length,
	logs_callback callback, void *context)
{
	while (length) {
		const char *newline = memchr(block, '\n', length);
		size_t part = newline ? (size_t)(newline - block) : length;
		int r = 0;
		if (!newline || reader->line.length)
			text_add_bytes(&reader->line, block, part);
		if (newline && reader->line.length) {
			r = tell(
				reader, reader->line.bytes, reader->line.length, callback, context);
			reader->line.length = 0;
		} else if (newline) {
			r = tell(reader, block, part, callback, context);
		}
		if (r != 0 || reader->over)
			return r;
		block += part + (newline ? 1 : 0);
		length -= part + (newline ? 1 : 0);
	}
	return 0;
}

static int read_to_end(
	struct logs_reader *reader, char *block, logs_callback callback, void *context)
{
	while (!reader->over) {
		ssize_t n = read(reader->fd, block, BLOCK_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "read the log %s", reader->settings->path);
		if (n == 0)
			break;
		int r = tell_block(reader, block, (size_t)n, callback, context);
		if (r != 0)
			return r;
	}
	return 0;
}

int logs_read(struct logs_reader *reader, logs_callback callback, void *context)
{
	autofree char *block = malloc(BLOCK_SIZE);
	if (!block)
		return fail(-ENOMEM, "read the log");
	if (reader->fd < 0) {
		int r = begin(reader);
		if (r < 0)
			return fail(r, "read the log %s", reader->settings->path);
	}
	while (reader->fd >= 0 && !reader->over) {
		int r = read_to_end(reader, block, callback, context);
		if (r != 0)
			return r;
		autoclose int next = open_next(reader);
		if (next < 0)
			return 0;
		r = read_to_end(reader, block, callback, context);
		if (r != 0)
			return r;
		reader->line.length = 0;
		close_now(reader->fd);
		reader->fd = take_fd(next);
	}
	return 0;
}
