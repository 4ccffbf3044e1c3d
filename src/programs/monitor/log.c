// SPDX-License-Identifier: Apache-2.0

/*
 * Bytes come in as the program wrote them; records go out. k8s-file has a mark for a line that goes
 * on (P), so its bytes are written as they come, a prompt without a newline at once. json-file and
 * journald have no such mark that everybody understands, so there a line is held until its end, at
 * most 16 KiB of it (Docker's limit), and is the only thing that a killed monitor can lose.
 *
 * Records gather in one buffer and go to the file by one write(2) per chunk read: 100 MB/s of short
 * lines are a few thousand system calls a second. The time is read once per chunk.
 *
 * What can go wrong: the disk is full, the directory is gone, the journal does not listen. The
 * program must not notice. A write that was cut short is taken back by ftruncate(2), so the file
 * never holds half a record; what was lost is counted, and the first record that can be written
 * again is preceded by one that says so.
 */

#include "log.h"

#include "base/clock.h"
#include "base/scope.h"
#include "base/text.h"
#include "engine/instance/wire.h"
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HOLD_MAX 16384 /* of one line; Docker's copier cuts there too */
#define RECORD_HEAD_MAX 64

static struct {
	const struct logs_settings *settings;
	log_trouble trouble;
	void *context;
	int fd;
	uint64_t size; /* of the file: only whole records */
	size_t length; /* of what waits in bytes */
	size_t held[LOG_STREAM_COUNT];
	bool line_open[LOG_STREAM_COUNT]; /* the last record was P */
	struct clock_text now;
	uint64_t lost_bytes, lost_in_all, gathered;
	int lost_why;
} keeper = {.fd = -1};

/* A record that escapes every byte needs six times its size: see json_bytes(). */
static char bytes[WIRE_DATA_MAX + RECORD_HEAD_MAX];
static char hold[LOG_STREAM_COUNT][HOLD_MAX];

static const char *const stream_names[] = {"stdout", "stderr"};

/* ---- the file ------------------------------------------------------------------------ */

/* A restart after a crash may find half a record, or a line that was never finished. */
static void mend_end(int fd, uint64_t *size)
{
	size_t length = *size < sizeof(bytes) ? *size : sizeof(bytes);
	ssize_t n = pread(fd, bytes, length, (off_t)(*size - length));
	if (n <= 0)
		return;
	char closing[RECORD_HEAD_MAX] = "";
	const char *record = NULL;
	if (bytes[n - 1] != '\n') {
		strcpy(closing, "\n");
	} else {
		const char *before = memrchr(bytes, '\n', (size_t)n - 1);
		record = before ? before + 1 : (size_t)n == *size ? bytes : NULL;
	}
	if (record && keeper.settings->driver == LOGS_K8S_FILE) {
		const char *end = bytes + n, *stream = memchr(record, ' ', (size_t)(end - record));
		if (stream && end - stream > 10 && memcmp(stream + 7, " P ", 3) == 0)
			snprintf(closing, sizeof(closing), "%s %.6s F \n", clock_now().text,
				stream + 1);
	}
	size_t wanted = strlen(closing);
	if (wanted && write(fd, closing, wanted) == (ssize_t)wanted)
		*size += wanted;
}

static int open_file(void)
{
	autoclose int fd = open(
		keeper.settings->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	struct stat facts;
	if (fd < 0 || fstat(fd, &facts) < 0)
		return -errno;
	keeper.size = (uint64_t)facts.st_size;
	if (keeper.size && keeper.length == 0)
		mend_end(fd, &keeper.size);
	keeper.fd = take_fd(fd);
	return 0;
}

/* <path>.2 becomes <path>.3 …, <path> becomes <path>.1; readers keep what they have open. */
static void rotate(void)
{
	char from[4096], to[4096];
	const char *path = keeper.settings->path;
	close_now(keeper.fd);
	for (uint32_t number = keeper.settings->max_files - 1; number > 0; number--) {
		if (number > 1)
			snprintf(from, sizeof(from), "%s.%u", path, number - 1);
		else
			snprintf(from, sizeof(from), "%s", path);
		snprintf(to, sizeof(to), "%s.%u", path, number);
		(void)rename(from, to);
	}
	if (keeper.settings->max_files <= 1)
		(void)unlink(path);
	keeper.size = 0;
}

static void lose(int why)
{
	if (keeper.lost_bytes == 0 && keeper.trouble) {
		char words[256];
		snprintf(words, sizeof(words), "output is not kept in the log: %s", strerror(-why));
		keeper.trouble(words, keeper.context);
	}
	keeper.lost_why = why;
	keeper.lost_bytes += keeper.gathered;
	keeper.lost_in_all += keeper.gathered;
}

/* All or nothing. */
static int append(const char *from, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t n = write(keeper.fd, from + done, length - done);
		if (n > 0) {
			done += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			int why = n == 0 ? -EIO : -errno;
			if (done)
				(void)!ftruncate(keeper.fd, (off_t)keeper.size);
			return why;
		}
	}
	keeper.size += length;
	return 0;
}

