// SPDX-License-Identifier: Apache-2.0

/* Lines of JSON for the caller; see report.h. */

#include "report.h"

#include "base/fs.h"

#include <stdarg.h>
#include <stdio.h>

void report_skip(struct report *report, const char *format, ...)
{
	if (report->skipped++ > 0)
		return;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(report->note, sizeof(report->note), format, arguments);
	va_end(arguments);
}

struct shown report_show(const char *name)
{
	struct shown shown = {};
	size_t i = 0;
	for (; name[i] && i < sizeof(shown.text) - 4; i++)
		shown.text[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
	if (name[i])
		memcpy(shown.text + i, "...", 3);
	return shown;
}

static void add_string(struct text *line, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	text_format(line, "\"%s\":", key);
	text_json_string(line, value);
	text_add(line, ",");
}

void report_add(struct text *line, const struct report *report)
{
	add_string(line, "digest", report->digest);
	add_string(line, "diffID", report->diff_id);
	add_string(line, "note", report->note);
	text_format(line,
		"\"size\":%llu,\"unpackedSize\":%llu,\"contentSize\":%llu,\"entries\":%llu,"
		"\"skipped\":%llu",
		(unsigned long long)report->size, (unsigned long long)report->unpacked_size,
		(unsigned long long)report->content_size, (unsigned long long)report->entries,
		(unsigned long long)report->skipped);
}

void report_line(int fd, const char *line)
{
	autofini(text_fini) struct text whole = {};
	text_format(&whole, "%s\n", line);
	(void)!fs_write_all(fd, whole.bytes, whole.length);
}
