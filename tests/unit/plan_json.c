// SPDX-License-Identifier: Apache-2.0

/* The JSON reader and writer by themselves. */

#include "unit.h"

#include "base/error.h"
#include "corpus.h"
#include "json_peer.h"
#include "plan/json_write.h"
#include "plan/plan.h"

struct fixture {
	struct arena arena;
	struct json_document document;
};

static void fixture_fini(struct fixture *fixture)
{
	json_document_fini(&fixture->document);
	arena_fini(&fixture->arena);
}

static struct json parse(struct fixture *fixture, const char *text)
{
	int r = json_parse(text, strlen(text), "test", &fixture->arena, &fixture->document);
	if (r < 0)
		print_error("%s\n", error_text());
	assert_int_equal(r, 0);
	return fixture->document.top;
}

static void escapes_are_decoded(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"\"\"", ""},
		{"\"a\\\"b\\\\c\\/d\"", "a\"b\\c/d"},
		{"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t"},
		{"\"\\u0041\\u00e9\\u20AC\"", "Aé€"},
		{"\"\\ud83d\\ude00\"", "😀"},
		{"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf"},
		{"\"é€😀\x7f\"", "é€😀\x7f"},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(fixture_fini) struct fixture fixture = {};
		struct json top = parse(&fixture, cases[i].json);
		const char *text;
		assert_int_equal(json_string(&top, &text), 0);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(top.value->length, strlen(cases[i].text));
	}
}

static void integers_are_exact(void **state)
{
	autofini(fixture_fini) struct fixture fixture = {};
	struct json top = parse(&fixture,
		" [0, -0, 18446744073709551615, 18446744073709551616, 9223372036854775807,"
		" -9223372036854775808, -9223372036854775809, 1e2, 99999999999999999999999999] ");
	static const struct {
		bool is_natural, is_integer;
		uint64_t natural;
		int64_t integer;
	} expected[] = {
		{true, true, 0, 0},
		{true, true, 0, 0},
		{true, false, UINT64_MAX, 0},
		{false, false, 0, 0},
		{true, true, INT64_MAX, INT64_MAX},
		{false, true, 0, INT64_MIN},
		{false, false, 0, 0},
		{false, false, 0, 0},
		{false, false, 0, 0},
	};
	assert_int_equal(top.value->length, array_length(expected));
	size_t i = 0;
	for (const struct json_value *v = top.value->first; v; v = v->next, i++) {
		struct json item = json_child(&top, v, i);
		uint64_t natural = 0;
		int64_t integer = 0;
		assert_int_equal(
			json_unsigned(&item, 0, UINT64_MAX, &natural) == 0, expected[i].is_natural);
		assert_int_equal(json_signed(&item, INT64_MIN, INT64_MAX, &integer) == 0,
			expected[i].is_integer);
		assert_true(natural == expected[i].natural);
		assert_true(integer == expected[i].integer);
	}
}

static void members_are_found(void **state)
{
	autofini(fixture_fini) struct fixture fixture = {};
	struct json top = parse(&fixture, "{\"a\":null,\"b c\":[true,{\"d\":false}]}");
	struct json member;
	assert_false(json_find(&top, "a", &member));
	assert_false(json_find(&top, "z", &member));
	assert_true(json_find(&top, "b c", &member));
	struct json item = json_child(&member, member.value->first->next, 1);
	struct json leaf;
	assert_true(json_find(&item, "d", &leaf));
	bool value = true;
	assert_int_equal(json_boolean(&leaf, &value), 0);
	assert_false(value);
	assert_int_equal(json_refuse(&leaf, "no"), -EINVAL);
	assert_string_equal(error_text(), "test: [\"b c\"][1].d: no");
	assert_int_equal(json_refuse_member(&top, "x", "no"), -EINVAL);
	assert_string_equal(error_text(), "test: x: no");
}

