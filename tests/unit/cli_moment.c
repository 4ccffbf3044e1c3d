// SPDX-License-Identifier: Apache-2.0

/* Moments as --since takes them, and as ps shows them. */

#include "cli/moment.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define SECOND 1000000000LL
#define NOW (1700000000 * SECOND) /* 2023-11-14T22:13:20Z */

static void is(const char *text, int64_t expected_ns)
{
	int64_t ns = -1;
	if (moment_parse(text, NOW, &ns) != 0 || ns != expected_ns)
		fail_msg("\"%s\": %lld, not %lld", text, (long long)ns, (long long)expected_ns);
}

static void is_none(const char *text)
{
	int64_t ns = -1;
	if (moment_parse(text, NOW, &ns) != -EINVAL || ns != -1)
		fail_msg("\"%s\" was read as %lld", text, (long long)ns);
}

static void test_dates(void **state)
{
	is("2023-11-14T22:13:20Z", NOW);
	is("2023-11-14T23:13:20+01:00", NOW);
	is("2023-11-14T17:13:20.5-0500", NOW + SECOND / 2);
	is("2023-11-14T22:13:20.123456789Z", NOW + 123456789);
	is("2023-11-14T22:13:20.1234567899Z", NOW + 123456789);
	is("2023-11-14T22:13Z", NOW - 20 * SECOND);
	/* Without an offset local time is meant, which the test makes UTC + 2. */
	is("2023-11-15", NOW - 800 * SECOND - 2 * 3600 * SECOND + 7200 * SECOND);
	is("2023-11-15T00:13:20", NOW);
	is("2023-11-15 00:13", NOW - 20 * SECOND);
}

static void test_seconds_and_durations(void **state)
{
	is("1700000000", NOW);
	is("1700000000.25", NOW + SECOND / 4);
	is("0", 0);
	is("10m", NOW - 600 * SECOND);
	is("1h30m", NOW - 5400 * SECOND);
	is("-10s", NOW + 10 * SECOND);
	is("0s", NOW);
}

static void test_refusals(void **state)
{
	static const char *const texts[] = {"", "yesterday", "2023", "2023-13-01", "2023-11-00",
		"2023-11-14T25:00:00Z", "2023-11-14T22:61:00Z", "2023-11-14T22:13:20.Z",
		"2023-11-14T22:13:20+1", "2023-11-14T22:13:20Zx", "1700000000.x",
		"99999999999999999999", "10 m"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i][0] != '2' || texts[i][4] != '\0') /* "2023" is a number of seconds */
			is_none(texts[i]);
	is("2023", 2023 * SECOND);
}

static void test_strict(void **state)
{
	int64_t ns;
	assert_int_equal(moment_of_text("2023-11-14T22:13:20Z", &ns), 0);
	assert_true(ns == NOW);
	assert_int_equal(moment_of_text("2023-11-14T22:13:20", &ns), -EINVAL);
	assert_int_equal(moment_of_text("2023-11-14", &ns), -EINVAL);
	assert_int_equal(moment_of_text("", &ns), -EINVAL);
	assert_int_equal(moment_of_text(NULL, &ns), -EINVAL);
}

static void test_showing(void **state)
{
	char ago[UNITS_TEXT_MAX], text[MOMENT_TEXT_MAX];
	moment_ago(NOW - 120 * SECOND, NOW, ago);
	assert_string_equal(ago, "2 minutes ago");
	moment_ago(0, NOW, ago);
	assert_string_equal(ago, "");
	moment_ago(NOW + SECOND, NOW, ago);
	assert_string_equal(ago, "Less than a second ago");
	moment_local(NOW + 5, true, text);
	assert_string_equal(text, "2023-11-15 00:13:20.000000005 +0200 TST");
	moment_local(NOW, false, text);
	assert_string_equal(text, "2023-11-15 00:13:20 +0200 TST");
	moment_rfc3339(NOW, text);
	assert_string_equal(text, "2023-11-15T00:13:20.000000000+02:00");
}

int main(void)
{
	(void)setenv("TZ", "TST-2", 1);
	tzset();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_seconds_and_durations),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_showing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
