// SPDX-License-Identifier: Apache-2.0

/* Numbers as people write and read them, and how wide text is. */

#include "base/scope.h"
#include "cli/units.h"
#include "cli/width.h"
#include "cli/wrap.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"10", 10000000000},
		{"1.5", 1500000000},
		{"0", 0},
		{"300ms", 300000000},
		{"1m30s", 90000000000},
		{"1h15m30.918s", 4530918000000},
		{"2us", 2000},
		{"2\u00b5s", 2000},
		{"7ns", 7},
		{".5s", 500000000},
		{"-1.5h", -5400000000000},
		{"1d", 86400000000000},
		{"9223372036", 9223372036000000000},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		int64_t ns = 1;
		assert_int_equal(parse_duration(cases[i].text, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
	}
	static const char *const wrong[] = {
		"", "-", "s", ".", "5x", "5 s", "1m30", "1s ", "1..5s", "m", "--1", "1e3"};
	for (size_t i = 0; i < array_length(wrong); i++) {
		int64_t ns = 77;
		assert_int_equal(parse_duration(wrong[i], &ns), -EINVAL);
		assert_int_equal(ns, 77);
	}
	int64_t ns = 77;
	assert_int_equal(parse_duration("9223372037", &ns), -ERANGE);
	assert_int_equal(parse_duration("3000000h", &ns), -ERANGE);
	assert_int_equal(parse_duration("9999999999999999999999", &ns), -ERANGE);
	assert_int_equal(ns, 77);
}

static void test_decimals(void **state)
{
	int64_t value = 0;
	assert_int_equal(parse_decimal("0.1", &value), 0);
	assert_int_equal(value, 100000000);
	assert_int_equal(parse_decimal("2", &value), 0);
	assert_int_equal(value, 2000000000);
	assert_int_equal(parse_decimal("-.25", &value), 0);
	assert_int_equal(value, -250000000);
	assert_int_equal(parse_decimal("0.1234567899", &value), 0);
	assert_int_equal(value, 123456789);
	assert_int_equal(parse_decimal("1,5", &value), -EINVAL);
	assert_int_equal(parse_decimal("1.5 ", &value), -EINVAL);
	assert_int_equal(parse_decimal("", &value), -EINVAL);
	assert_int_equal(parse_decimal("99999999999", &value), -ERANGE);
	assert_int_equal(value, 123456789);
}

static void size_is(uint64_t bytes, const char *decimal, const char *binary)
{
	char text[UNITS_TEXT_MAX];
	units_size(bytes, text);
	assert_string_equal(text, decimal);
	units_binary_size(bytes, text);
	assert_string_equal(text, binary);
}

static void test_sizes(void **state)
{
	size_is(0, "0B", "0B");
	size_is(999, "999B", "999B");
	size_is(1000, "1kB", "1000B");
	size_is(1024, "1.024kB", "1KiB");
	size_is(1500000, "1.5MB", "1.431MiB");
	size_is(124800000, "124.8MB", "119MiB");
	size_is(12345678, "12.35MB", "11.77MiB");
	size_is(1ull << 40, "1.1TB", "1TiB");
	size_is(UINT64_MAX, "18.45EB", "16EiB");
}

static void duration_is(int64_t seconds, const char *words)
{
	char text[UNITS_TEXT_MAX];
	units_duration(seconds * 1000000000, text);
	assert_string_equal(text, words);
}

static void test_spoken_durations(void **state)
{
	duration_is(0, "Less than a second");
	duration_is(1, "1 second");
	duration_is(59, "59 seconds");
	duration_is(60, "About a minute");
	duration_is(120, "2 minutes");
	duration_is(3600, "About an hour");
	duration_is(3 * 3600, "3 hours");
	duration_is(47 * 3600, "47 hours");
	duration_is(48 * 3600, "2 days");
	duration_is(14 * 86400, "2 weeks");
	duration_is(60 * 86400, "2 months");
	duration_is(800ll * 86400, "2 years");
}

static unsigned wide(const char *text)
{
	return display_width(text, strlen(text));
}

static void test_width(void **state)
{
	assert_int_equal(wide("abc"), 3);
	assert_int_equal(wide("\u00e4"), 1);
	assert_int_equal(wide("a\u0308"), 1);      /* combining diaeresis */
	assert_int_equal(wide("\u6f22\u5b57"), 4); /* two ideographs */
	assert_int_equal(wide("\U0001f600"), 2);   /* emoji */
	assert_int_equal(wide("\xff\xfe"), 2);     /* broken bytes: one column each */
	assert_int_equal(wide("\xe6\xbc"), 2);     /* cut off in the middle */
	assert_int_equal(wide("\xc0\xaf"), 2);     /* overlong */
	assert_int_equal(wide("\x1b"), 0);

	assert_int_equal(display_fit("\u6f22\u5b57", 6, 3), 3);
	assert_int_equal(display_fit("abc", 3, 2), 2);
	assert_int_equal(display_fit("a\u0308b", 4, 1), 3);
}

static void wraps(
	const char *text, unsigned column, unsigned indent, unsigned width, const char *expected)
{
	autofini(text_fini) struct text out = {};
	wrap_text(&out, text, column, indent, width);
	assert_string_equal(text_get(&out), expected);
}

static void test_wrap(void **state)
{
	wraps("one two three", 0, 0, 7, "one two\nthree");
	wraps("one two three", 0, 2, 8, "one two\n  three");
	wraps("one two", 5, 2, 8, "one\n  two");
	wraps("enormous", 0, 0, 3, "enormous");
	wraps("a b\n\nc", 0, 0, 20, "a b\n\nc");
	wraps("a\n  kept   as it is, however long\nb", 0, 0, 5,
		"a\n  kept   as it is, however long\nb");
	wraps("", 0, 0, 5, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_spoken_durations),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
