// SPDX-License-Identifier: Apache-2.0

/* Strings, numbers and sizes, the arena they live in, and moments as text. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/wait.h>

static void test_text(void **state)
{
	autofini(text_fini) struct text text = {};
	assert_string_equal(text_get(&text), "");
	text_add(&text, "");
	text_format(&text, "%s", "");
	text_add_bytes(&text, NULL, 0);
	assert_string_equal(text_get(&text), "");
	assert_int_equal(text.length, 0);

	text_add(&text, "one");
	text_format(&text, " %d %s", 2, "three");
	assert_string_equal(text_get(&text), "one 2 three");
	text_add_bytes(&text, "\0x", 2);
	assert_int_equal(text.length, 13);
	assert_int_equal(text.bytes[13], '\0');

	/* Across every size at which it grows. */
	text_fini(&text);
	for (size_t i = 0; i < 5000; i++) {
		text_format(&text, "%c", (int)('a' + i % 26));
		assert_int_equal(text.length, i + 1);
		assert_int_equal(strlen(text_get(&text)), i + 1);
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(text_get(&text)[i], 'a' + i % 26);
	text_fini(&text);
	text_fini(&text);
	assert_string_equal(text_get(&text), "");
}

static void test_json_string(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"", "\"\""}, {"plain", "\"plain\""}, {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
		{"\n\t\x1b[31m\x7f", "\"\\n\\t\\u001b[31m\\u007f\""},
		{"\u00e4\u20ac\U0001f600", "\"\u00e4\u20ac\U0001f600\""}, {"\xff", "\"\\ufffd\""},
		{"\xc3", "\"\\ufffd\""},                                  /* cut off */
		{"\xc3(", "\"\\ufffd(\""},                                /* not continued */
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""},                       /* overlong "/" */
		{"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""},            /* overlong */
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* a surrogate */
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* above U+10FFFF */
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},
		{"\xc2\x9b", "\"\\u009b\""}, /* CSI in one character */
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(text_fini) struct text text = {};
		text_json_string(&text, cases[i].text);
		assert_string_equal(text_get(&text), cases[i].json);
	}
}

static void test_questions(void **state)
{
	assert_true(text_equal("", ""));
	assert_false(text_equal("a", "b"));
	assert_true(text_starts("abc", ""));
	assert_true(text_starts("abc", "abc"));
	assert_false(text_starts("ab", "abc"));
	assert_true(text_ends("abc", "bc"));
	assert_true(text_ends("abc", ""));
	assert_false(text_ends("c", "bc"));
	assert_true(text_empty(NULL));
	assert_true(text_empty(""));
	assert_false(text_empty(" "));
}

static void test_uint64(void **state)
{
	static const struct {
		const char *text;
		uint64_t highest;
		int wanted;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0, 0}, {"007", 7, 0, 7},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999999", UINT64_MAX, -ERANGE, 0}, {"8", 7, -ERANGE, 0},
		{"", 9, -EINVAL, 0}, {" 5", 9, -EINVAL, 0}, {"5 ", 9, -EINVAL, 0},
		{"5x", 9, -EINVAL, 0}, {"+5", 9, -EINVAL, 0}, {"-5", 9, -EINVAL, 0},
		{"0x5", 9, -EINVAL, 0}, {"99999999999999999999999999x", UINT64_MAX, -EINVAL, 0},
		{"\xd9\xa1", 9, -EINVAL, 0}, /* a digit, but not one of ours */
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		uint64_t value = 77;
		assert_int_equal(
			parse_uint64(cases[i].text, cases[i].highest, &value), cases[i].wanted);
		assert_int_equal(value, cases[i].wanted == 0 ? cases[i].value : 77);
	}
}