static int append_notice(void)
{
	char notice[256];
	int n = snprintf(notice, sizeof(notice),
		keeper.settings->driver == LOGS_JSON_FILE
			? "{\"log\":\"rung: %1$llu bytes of output were not kept: %2$s\\n\","
			  "\"stream\":\"stderr\",\"time\":\"%3$s\"}\n"
			: "%3$s stderr F rung: %1$llu bytes of output were not kept: %2$s\n",
		(unsigned long long)keeper.lost_bytes, strerror(-keeper.lost_why), keeper.now.text);
	int r = append(notice, (size_t)n);
	if (r == 0)
		keeper.lost_bytes = 0;
	return r;
}

static void flush(void)
{
	if (keeper.length == 0)
		return;
	int r = keeper.fd < 0 ? open_file() : 0;
	if (r == 0 && keeper.lost_bytes)
		r = append_notice();
	if (r == 0)
		r = append(bytes, keeper.length);
	if (r < 0)
		lose(r);
	keeper.length = 0;
	keeper.gathered = 0;
}

/* Room for a record of this size, in the buffer and in the file. */
static void make_room(size_t size)
{
	uint64_t max = keeper.settings->max_size_bytes;
	if (size > sizeof(bytes) - keeper.length)
		flush();
	uint64_t grown = keeper.size + keeper.length;
	if (max && grown && grown + size > max) {
		flush();
		rotate();
	}
}

static void add(const void *from, size_t length)
{
	memcpy(bytes + keeper.length, from, length);
	keeper.length += length;
}

/* ---- k8s-file ---------------------------------------------------------------------------- */

static void k8s_record(enum log_stream stream, const char *line, size_t length, bool whole)
{
	char head[RECORD_HEAD_MAX];
	int n = snprintf(head, sizeof(head), "%s %s %c ", keeper.now.text, stream_names[stream],
		whole ? 'F' : 'P');
	make_room((size_t)n + length + 1);
	add(head, (size_t)n);
	add(line, length);
	add("\n", 1);
	keeper.gathered += length;
	keeper.line_open[stream] = !whole;
}

static void k8s_write(enum log_stream stream, const char *from, size_t length)
{
	while (length) {
		const char *newline = memchr(from, '\n', length);
		size_t line = newline ? (size_t)(newline - from) : length;
		k8s_record(stream, from, line, newline);
		from += line + (newline ? 1 : 0);
		length -= line + (newline ? 1 : 0);
	}
}

/* ---- json-file --------------------------------------------------------------------------- */

/* One character of a JSON string, as Go's encoder writes it. Returns how many bytes were read. */
static size_t json_character(const char *from, size_t length, char **to)
{
	unsigned char byte = (unsigned char)*from;
	const char *short_forms = "\b\f\n\r\t\"\\", *letters = "bfnrt\"\\";
	const char *found = byte ? strchr(short_forms, byte) : NULL;
	if (found) {
		*(*to)++ = '\\';
		*(*to)++ = letters[found - short_forms];
		return 1;
	}
	if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&') {
		*to += sprintf(*to, "\\u%04x", byte);
		return 1;
	}
	char copy[5] = "";
	memcpy(copy, from, length < 4 ? length : 4);
	size_t size = byte < 0x80 ? 1 : text_utf8_length(copy);
	if (size == 0) {
		*to += sprintf(*to, "\\ufffd"); /* not text; this form cannot hold it */
		return 1;
	}
	memcpy(*to, from, size);
	*to += size;
	return size;
}

static size_t json_size(const char *line, size_t length)
{
	size_t size = 0;
	for (size_t i = 0; i < length;) {
		char scratch[8], *to = scratch;
		i += json_character(line + i, length - i, &to);
		size += (size_t)(to - scratch);
	}
	return size;
}

/*
 * The line is at most HOLD_MAX bytes with its newline. One that does not fit the buffer when it is
 * written out (every byte may become six) goes into two records, as a longer line would.
 */
