// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char story[ERROR_TEXT_MAX];
static _Thread_local char advice[1024];

static int normal(int r)
{
	return r < 0 ? r : -EIO;
}

/* vsnprintf() reports what it would have written; we want what is there. */
static size_t format_into(char *out, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(out, size, format, arguments);
	if (length < 0) {
		out[0] = '\0';
		return 0;
	}
	return (size_t)length < size ? (size_t)length : size - 1;
}

int fail(int r, const char *format, ...)
{
	r = normal(r);
	va_list arguments;
	va_start(arguments, format);
	size_t length = format_into(story, sizeof(story), format, arguments);
	va_end(arguments);
	advice[0] = '\0';
	snprintf(story + length, sizeof(story) - length, ": %s", strerror(-r));
	return r;
}

int refuse(int r, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)format_into(story, sizeof(story), format, arguments);
	va_end(arguments);
	advice[0] = '\0';
	return normal(r);
}

int wrap(int r, const char *format, ...)
{
	r = normal(r);
	if (story[0] == '\0')
		snprintf(story, sizeof(story), "%s", strerror(-r));

	char frame[ERROR_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	size_t length = format_into(frame, sizeof(frame), format, arguments);
	va_end(arguments);
	snprintf(frame + length, sizeof(frame) - length, ": %s", story);
	memcpy(story, frame, sizeof(story));
	return r;
}

void hint(const char *format, ...)
{
	if (advice[0] != '\0')
		return;
	va_list arguments;
	va_start(arguments, format);
	(void)format_into(advice, sizeof(advice), format, arguments);
	va_end(arguments);
}

const char *error_text(void)
{
	return story;
}

const char *error_hint(void)
{
	return advice;
}

int error_adopt(int r, const char *text, const char *hint_text)
{
	snprintf(story, sizeof(story), "%s", text);
	snprintf(advice, sizeof(advice), "%s", hint_text);
	return normal(r);
}

void error_clear(void)
{
	story[0] = '\0';
	advice[0] = '\0';
}
