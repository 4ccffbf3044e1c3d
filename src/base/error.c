// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Here are the functions behind the macros. */
#undef fail
#undef refuse
#undef wrap

static _Thread_local char story[ERROR_TEXT_MAX];
static _Thread_local char advice[1024];
static _Thread_local int exit_status;

static int normal(int r)
{
	return r < 0 ? r : -EIO;
}

/*
 * Formats into a place of its own, because an argument may be error_text() itself.
 * vsnprintf() reports what it would have written; we want what is there.
 */
[[gnu::format(printf, 3, 0)]] static size_t format_into(
	char *out, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(out, size, format, arguments);
	if (length < 0) {
		out[0] = '\0';
		return 0;
	}
	return (size_t)length < size ? (size_t)length : size - 1;
}

/*
 * Names in a story come from images and configurations: none may steer the terminal or forge a
 * second line in a log. Ends without blanks, as the output of a hook does not.
 */
static void keep_printable(char *text)
{
	size_t end = 0;
	for (size_t i = 0; text[i]; i++) {
		unsigned char byte = (unsigned char)text[i];
		if (byte < 0x20 || byte == 0x7f)
			text[i] = byte == '\n' || byte == '\t' ? ' ' : '?';
		if (text[i] != ' ')
			end = i + 1;
	}
	text[end] = '\0';
}

/* Replaces the story by at most what fits of two pieces. The second may lie in the story. */
static void tell(const char *first, size_t first_length, const char *second)
{
	size_t room = sizeof(story) - 1 - first_length;
	size_t second_length = strnlen(second, room);
	memmove(story + first_length, second, second_length);
	memcpy(story, first, first_length);
	story[first_length + second_length] = '\0';
	keep_printable(story);
}

int fail(int r, const char *format, ...)
{
	r = normal(r);
	char text[ERROR_TEXT_MAX - 2];
	va_list arguments;
	va_start(arguments, format);
	size_t length = format_into(text, sizeof(text), format, arguments);
	va_end(arguments);
	advice[0] = '\0';
	exit_status = 0;

	char reason[256];
	snprintf(reason, sizeof(reason), ": %s", strerror(-r));
	tell(text, length, reason);
	return r;
}

int refuse(int r, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	size_t length = format_into(text, sizeof(text), format, arguments);
	va_end(arguments);
	advice[0] = '\0';
	exit_status = 0;
	tell(text, length, "");
	return normal(r);
}

int wrap(int r, const char *format, ...)
{
	r = normal(r);
	char frame[ERROR_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	size_t length = format_into(frame, sizeof(frame) - 2, format, arguments);
	va_end(arguments);

	if (story[0] == '\0')
		snprintf(story, sizeof(story), "%s", strerror(-r));
	frame[length++] = ':';
	frame[length++] = ' ';
	tell(frame, length, story);
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
	keep_printable(advice);
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
	tell("", 0, text);
	snprintf(advice, sizeof(advice), "%s", hint_text);
	keep_printable(advice);
	exit_status = 0;
	return normal(r);
}

void error_clear(void)
{
	story[0] = '\0';
	advice[0] = '\0';
	exit_status = 0;
}

void error_set_exit_status(int status)
{
	exit_status = status;
}

int error_exit_status(void)
{
	return exit_status;
}
