// SPDX-License-Identifier: Apache-2.0

/* Tables, rows in the person's format, and the line of progress. */

#include "base/error.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/width.h"
#include "unit.h"

#include <errno.h>

static void table_is(const char *const lines[], size_t count, uint32_t right, unsigned width,
	const char *expected)
{
	/* Shortened are all columns but the third and those behind it. */
	autofini(table_fini) struct table table = {.right = right, .shrinks = 3};
	autofini(text_fini) struct text out = {};
	for (size_t i = 0; i < count; i++)
		table_add(&table, lines[i]);
	table_write(&table, width, &out);
	assert_string_equal(text_get(&out), expected);
}

#define table_prints(right, width, expected, ...) \
	do { \
		static const char *const lines[] = {__VA_ARGS__}; \
		table_is(lines, array_length(lines), right, width, expected); \
	} while (0)

static void test_table(void **state)
{
	table_prints(
		0, 0, "ID      NAME\n1       web\n12345   x\n", "ID\tNAME", "1\tweb", "12345\tx");
	table_prints(2, 0, "A   SIZE\nb    1kB\n", "A\tSIZE", "b\t1kB");
	table_prints(0, 0, "a    b\nc\n\n\u6f22\n", "a\tb", "c", "", "\u6f22");
	table_prints(0, 0, "\u6f22\u5b57   x\nab     y\n", "\u6f22\u5b57\tx", "ab\ty");
	table_prints(0, 0, "a?[31mb   c??d\n",
		"a\033[31mb\tc\xc2\x9b"
		"d");
}

static void test_table_fits(void **state)
{
	table_prints(0, 24, "ID  COMMAND\n1   a long command line\u2026\n", "ID\tCOMMAND",
		"1\ta long command line that goes on");
	/* Closer together may be enough. */
	table_prints(0, 5, "a  bc\n", "a\tbc");
	/* What may not shrink stays whole; where that is too wide, all does. */
	table_prints(0, 40, "aaaaaaa\u2026  bbbbbbb\u2026  cccccccccccccccccccc\n",
		"aaaaaaaaaaaaaaaaaaaa\tbbbbbbbbbbbbbbbbbbbb\tcccccccccccccccccccc");
	table_prints(0, 24, "aaaaaaaaaaaaaaaaaaaa   bbbbbbbbbbbbbbbbbbbb   cccccccccccccccccccc\n",
		"aaaaaaaaaaaaaaaaaaaa\tbbbbbbbbbbbbbbbbbbbb\tcccccccccccccccccccc");
	table_prints(0, 30, "aaaaaaaaaaaaa\u2026  bbbbbbbbbbbbb\u2026\n",
		"aaaaaaaaaaaaaaaaaaaa\tbbbbbbbbbbbbbbbbbbbb");
	/* Half of an ideograph is not shown. */
	table_prints(
		0, 9, "\u6f22\u5b57\u6f22\u5b57\u2026\n", "\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57");
	/* Narrower than our least width: left to the terminal. */
	table_prints(0, 3, "abcdefgh\n", "abcdefgh");
}

static void test_many_columns(void **state)
{
	autofini(table_fini) struct table table = {};
	autofini(text_fini) struct text line = {};
	autofini(text_fini) struct text out = {};
	for (int i = 0; i < 100; i++)
		text_add(&line, "x\t");
	table_add(&table, text_get(&line));
	table_write(&table, 0, &out);
	assert_true(out.length > 100);
}

static const struct output_column columns[] = {
	{"ID", "CONTAINER ID"},
	{"Size", .right = true},
	{"RunningFor", "CREATED", .hidden = true},
	{"Names"},
	{},
};

static const char rows_text[] =
	"[{\"ID\":\"4f2c\",\"Size\":\"1kB\",\"Names\":\"web\",\"RunningFor\":\"2 days\"},"
	"{\"ID\":\"9d0e\",\"Size\":\"12MB\",\"Names\":\"a/b\",\"RunningFor\":\"1 hour\"}]";

static int write_rows(const struct output *output, struct text *out)
{
	autofini(text_fini) struct text rows = {};
	text_add(&rows, rows_text);
	error_clear();
	return output_write(output, &rows, 0, out);
}

static void rows_are(const char *format, bool no_heading, const char *expected)
{
	autofini(text_fini) struct text out = {};
	const struct output output = {
		.columns = columns, .format = format, .no_heading = no_heading};
	assert_int_equal(write_rows(&output, &out), 0);
	assert_string_equal(text_get(&out), expected);
}

