// SPDX-License-Identifier: Apache-2.0

/* Stories of errors, and lines of the log. */

#include "base/error.h"
#include "base/log.h"
#include "base/scope.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_story(void **state)
{
	error_clear();
	assert_string_equal(error_text(), "");
	assert_string_equal(error_hint(), "");
	assert_int_equal(fail(-EPERM, "write %s", "uid_map"), -EPERM);
	assert_string_equal(error_text(), "write uid_map: Operation not permitted");
	assert_int_equal(wrap(-EPERM, "start %s", "web"), -EPERM);
	assert_string_equal(error_text(), "start web: write uid_map: Operation not permitted");
	assert_int_equal(refuse(-EINVAL, "no such thing"), -EINVAL);
	assert_string_equal(error_text(), "no such thing");
	error_clear();
	assert_int_equal(wrap(-ENOENT, "alone"), -ENOENT);
	assert_string_equal(error_text(), "alone: No such file or directory");

	/* What is no error number is told as one; success never comes out. */
	assert_int_equal(fail(0, "x"), -EIO);
	assert_int_equal(fail(5, "x"), -EIO);
	assert_int_equal(refuse(0, "x"), -EIO);
	assert_int_equal(wrap(1, "x"), -EIO);
	assert_int_equal(fail(-99999, "strange"), -99999);
	assert_non_null(strstr(error_text(), "strange: "));
}

static void test_hint(void **state)
{
	(void)!fail(-EPERM, "x");
	hint("do %d", 1);
	hint("do %d", 2);
	assert_string_equal(error_hint(), "do 1"); /* the first knows best */
	(void)!wrap(-EPERM, "y");
	assert_string_equal(error_hint(), "do 1");
	(void)!fail(-EPERM, "another story");
	assert_string_equal(error_hint(), "");
}

/* The story so far may be an argument of the next one. */
static void test_story_in_story(void **state)
{
	(void)!refuse(-EIO, "inner");
	(void)!refuse(-EIO, "outer (%s)", error_text());
	assert_string_equal(error_text(), "outer (inner)");
	(void)!fail(-EIO, "more (%s)", error_text());
	assert_string_equal(error_text(), "more (outer (inner)): Input/output error");
	(void)!refuse(-EIO, "a");
	(void)!wrap(-EIO, "b %s", error_text());
	assert_string_equal(error_text(), "b a: a");
	(void)!error_adopt(-EPERM, error_text(), "");
	assert_string_equal(error_text(), "b a: a");
}

static void test_long_stories(void **state)
{
	static char word[ERROR_TEXT_MAX * 2];
	memset(word, 'w', sizeof(word) - 1);
	static const size_t lengths[] = {ERROR_TEXT_MAX - 4, ERROR_TEXT_MAX - 3, ERROR_TEXT_MAX - 2,
		ERROR_TEXT_MAX - 1, ERROR_TEXT_MAX, ERROR_TEXT_MAX * 2 - 1};
	for (size_t i = 0; i < array_length(lengths); i++) {
		const char *text = word + sizeof(word) - 1 - lengths[i];
		(void)!fail(-EPERM, "%s", text);
		assert_in_range(strlen(error_text()), ERROR_TEXT_MAX - 4, ERROR_TEXT_MAX - 1);
		(void)!wrap(-EPERM, "short");
		assert_int_equal(strlen(error_text()), ERROR_TEXT_MAX - 1);
		assert_memory_equal(error_text(), "short: www", 10); /* the outer end stays */
		(void)!wrap(-EPERM, "%s", text);
		(void)!wrap(-EPERM, "%s", text);
		assert_true(strlen(error_text()) < ERROR_TEXT_MAX);
		(void)!refuse(-EPERM, "%s", text);
		assert_true(strlen(error_text()) < ERROR_TEXT_MAX);
		hint("%s", text);
		assert_true(strlen(error_hint()) < ERROR_TEXT_MAX);
		(void)!error_adopt(-EPERM, text, text);
		assert_true(strlen(error_text()) < ERROR_TEXT_MAX);
	}
}

static void *tell_another(void *context)
{
	(void)!refuse(-EIO, "of the thread");
	return NULL;
}

static void test_threads(void **state)
{
	(void)!refuse(-EIO, "mine");
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, tell_another, NULL), 0);
	pthread_join(thread, NULL);
	assert_string_equal(error_text(), "mine");
}

/* ---- log --------------------------------------------------------------------- */

static int log_fd = -1;

static void log_to_memory(enum log_format format, enum log_level level)
{
	close_now(log_fd);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	struct log_settings settings = {
		.fd = log_fd, .format = format, .level = level, .program = "rung"};
	log_configure(&settings);
}

static const char *logged(void)
{
	static char text[16384];
	ssize_t length = pread(log_fd, text, sizeof(text) - 1, 0);
	assert_true(length >= 0);
	text[length] = '\0';
	return text;
}

static void test_log_text(void **state)
{
	log_to_memory(LOG_TEXT, LOG_INFO);
	log_line(LOG_ERROR, "broken %d", 1);
	warn("weaker %s", "now");
	log_line(LOG_INFO, "told");
	log_line(LOG_DEBUG, "not told");
	step("not told either");
	assert_string_equal(
		logged(), "rung: broken 1\nrung: warning: weaker now\nrung: info: told\n");

	log_to_memory(LOG_TEXT, LOG_WARNING);
	errno = EXDEV;
	warn("name \x1b[2J\nrung: forged\x7f");
	assert_int_equal(errno, EXDEV);
	assert_string_equal(logged(), "rung: warning: name ?[2J?rung: forged?\n");

	log_to_memory(LOG_TEXT, LOG_DEBUG);
	step("done %s", "it");
	assert_non_null(strstr(logged(), " us  done it\n"));

	static char word[9000];
	memset(word, 'w', sizeof(word) - 1);
	log_to_memory(LOG_TEXT, LOG_WARNING);
	warn("%s", word);
	size_t length = strlen(logged());
	assert_in_range(length, 4000, 4400);
	assert_int_equal(logged()[length - 1], '\n'); /* one line, whatever its length */
	assert_ptr_equal(strchr(logged(), '\n'), logged() + length - 1);
}

static void test_log_json(void **state)
{
	log_to_memory(LOG_JSON, LOG_WARNING);
	warn("quote \" newline \n byte \xff");
	log_line(LOG_ERROR, "second");
	const char *text = logged();
	const char *second = strchr(text, '\n');
	assert_non_null(second);
	assert_int_equal(strchr(second + 1, '\n')[1], '\0');

	struct json_object *line = json_tokener_parse(text);
	assert_non_null(line);
	assert_string_equal(
		json_object_get_string(json_object_object_get(line, "level")), "warning");
	assert_string_equal(json_object_get_string(json_object_object_get(line, "msg")),
		"quote \" newline \n byte \ufffd");
	assert_int_equal(strlen(json_object_get_string(json_object_object_get(line, "time"))),
		strlen("2026-11-23T18:01:54.123456789Z"));
	json_object_put(line);
}

/* A log that cannot be written changes nothing. */
static void test_log_nowhere(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct log_settings settings = {
		.fd = full, .format = LOG_TEXT, .level = LOG_DEBUG, .program = "rung"};
	log_configure(&settings);
	errno = 0;
	warn("lost");
	step("lost");
	assert_int_equal(errno, 0);
	close(full);
	close_now(log_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_story_in_story),
		cmocka_unit_test(test_long_stories),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_log_text),
		cmocka_unit_test(test_log_json),
		cmocka_unit_test(test_log_nowhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
