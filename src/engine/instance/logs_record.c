// SPDX-License-Identifier: Apache-2.0

/*
 * One record of a log file. The forms are ours to write, but the files are open to everybody who
 * owns the container, and may have been cut by a crash: nothing is believed.
 */

#include "engine/instance/logs_read.h"

#include "base/error.h"

/* "2026-11-23T18:01:54.123456789Z", nothing else: only so can moments be compared as text. */
static bool is_time(const char *text, size_t length)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
	if (length < LOGS_TIME_LENGTH)
		return false;
	for (size_t i = 0; i < LOGS_TIME_LENGTH; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return true;
}

static void keep_time(struct logs_record *record, const char *time)
{
	memcpy(record->time, time, LOGS_TIME_LENGTH);
	record->time[LOGS_TIME_LENGTH] = '\0';
}

/* TIME stdout F BYTES */
static int read_k8s(const char *line, size_t length, struct logs_record *record)
{
	const size_t stream = LOGS_TIME_LENGTH + 1, mark = stream + 7, bytes = mark + 2;
	if (length < bytes || !is_time(line, length) || line[stream - 1] != ' ' ||
		line[mark - 1] != ' ' || line[bytes - 1] != ' ')
		return -EBADMSG;
	record->error_stream = memcmp(line + stream, "stderr", 6) == 0;
	if (!record->error_stream && memcmp(line + stream, "stdout", 6) != 0)
		return -EBADMSG;
	if (line[mark] != 'F' && line[mark] != 'P')
		return -EBADMSG;
	keep_time(record, line);
	record->partial = line[mark] == 'P';
	record->bytes = line + bytes;
	record->length = length - bytes;
	return 0;
}

static int hex_digits(const char *text, const char *end, unsigned *ret)
{
	unsigned value = 0;
	if (end - text < 4)
		return -EBADMSG;
	for (int i = 0; i < 4; i++) {
		char c = text[i];
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
				 : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
							: 16;
		if (digit > 15)
			return -EBADMSG;
		value = value << 4 | digit;
	}
	*ret = value;
	return 0;
}

static void add_character(struct text *out, unsigned code)
{
	char bytes[4];
	size_t size;
	if (code < 0x80) {
		bytes[0] = (char)code;
		size = 1;
	} else if (code < 0x800) {
		bytes[0] = (char)(0xc0 | code >> 6);
		bytes[1] = (char)(0x80 | (code & 0x3f));
		size = 2;
	} else if (code < 0x10000) {
		bytes[0] = (char)(0xe0 | code >> 12);
		bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (code & 0x3f));
		size = 3;
	} else {
		bytes[0] = (char)(0xf0 | code >> 18);
		bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
		bytes[2] = (char)(0x80 | (code >> 6 & 0x3f));
		bytes[3] = (char)(0x80 | (code & 0x3f));
		size = 4;
	}
	text_add_bytes(out, bytes, size);
}

/* "\u…" behind the u, both halves of a pair. Advances *from. */
static int read_escape(const char **from, const char *end, struct text *out)
{
	unsigned code, low;
	if (hex_digits(*from, end, &code) < 0)
		return -EBADMSG;
	*from += 4;
	if (code >= 0xd800 && code < 0xdc00 && end - *from >= 6 && (*from)[0] == '\\' &&
		(*from)[1] == 'u' && hex_digits(*from + 2, end, &low) == 0 && low >= 0xdc00 &&
		low < 0xe000) {
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		*from += 6;
	} else if (code >= 0xd800 && code < 0xe000) {
		code = 0xfffd;
	}
	add_character(out, code);
	return 0;
}

/* The string whose quote was read. *from is behind its end afterwards. */
static int read_string(const char **from, const char *end, struct text *out)
{
	const char *at = *from;
	while (at < end && *at != '"') {
		if (*at != '\\') {
			const char *start = at;
			while (at < end && *at != '"' && *at != '\\')
				at++;
			text_add_bytes(out, start, (size_t)(at - start));
			continue;
		}
		if (end - at < 2)
			return -EBADMSG;
		static const char letters[] = "bfnrt\"\\/", meant[] = "\b\f\n\r\t\"\\/";
		const char *found = at[1] ? strchr(letters, at[1]) : NULL;
		bool escape = at[1] == 'u';
		at += 2;
		if (escape ? read_escape(&at, end, out) < 0 : !found)
			return -EBADMSG;
		if (!escape)
			text_add_bytes(out, &meant[found - letters], 1);
	}
	if (at == end)
		return -EBADMSG;
	*from = at + 1;
	return 0;
}

/* What follows is exactly this. */
static int expect(const char **from, const char *end, const char *text)
{
	size_t length = strlen(text);
	if ((size_t)(end - *from) < length || memcmp(*from, text, length) != 0)
		return -EBADMSG;
	*from += length;
	return 0;
}

/* {"log":"…","stream":"stdout","time":"…"}: members in Docker's order, others behind log let be. */
static int read_json(
	const char *line, size_t length, struct text *scratch, struct logs_record *record)
{
	const char *at = line, *end = line + length;
	scratch->length = 0;
	if (expect(&at, end, "{\"log\":\"") < 0 || read_string(&at, end, scratch) < 0)
		return -EBADMSG;
	const char *stream = memmem(at, (size_t)(end - at), "\"stream\":\"std", 13);
	const char *time = memmem(at, (size_t)(end - at), "\"time\":\"", 8);
	if (!stream || !time || end - stream < 16 || !is_time(time + 8, (size_t)(end - time) - 8))
		return -EBADMSG;
	keep_time(record, time + 8);
	record->error_stream = memcmp(stream + 13, "err", 3) == 0;
	record->bytes = scratch->length ? scratch->bytes : "";
	record->length = scratch->length;
	record->partial = record->length == 0 || record->bytes[record->length - 1] != '\n';
	if (!record->partial)
		record->length--;
	return 0;
}

int logs_record_read(enum logs_driver driver, const char *line, size_t length, struct text *scratch,
	struct logs_record *ret_record)
{
	struct logs_record record = {};
	int r = driver == LOGS_K8S_FILE    ? read_k8s(line, length, &record)
		: driver == LOGS_JSON_FILE ? read_json(line, length, scratch, &record)
					   : -EBADMSG;
	if (r == 0)
		*ret_record = record;
	return r;
}