static void test_int64(void **state)
{
	static const struct {
		const char *text;
		int64_t lowest, highest;
		int wanted;
		int64_t value;
	} cases[] = {
		{"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
		{"9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, 0},
		{"-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, 0},
		{"-0", 0, 0, 0, 0},
		{"-1", -1, 5, 0, -1},
		{"-2", -1, 5, -ERANGE, 0},
		{"6", -1, 5, -ERANGE, 0},
		{"-", -9, 9, -EINVAL, 0},
		{"--1", -9, 9, -EINVAL, 0},
		{"", -9, 9, -EINVAL, 0},
		{"1-", -9, 9, -EINVAL, 0},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		int64_t value = 77;
		assert_int_equal(
			parse_int64(cases[i].text, cases[i].lowest, cases[i].highest, &value),
			cases[i].wanted);
		assert_int_equal(value, cases[i].wanted == 0 ? cases[i].value : 77);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int wanted;
		uint64_t bytes;
	} cases[] = {
		{"0", 0, 0},
		{"4096", 0, 4096},
		{"10b", 0, 10},
		{"1k", 0, 1024},
		{"1K", 0, 1024},
		{"512m", 0, 512ull << 20},
		{"512mb", 0, 512ull << 20},
		{"512MiB", 0, 512ull << 20},
		{"512Mi", 0, 512ull << 20}, /* Kubernetes */
		{"512 MB", 0, 512ull << 20},
		{"1.5g", 0, 3ull << 29},
		{"1.5 GiB", 0, 3ull << 29},
		{"0.1g", 0, 107374182},
		{"1.9", 0, 1}, /* no half bytes */
		{"0.000000000000000000001p", 0, 0},
		{"0.0000000000000000019p", 0, 0},
		{"1.999999999999999999999999999k", 0, 2047},
		{"2t", 0, 2ull << 40},
		{"3p", 0, 3ull << 50},
		{"16383p", 0, 16383ull << 50},
		{"16384p", -ERANGE, 0},
		{"16383.99p", 0, (16383ull << 50) + 1114640907774197ull},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"k", -EINVAL, 0},
		{"b", -EINVAL, 0},
		{"ib", -EINVAL, 0},
		{".5g", -EINVAL, 0},
		{"1.", -EINVAL, 0},
		{"1.g", -EINVAL, 0},
		{"1.5.2g", -EINVAL, 0},
		{"1,5g", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1  m", -EINVAL, 0},
		{"1e3", -EINVAL, 0},
		{"10bb", -EINVAL, 0},
		{"1mk", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"11111111111111111111111111111111m", -EINVAL, 0},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		uint64_t bytes = 77;
		int r = parse_size(cases[i].text, &bytes);
		if (r != cases[i].wanted || bytes != (r == 0 ? cases[i].bytes : 77))
			fail_msg("\"%s\": %d, %ju", cases[i].text, r, (uintmax_t)bytes);
	}
}

/* ---- arena ------------------------------------------------------------------ */

static void test_arena(void **state)
{
	struct arena arena = {};
	assert_non_null(arena_alloc(&arena, 0));
	assert_non_null(arena_new(&arena, int, 0));
	char *kept[2000];
	uint32_t random = 1;
	for (size_t i = 0; i < array_length(kept); i++) {
		random = random * 1664525 + 1013904223;
		size_t size = random >> 16 & 0x1fff; /* small, and larger than a quarter block */
		kept[i] = arena_alloc(&arena, size + 1);
		assert_int_equal((uintptr_t)kept[i] % _Alignof(max_align_t), 0);
		for (size_t b = 0; b <= size; b++)
			assert_int_equal(kept[i][b], 0);
		memset(kept[i], (int)(i & 0x7f), size + 1);
	}
	for (size_t i = 0; i < array_length(kept); i++)
		assert_int_equal(kept[i][0], i & 0x7f); /* nobody wrote over it */

	assert_null(arena_strdup(&arena, NULL));
	assert_string_equal(arena_strdup(&arena, ""), "");
	assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
	assert_string_equal(arena_format(&arena, "%s-%05d", "x", 42), "x-00042");
	char *longer = arena_format(&arena, "%100000s", "end");
	assert_int_equal(strlen(longer), 100000);
	arena_fini(&arena);
	arena_fini(&arena);
	assert_non_null(arena_strdup(&arena, "again"));
	arena_fini(&arena);
}

/* With AddressSanitizer too, memory that is not there is NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* Sizes that no machine has end the process with 125, and do not wrap around. */
static void test_arena_exhausted(void **state)
{
	static const struct {
		size_t count, size;
	} cases[] = {{1, SIZE_MAX}, {SIZE_MAX / 2, 3}, {SIZE_MAX, SIZE_MAX}, {1, SIZE_MAX / 2}};
	for (size_t i = 0; i < array_length(cases); i++) {
		pid_t pid = fork();
		if (pid == 0) {
			close(STDERR_FILENO);
			struct arena arena = {};
			void *memory = arena_calloc(&arena, cases[i].count, cases[i].size);
			_exit(memory ? 1 : 2);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 125);
	}
}

/* ---- clock ------------------------------------------------------------------- */

static void test_clock_format(void **state)
{
	static const struct {
		int64_t seconds;
		long nanoseconds;
		const char *text;
	} cases[] = {
		{0, 0, "1970-01-01T00:00:00.000000000Z"},
		{-1, 999999999, "1969-12-31T23:59:59.999999999Z"},
		{951782400, 5, "2000-02-29T00:00:00.000000005Z"},
		{951868800, 0, "2000-03-01T00:00:00.000000000Z"},
		{1709164799, 0, "2024-02-28T23:59:59.000000000Z"},
		{4107542400, 0, "2100-03-01T00:00:00.000000000Z"}, /* no leap year */
		{2147483648, 0, "2038-01-19T03:14:08.000000000Z"},
		{253402300799, 0, "9999-12-31T23:59:59.000000000Z"},
		{253402300800, 0, "1970-01-01T00:00:00.000000000Z"}, /* not in four digits */
		{-62167219200, 0, "0000-01-01T00:00:00.000000000Z"},
		{INT64_MIN, 0, "1970-01-01T00:00:00.000000000Z"},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		struct timespec moment = {cases[i].seconds, cases[i].nanoseconds};
		assert_string_equal(clock_format(&moment).text, cases[i].text);
	}
	/* Against libc's calendar, a day and a bit at a time, for 300 years. */
	for (int64_t seconds = -86400ll * 40000; seconds < 86400ll * 70000; seconds += 86399) {
		struct timespec moment = {seconds, 0};
		struct tm parts;
		char wanted[64];
		gmtime_r(&moment.tv_sec, &parts);
		strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S.000000000Z", &parts);
		assert_string_equal(clock_format(&moment).text, wanted);
	}
	assert_int_equal(strlen(clock_now().text), strlen("2026-11-23T18:01:54.123456789Z"));
}

static void test_deadline(void **state)
{
	struct clock_deadline never = clock_deadline_in(-1);
	assert_int_equal(clock_left_ms(&never), -1);
	never = clock_deadline_in(INT64_MAX);
	assert_int_equal(clock_left_ms(&never), -1);
	struct clock_deadline now = clock_deadline_in(0);
	assert_int_equal(clock_left_ms(&now), 0);
	struct clock_deadline later = clock_deadline_in(1000000000000);
	assert_int_equal(clock_left_ms(&later), INT_MAX);
	struct clock_deadline soon = clock_deadline_in(2);
	assert_in_range(clock_left_ms(&soon), 0, 2);
	(void)poll(NULL, 0, 5);
	assert_int_equal(clock_left_ms(&soon), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json_string),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_uint64),
		cmocka_unit_test(test_int64),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_arena_exhausted),
		cmocka_unit_test(test_clock_format),
		cmocka_unit_test(test_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