static void test_rows(void **state)
{
	rows_are(NULL, false,
		"CONTAINER ID   SIZE   NAMES\n"
		"4f2c            1kB   web\n"
		"9d0e           12MB   a/b\n");
	rows_are("table", true, "4f2c    1kB   web\n9d0e   12MB   a/b\n");
	rows_are("table {{.Names}}\\t{{.RunningFor}}", false,
		"NAMES   CREATED\nweb     2 days\na/b     1 hour\n");
	rows_are("table {{upper .ID}}", false, "CONTAINER ID\n4F2C\n9D0E\n");
	rows_are("json", false,
		"{\"ID\":\"4f2c\",\"Size\":\"1kB\",\"Names\":\"web\",\"RunningFor\":\"2 days\"}\n"
		"{\"ID\":\"9d0e\",\"Size\":\"12MB\",\"Names\":\"a/b\",\"RunningFor\":\"1 "
		"hour\"}\n");
	rows_are("{{.ID}}\\t{{json .Names}}", false, "4f2c\t\"web\"\n9d0e\t\"a/b\"\n");
	rows_are("tablet", false, "tablet\ntablet\n");
}

static void test_wrong_format(void **state)
{
	autofini(text_fini) struct text out = {};
	struct output output = {.columns = columns, .format = "{{.Name}}"};
	assert_int_equal(write_rows(&output, &out), -EINVAL);
	assert_string_equal(error_text(), "template:1:4: there is no field .Name");
	assert_string_equal(error_hint(), "did you mean .Names?");
	output.format = "table {{.ID";
	assert_int_equal(write_rows(&output, &out), -EINVAL);
}

static void test_no_rows(void **state)
{
	autofini(text_fini) struct text out = {};
	autofini(text_fini) struct text rows = {};
	text_add(&rows, "[]");
	const struct output output = {.columns = columns};
	assert_int_equal(output_write(&output, &rows, 0, &out), 0);
	assert_string_equal(text_get(&out), "CONTAINER ID   SIZE   NAMES\n");
}

static void json_is(enum json_text_form form, const char *source, const char *expected)
{
	autofini(arena_fini) struct arena strings = {};
	autofini(json_document_fini) struct json_document document = {};
	autofini(text_fini) struct text out = {};
	assert_int_equal(json_parse(source, strlen(source), "test", &strings, &document), 0);
	json_text(document.top.value, form, &out);
	assert_string_equal(text_get(&out), expected);
}

static void test_json(void **state)
{
	static const char source[] =
		"{\"a\": [1.50, -2e9, null, true], \"b\" : {}, \"c\":[], \"\u00e9\":\"\\n\"}";
	json_is(JSON_TEXT_COMPACT, source,
		"{\"a\":[1.50,-2e9,null,true],\"b\":{},\"c\":[],\"\u00e9\":\"\\n\"}");
	json_is(JSON_TEXT_PRETTY, "{\"a\":[1,{\"b\":2}],\"c\":{}}",
		"{\n    \"a\": [\n        1,\n        {\n            \"b\": 2\n        }\n"
		"    ],\n    \"c\": {}\n}");
}

static void test_progress_line(void **state)
{
	autofini(text_fini) struct text out = {};
	struct progress progress = {.label = "debian", .total = 2000000, .start_ms = 1000};
	progress_line(&progress, 1000000, 1500, 200, &out);
	assert_string_equal(text_get(&out), "debian  [###############               ]  1MB / 2MB");
	out.length = 0;
	progress_line(&progress, 1000000, 3000, 200, &out);
	assert_non_null(strstr(text_get(&out), "  500kB/s"));
	out.length = 0;
	/* What is narrow loses the bar before the numbers. */
	progress_line(&progress, 1000000, 3000, 40, &out);
	assert_string_equal(text_get(&out), "debian  [#####     ]  1MB / 2MB  500kB/s");
	out.length = 0;
	progress_line(&progress, 9000000, 3000, 30, &out);
	assert_string_equal(text_get(&out), "debian  9MB / 2MB  4.5MB/s");
	out.length = 0;
	progress_line(&progress, 9000000, 3000, 20, &out);
	assert_string_equal(text_get(&out), "debian  9MB / 2MB");
	out.length = 0;
	progress_line(&progress, 9000000, 3000, 12, &out);
	assert_int_equal(display_width(text_get(&out), out.length), 12);
	out.length = 0;
	progress.total = 0;
	progress_line(&progress, 123456, 1001, 200, &out);
	assert_string_equal(text_get(&out), "debian  123.5kB");
}

/* Where there is no terminal nothing is drawn. */
static void test_progress_without_terminal(void **state)
{
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	struct progress progress;
	progress_start(&progress, pipe_fds[1], "x", 10);
	progress.next_ms = 0;
	progress_update(&progress, 5);
	progress_fini(&progress);
	close(pipe_fds[1]);
	char byte;
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
	close(pipe_fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_fits),
		cmocka_unit_test(test_many_columns),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_wrong_format),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_progress_line),
		cmocka_unit_test(test_progress_without_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