static void json_record(enum log_stream stream, const char *line, size_t length)
{
	char tail[RECORD_HEAD_MAX + 32];
	int tail_length = snprintf(tail, sizeof(tail), "\",\"stream\":\"%s\",\"time\":\"%s\"}\n",
		stream_names[stream], keeper.now.text);
	size_t size = json_size(line, length) + 8 + (size_t)tail_length;
	if (size > sizeof(bytes)) {
		json_record(stream, line, length / 2);
		json_record(stream, line + length / 2, length - length / 2);
		return;
	}
	make_room(size);
	add("{\"log\":\"", 8);
	char *to = bytes + keeper.length;
	for (size_t i = 0; i < length;)
		i += json_character(line + i, length - i, &to);
	keeper.length = (size_t)(to - bytes);
	add(tail, (size_t)tail_length);
	keeper.gathered += length;
}

/* ---- journald ---------------------------------------------------------------------------- */

static void journal_record(enum log_stream stream, const char *line, size_t length, bool whole)
{
	int r = journal_send(keeper.settings, stream == LOG_ERROR_STREAM, line, length, !whole);
	if (r < 0) {
		keeper.gathered = length;
		lose(r);
	} else if (keeper.lost_bytes) {
		char notice[128];
		int n = snprintf(notice, sizeof(notice),
			"rung: %llu bytes of output were not kept: %s",
			(unsigned long long)keeper.lost_bytes, strerror(-keeper.lost_why));
		if (journal_send(keeper.settings, true, notice, (size_t)n, false) == 0)
			keeper.lost_bytes = 0;
	}
	keeper.gathered = 0;
}

/* ---- lines that are held ------------------------------------------------------------------- */

/* A line, with its newline if it has one. */
static void line_record(enum log_stream stream, const char *line, size_t length)
{
	bool whole = length && line[length - 1] == '\n';
	if (keeper.settings->driver == LOGS_JOURNALD)
		journal_record(stream, line, length - (whole ? 1 : 0), whole);
	else
		json_record(stream, line, length);
}

/* Where to cut a line that is too long: not inside a character, if there is one at the end. */
static size_t cut(const char *line, size_t length)
{
	for (size_t back = 1; back <= 3 && back < length; back++) {
		unsigned char byte = (unsigned char)line[length - back];
		if (byte < 0x80)
			break;
		if (byte >= 0xc0) {
			size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
			return size > back ? length - back : length;
		}
	}
	return length;
}

static void release(enum log_stream stream)
{
	size_t all = keeper.held[stream];
	size_t length =
		all == HOLD_MAX && hold[stream][all - 1] != '\n' ? cut(hold[stream], all) : all;
	line_record(stream, hold[stream], length);
	memmove(hold[stream], hold[stream] + length, all - length);
	keeper.held[stream] = all - length;
}

static void line_write(enum log_stream stream, const char *from, size_t length)
{
	while (length) {
		const char *newline = memchr(from, '\n', length);
		size_t line = newline ? (size_t)(newline - from) + 1 : length;
		if (newline && keeper.held[stream] == 0 && line <= HOLD_MAX) {
			line_record(stream, from, line);
		} else {
			size_t room = HOLD_MAX - keeper.held[stream];
			line = line < room ? line : room;
			memcpy(hold[stream] + keeper.held[stream], from, line);
			keeper.held[stream] += line;
			if (keeper.held[stream] == HOLD_MAX || from[line - 1] == '\n')
				release(stream);
		}
		from += line;
		length -= line;
	}
}

/* ---- the door ------------------------------------------------------------------------------ */

static bool keeps(void)
{
	return keeper.settings && keeper.settings->driver < LOGS_NONE;
}

void log_begin(const struct logs_settings *settings, log_trouble trouble, void *context)
{
	close_now(keeper.fd);
	memset(&keeper, 0, sizeof(keeper));
	keeper.settings = settings;
	keeper.trouble = trouble;
	keeper.context = context;
	keeper.fd = -1;
	if (settings->path && keeps())
		(void)!open_file(); /* tried again, and told, when there is something to keep */
}

void log_write(enum log_stream stream, const void *from, size_t length)
{
	if (!keeps())
		return;
	keeper.now = clock_now();
	if (keeper.settings->driver == LOGS_K8S_FILE)
		k8s_write(stream, from, length);
	else
		line_write(stream, from, length);
	flush();
}

void log_end(void)
{
	if (!keeps())
		return;
	keeper.now = clock_now();
	for (enum log_stream stream = LOG_OUTPUT; stream < LOG_STREAM_COUNT; stream++)
		while (keeper.held[stream])
			release(stream);
	flush();
	if (keeper.lost_bytes && keeper.fd >= 0)
		(void)append_notice();
	close_now(keeper.fd);
	journal_close();
	keeper.settings = NULL;
}

uint64_t log_lost_bytes(void)
{
	return keeper.lost_in_all;
}
