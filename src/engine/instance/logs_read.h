// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Reads a container's log again, record by record, from the oldest file to the newest, also while
 * it is written and rotated.
 *
 *	struct logs_reader reader;
 *	int r = logs_reader_init(&reader, &settings, &query);
 *	while (r >= 0 && going on)
 *		r = logs_read(&reader, print, context);   calls back for what is there now
 *	logs_reader_fini(&reader);
 */

#include "base/text.h"
#include "engine/instance/logs.h"

/** Length of the moments that records begin with: clock_format(). */
#define LOGS_TIME_LENGTH 30

struct logs_record {
	char time[LOGS_TIME_LENGTH + 1]; /* RFC 3339 in UTC: as text in the order of time */
	bool error_stream;
	bool partial;      /* the line goes on in the next record of this stream */
	const char *bytes; /* without a newline */
	size_t length;
};

/**
 * Takes one record apart: a line of the file without its newline. Decoded bytes of json-file go to
 * @scratch. -EBADMSG without a story: it is none (a crash has cut it, somebody else wrote it).
 */
[[nodiscard]] int logs_record_read(enum logs_driver driver, const char *line, size_t length,
	struct text *scratch, struct logs_record *ret_record);

struct logs_query {
	const char *since, *until; /* clock_format() texts, both included; NULL: no bound */
	int64_t tail;              /* so many of the last lines; -1: all */
};

struct logs_reader {
	const struct logs_settings *settings;
	struct logs_query query;
	int fd; /* -1: there is no file yet */
	struct text line, scratch;
	bool over; /* a record behind @until was seen */
};

/** Returned by a callback of logs_read() other than 0 ends it with that number. */
typedef int (*logs_callback)(const struct logs_record *record, void *context);

/** -ENOTSUP with a story where the driver keeps nothing that we can read. */
[[nodiscard]] int logs_reader_init(struct logs_reader *reader, const struct logs_settings *settings,
	const struct logs_query *query);
void logs_reader_fini(struct logs_reader *reader);

/** What is there now, and was not read before. 0, what @callback returned, or negative errno. */
[[nodiscard]] int logs_read(struct logs_reader *reader, logs_callback callback, void *context);