static void depth_64_is_read_and_65_is_not(void **state)
{
	for (size_t depth = 64; depth <= 65; depth++) {
		char text[2 * 65 + 1] = "";
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		autofini(fixture_fini) struct fixture fixture = {};
		int r = json_parse(text, 2 * depth, "test", &fixture.arena, &fixture.document);
		assert_int_equal(r, depth == 64 ? 0 : -EINVAL);
	}
}

/* Every document that ours takes, json-c takes for the same: the corpus, and 20000 broken copies.
 */
static void json_c_agrees(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	static struct corpus_file files[CORPUS_MAX];
	size_t count = corpus_read(PLAN_CORPUS, &arena, files);
	unsigned seed = 1;
	for (size_t i = 0; i < count; i++)
		assert_true(json_peer_agrees(files[i].text, files[i].length));
	for (int round = 0; round < 20000; round++) {
		static const char bytes[] = "\"\\{}[]:,0159-+.eEntfu \n\t\x01\x7f\xc3\xa9";
		const struct corpus_file *file = &files[(size_t)rand_r(&seed) % (count + !count)];
		char copy[400];
		size_t length = file->length < sizeof(copy) ? file->length : sizeof(copy);
		size_t from = (size_t)rand_r(&seed) % (file->length - length + 1);
		memcpy(copy, file->text + from, length);
		for (int k = rand_r(&seed) % 4; k > 0 && length > 0; k--)
			copy[(size_t)rand_r(&seed) % length] =
				bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
		if (!json_peer_agrees(copy, length)) {
			print_error("json-c disagrees about: %.*s\n", (int)length, copy);
			assert_true(false);
		}
	}
}

static void write_example(struct json_writer *writer)
{
	const char *words[] = {"x", "é\"\n", NULL};
	struct strings strings = {words, 2}, none = {words, 0};
	json_open(writer, NULL, '{');
	json_write_string(writer, "text", "a\\b");
	json_open_lazily(writer, "absent", '{');
	json_open_lazily(writer, "absent too", '[');
	json_close(writer);
	json_close(writer);
	json_open_lazily(writer, "promised", '{');
	json_open_lazily(writer, "list", '[');
	json_write_unsigned(writer, NULL, UINT64_MAX);
	json_write_signed(writer, NULL, INT64_MIN);
	json_close(writer);
	json_write_bool(writer, "yes", true);
	json_close(writer);
	json_write_strings(writer, "strings", &strings);
	json_write_strings(writer, "none", &none);
	json_open(writer, "empty", '{');
	json_close(writer);
	json_close(writer);
}

static void the_writer_minds_commas(void **state)
{
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out, .compact = true};
	write_example(&writer);
	assert_string_equal(text_get(&out),
		"{\"text\":\"a\\\\b\",\"promised\":{\"list\":[18446744073709551615,"
		"-9223372036854775808],\"yes\":true},\"strings\":[\"x\",\"é\\\"\\n\"],"
		"\"none\":[],\"empty\":{}}");
}

static void the_writer_indents_by_tabs(void **state)
{
	autofini(text_fini) struct text out = {};
	struct json_writer writer = {.out = &out};
	write_example(&writer);
	assert_string_equal(text_get(&out),
		"{\n\t\"text\": \"a\\\\b\",\n\t\"promised\": {\n\t\t\"list\": [\n"
		"\t\t\t18446744073709551615,\n\t\t\t-9223372036854775808\n\t\t],\n"
		"\t\t\"yes\": true\n\t},\n\t\"strings\": [\n\t\t\"x\",\n\t\t\"é\\\"\\n\"\n\t],\n"
		"\t\"none\": [],\n\t\"empty\": {}\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_decoded),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(depth_64_is_read_and_65_is_not),
		cmocka_unit_test(json_c_agrees),
		cmocka_unit_test(the_writer_minds_commas),
		cmocka_unit_test(the_writer_indents_by_tabs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
