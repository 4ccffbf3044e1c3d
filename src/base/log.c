// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct log_settings settings = {
	.fd = -1, .format = LOG_TEXT, .level = LOG_WARNING, .program = "rung"};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_configure(const struct log_settings *wanted)
{
	settings = *wanted;
}

bool log_enabled(enum log_level level)
{
	return level <= settings.level;
}

static void write_line(const char *line, size_t length)
{
	/* A log that cannot be written must not change what the program does. */
	ssize_t ignored = write(settings.fd >= 0 ? settings.fd : STDERR_FILENO, line, length);
	(void)ignored;
}

static void write_json(enum log_level level, const char *message)
{
	autofini(text_fini) struct text line = {};
	text_format(&line, "{\"level\":\"%s\",\"msg\":", level_names[level]);
	text_json_string(&line, message);
	text_format(&line, ",\"time\":\"%s\"}\n", clock_now().text);
	write_line(text_get(&line), line.length);
}

static void write_message(enum log_level level, const char *message)
{
	if (settings.format == LOG_JSON) {
		write_json(level, message);
		return;
	}
	char line[4352];
	const char *label = level == LOG_ERROR ? "" : level_names[level];
	int wanted = snprintf(line, sizeof(line) - 1, "%s: %s%s%s", settings.program, label,
		*label ? ": " : "", message);
	size_t length = wanted < 0 ? 0 : strlen(line);
	/* Names come from containers; none may write to the terminal with escapes, or a second
	 * line. */
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			line[i] = '?';
	line[length] = '\n';
	write_line(line, length + 1);
}

void log_line(enum log_level level, const char *format, ...)
{
	if (!log_enabled(level))
		return;
	int kept = errno; /* telling about an error must not change it */
	char message[4200];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	write_message(level, message);
	errno = kept;
}

void log_step(const char *format, ...)
{
	static struct timespec before;
	int kept = errno;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	long elapsed_us = before.tv_sec || before.tv_nsec
				  ? (now.tv_sec - before.tv_sec) * 1000000 +
					    (now.tv_nsec - before.tv_nsec) / 1000
				  : 0;
	before = now;

	char what[4096], message[4200];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(message, sizeof(message), "[%d] %6ld us  %s", (int)getpid(), elapsed_us, what);
	write_message(LOG_DEBUG, message);
	errno = kept;
}
