// SPDX-License-Identifier: Apache-2.0

/*
 * Templates for --format. What each prints was compared with Go 1.19's
 * text/template and Docker's functions; where we differ on purpose stands below.
 */

#include "base/error.h"
#include "cli/template/template.h"
#include "unit.h"

#include <errno.h>

static const char document[] =
	"{\"ID\":\"4f2c9d0e1b7a\",\"Names\":[\"web\",\"web.local\"],\"Image\":\"debian:12\","
	"\"Running\":true,"
	"\"Paused\":false,\"Pid\":4711,\"Restarts\":0,\"Load\":1.5,\"Whole\":3.0,\"Big\":1e21,"
	"\"Small\":0.00001,"
	"\"Max\":9223372036854775807,\"Huge\":18446744073709551615,\"Over\":18446744073709551616,"
	"\"Empty\":\"\",\"None\":null,"
	"\"NoList\":[],"
	"\"NoMap\":{},\"Umlaut\":\"Gr\u00fc\u00dfe an "
	"\u6f22\u5b57\",\"Quote\":\"a\\\"b\\\\c\\n\\t<&>\","
	"\"Labels\":{\"b\":\"2\",\"a\":\"1\",\"com.x.y\":\"dotted\"},"
	"\"Mounts\":[{\"Source\":\"/a\",\"Target\":\"/b\",\"RW\":true},{\"Source\":\"/"
	"c\",\"Target\":\"/d\",\"RW\":false}],"
	"\"State\":{\"Health\":{\"Log\":[1,2,3]},\"Status\":\"running\"},\"Nested\":[[1,2],[3],[]],"
	"\"Mixed\":[\"a\",1,true,null,2.5,{\"k\":\"v\"}]}";

/* Data of a test, read from text. */
struct sample {
	struct arena strings;
	struct json_document document;
};

static void sample_fini(struct sample *sample)
{
	json_document_fini(&sample->document);
	arena_fini(&sample->strings);
}

static const struct json_value *sample_read(struct sample *sample, const char *text)
{
	assert_int_equal(
		json_parse(text, strlen(text), "test", &sample->strings, &sample->document), 0);
	return sample->document.top.value;
}

struct printed {
	const char *source, *text;
};

static void check(const struct printed *cases, size_t count)
{
	autofini(sample_fini) struct sample sample = {};
	const struct json_value *data = sample_read(&sample, document);
	for (size_t i = 0; i < count; i++) {
		autofini(arena_fini) struct arena arena = {};
		autofini(text_fini) struct text out = {};
		const struct template *template;
		error_clear();
		if (template_parse(&arena, cases[i].source, &template) < 0 ||
			template_print(template, data, &out) < 0)
			fail_msg("%s: %s", cases[i].source, error_text());
		if (!text_equal(text_get(&out), cases[i].text))
			fail_msg("%s prints\n%s\nnot\n%s", cases[i].source, text_get(&out),
				cases[i].text);
	}
}

#define prints(...) \
	do { \
		static const struct printed cases[] = {__VA_ARGS__}; \
		check(cases, array_length(cases)); \
	} while (0)

static void test_fields(void **state)
{
	prints({"", ""}, {"plain", "plain"}, {"{{.ID}}\t{{.Image}}", "4f2c9d0e1b7a\tdebian:12"},
		{"{{.State.Status}} {{$.State.Status}} {{(.State).Status}}",
			"running running running"},
		{"{{.State.Health.Log}}", "[1 2 3]"}, {"{{.Names}}", "[web web.local]"},
		{"{{.Labels}}", "map[a:1 b:2 com.x.y:dotted]"},
		{"{{.Mixed}}", "[a 1 true <nil> 2.5 map[k:v]]"}, {"{{.Nested}}", "[[1 2] [3] []]"},
		{"{{.None}} {{.State.Missing}} {{.State.Missing.Deep}}",
			"<no value> <no value> <no value>"},
		{"{{.Labels.a}}{{.Labels.c}}", "1<no value>"},
		{"{{.Load}} {{.Whole}} {{.Big}} {{.Small}} {{.Max}} {{.Huge}} {{.Over}}",
			"1.5 3 1e+21 1e-05 9223372036854775807 18446744073709551615 "
			"18446744073709552000"},
		{"{{.Running}} {{.Paused}} {{.Empty}}|{{.NoList}}|{{.NoMap}}",
			"true false |[]|map[]"});
}

static void test_trimming_and_comments(void **state)
{
	prints({"{{ .Pid }} x {{- .Pid -}} y ", "4711 x4711y "}, {"a {{- /* c */ -}} b", "ab"},
		{"a {{/* }} c */}} b", "a  b"}, {"{{- /* a */ -}}", ""},
		{"x{{- /* a */}} y", "x y"}, {"{{/* a */ -}}   y", "y"}, {"a{{-3}}", "a-3"},
		{"{{.Pid -}} z", "4711z"}, {"a\n{{- .Pid -}}\n b", "a4711b"},
		{"{{\"{{\"}}{{\"}}\"}}", "{{}}"});
}

static void test_conditions(void **state)
{
	prints({"{{if .Running}}yes{{end}}", "yes"}, {"{{if .Paused}}yes{{else}}no{{end}}", "no"},
		{"{{if .Paused}}a{{else if .Running}}b{{else}}c{{end}}", "b"},
		{"{{if .NoList}}a{{else if .NoMap}}b{{else if .Empty}}c{{else}}d{{end}}", "d"},
		{"{{if .Restarts}}a{{else}}zero{{end}}", "zero"},
		{"{{if and .Running (eq .Pid 4711)}}a{{end}}", "a"},
		{"{{and .Running .ID}} {{and .Paused .ID}} {{or .Empty .ID}} {{or .Empty .Paused}}",
			"4f2c9d0e1b7a false 4f2c9d0e1b7a false"},
		{"{{or .Running (index .Names 7)}} {{and .Paused (index .Names 7)}}", "true false"},
		{"{{with .State}}{{.Status}}{{end}}", "running"},
		{"{{with .None}}a{{else}}b{{end}}", "b"},
		{"{{with .NoMap}}x{{else with .State}}y{{end}}", "y"},
		{"{{with $x := .State}}{{$x.Status}} {{.Status}}{{end}}", "running running"},
		{"{{not .NoList}} {{not nil}} {{.Running | not | not}}", "true true true"},
		{"{{if or (eq .State.Status \"x\") (gt (len .Names) 1)}}up{{end}}", "up"});
}

static void test_ranges(void **state)
{
	prints({"{{range .Names}}[{{.}}]{{end}}", "[web][web.local]"},
		{"{{range $i, $n := .Names}}{{if $i}}, {{end}}{{$n}}{{end}}", "web, web.local"},
		{"{{range $n := .Names}}{{$n}};{{end}}", "web;web.local;"},
		{"{{range .Mounts}}{{.Source}}:{{.Target}}{{if .RW}}:rw{{end}} {{end}}",
			"/a:/b:rw /c:/d "},
		{"{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 b=2 com.x.y=dotted "},
		{"{{range .Labels}}{{.}}{{end}}", "12dotted"},
		{"{{range .NoList}}x{{else}}none{{end}}{{range .None}}x{{else}}none{{end}}",
			"nonenone"},
		{"{{range .Nested}}{{range .}}{{.}}{{end}};{{end}}", "12;3;;"},
		{"{{range .Names}}{{$.Pid}} {{end}}", "4711 4711 "},
		{"{{range .Mounts}}{{.Source}}{{break}}{{end}}", "/a"},
		{"{{range .Mounts}}{{if .RW}}{{continue}}{{end}}{{.Source}}{{end}}", "/c"},
		{"{{range $i, $e := .Mixed}}{{$i}}={{$e}} {{end}}",
			"0=a 1=1 2=true 3=<no value> 4=2.5 5=map[k:v] "},
		{"{{range 3}}{{.}}{{end}}", "012"});
}

static void test_variables(void **state)
{
	prints({"{{$x := 5}}{{$x}}", "5"}, {"{{$x := 5}}{{$x = 6}}{{$x}}", "6"},
		{"{{$x := 5}}{{if true}}{{$x := 6}}{{$x}}{{end}}{{$x}}", "65"},
		{"{{$x := 5}}{{if true}}{{$x = 6}}{{$x}}{{end}}{{$x}}", "66"},
		{"{{$x := 0}}{{range .Names}}{{$x = .}}{{end}}{{$x}}", "web.local"},
		{"{{if $q := .Empty}}{{$q}}{{else}}[{{$q}}]{{end}}", "[]"});
}

static void test_looking_inside(void **state)
{
	prints({"{{index .Names 0}} {{index .Labels \"com.x.y\"}} {{index .Nested 0 1}}",
		       "web dotted 2"},
		{"{{index .Mounts 0 \"Source\"}} {{(index .Mounts 1).Target}}", "/a /d"},
		{"{{index .Labels \"missing\"}}", "<no value>"},
		{"{{len .Names}} {{len .ID}} {{len .Labels}} {{len .NoList}} {{len .Umlaut}}",
			"2 12 3 0 17"},
		{"{{slice .ID 0 4}} {{slice .ID 4}} {{slice .Names 1}}",
			"4f2c 9d0e1b7a [web.local]"},
		{"{{\"x\"|len}} {{.ID | len | printf \"%03d\"}}", "1 012"});
}

static void test_comparisons(void **state)
{
	prints({"{{eq .Pid 4711}} {{ne .Pid 4711}} {{lt .Pid 5000}} {{le 1 1}} {{gt 2 1}} {{ge 1 "
		"2}}",
		       "true false true true true false"},
		{"{{eq .ID \"a\" \"4f2c9d0e1b7a\"}} {{lt \"a\" \"b\"}} {{gt \"a\" \"ab\"}}",
			"true true false"},
		{"{{eq .Load 1.5}} {{lt .Load 2.5}} {{eq .Running true}}", "true true true"},
		{"{{\"a\" | eq \"a\"}} {{1 | lt 2}} {{eq .None nil}}", "true false true"},
		{"{{eq .Whole 3}} {{lt .Pid 1e9}}", "true true"});
}

static void test_docker_functions(void **state)
{
	prints({"{{json .Names}} {{json .Labels}} {{json .Pid}} {{json .None}} {{json .Load}}",
		       "[\"web\",\"web.local\"] {\"b\":\"2\",\"a\":\"1\",\"com.x.y\":\"dotted\"} "
		       "4711 "
		       "null 1.5"},
		{"{{json .Quote}} {{json .Umlaut}}",
			"\"a\\\"b\\\\c\\n\\t<&>\" \"Gr\u00fc\u00dfe an \u6f22\u5b57\""},
		{"{{join .Names \", \"}}{{join .NoList \",\"}}{{.Names | join \"-\"}}",
			"web, web.localweb-web.local"},
		{"{{range split .Image \":\"}}<{{.}}>{{end}}{{index (split \"a,b,\" \",\") 2}}",
			"<debian><12>"},
		{"{{.Labels \"com.x.y\"}}<{{.Labels \"none\"}}>{{.NoMap \"a\" | upper}}",
			"dotted<>"},
		{"{{upper .ID}} {{lower \"ABC\"}} {{title \"hello world-wide a_b\"}}",
			"4F2C9D0E1B7A abc Hello World-Wide A_b"},
		{"{{.Image | upper | printf \"%s!\"}}", "DEBIAN:12!"},
		{"{{pad .Image 2 3}}| {{pad \"\" 2 3}}|", "  debian:12   | |"},
		{"{{truncate .ID 4}} {{truncate \"ab\" 4}} {{truncate .Umlaut 4}}",
			"4f2c ab Gr\u00fc\u00df"});
}

static void test_printing(void **state)
{
	prints({"{{print \"a\" 1 2 \"b\" true}} {{println \"a\" 1}}", "a1 2btrue a 1\n"},
		{"{{printf \"%s-%d-%v-%t\" .Image .Pid .Load .Running}}",
			"debian:12-4711-1.5-true"},
		{"{{printf \"%x %X %o %b %c\" 255 255 8 5 65}}", "ff FF 10 101 A"},
		{"{{printf \"[%5d] [%-5d] [%05d] [%+d] [% d]\" 42 42 42 42 42}}",
			"[   42] [42   ] [00042] [+42] [ 42]"},
		{"{{printf \"[%10s] [%-10s] [%.2s] [%5.1f]\" \"ab\" \"ab\" \"abc\" 3.14159}}",
			"[        ab] [ab        ] [ab] [  3.1]"},
		{"{{printf \"%d\" \"x\"}} {{printf \"%s\" 5}} {{printf \"%d\"}}",
			"%!d(string=x) %!s(int=5) %!d(MISSING)"},
		{"{{printf \"%v %v\" .Names .None}} {{printf \"100%%\"}}",
			"[web web.local] <nil> 100%"},
		{"{{printf \"%x\" \"hi\"}} {{printf \"%#x\" 255}} {{printf \"%08.3f\" 3.14159}}",
			"6869 0xff 0003.142"},
		{"{{printf \"%-4s|%4s|\" \"\u00e9\" \"\u6f22\"}}", "\u00e9   |   \u6f22|"},
		{"{{\"a\\t\\u00e9\\x41\\\\\"}} {{`raw \\n`}} {{'a'}}", "a\t\u00e9A\\ raw \\n 97"},
		{"{{1}} {{-5}} {{0x10}} {{1.5}} {{1e3}} {{true}}", "1 -5 16 1.5 1000 true"});
}

static void test_refusals(void **state)
{
	static const struct {
		const char *source, *story;
	} cases[] = {
		{"{{.ID", "template:1:6: }} is missing"},
		{"ab\n{{.ID}}{{foo}}", "template:2:10: unknown function \"foo\""},
		{"{{}}", "template:1:3: \"}}\" stands where a value should be"},
		{"{{end}}", "template:1:6: {{end}} without a block to end"},
		{"{{else}}", "template:1:7: {{else}} without a block to end"},
		{"{{if .ID}}x", "template:1:3: this block has no {{end}}"},
		{"{{if .ID}}a{{else}}b{{else}}c{{end}}",
			"template:1:27: \"}}\" stands where {{end}} should be"},
		{"{{break}}", "template:1:3: break outside of range"},
		{"{{$y}}", "template:1:3: the variable $y is not declared"},
		{"{{$y = 1}}", "template:1:3: the variable $y is not declared"},
		{"{{if true}}{{$z := 1}}{{end}}{{$z}}",
			"template:1:32: the variable $z is not declared"},
		{"{{range $i, $n := .Names}}{{else}}{{$i}}{{end}}",
			"template:1:37: the variable $i is not declared"},
		{"{{\"open}}", "template:1:3: the quoted text has no end"},
		{"{{/* open}}", "template:1:3: the comment has no end"},
		{"{{/* a */ .ID}}", "template:1:3: a comment must be alone between {{ and }}"},
		{"{{(.ID}}", "template:1:7: \"}}\" stands where \")\" should be"},
		{"{{.ID)}}", "template:1:6: \")\" stands where }} should be"},
		{"{{.ID | }}", "template:1:9: \"}}\" stands where a value should be"},
		{"{{.ID .Image}}", "template:1:3: only a function takes arguments; two values "
				   "stand side by side"},
		{"{{.ID \"x\"}}", "template:1:3: a text takes no argument"},
		{"{{1 | .ID}}", "template:1:7: only a function takes arguments; a value stands "
				"behind \"|\""},
		{"{{len}}", "template:1:3: len: 0 arguments are too few"},
		{"{{len 1 2}}", "template:1:3: len: 2 arguments are too many"},
		{"{{len .Pid}}", "template:1:3: a number has no length"},
		{"{{@}}", "template:1:3: this character means nothing here"},
		{"{{'ab'}}", "template:1:3: a text belongs between \"double quotes\""},
		{"{{\"\\q\"}}", "template:1:4: this escape is not known"},
		{"{{1x}}", "template:1:3: \"1x\" is not a number"},
		{"{{nil}}", "template:1:3: nil is not a command"},
		{"{{define \"x\"}}{{end}}", "template:1:3: define is not supported in a format"},
		{"{{.Nmaes}}", "template:1:4: there is no field .Nmaes"},
		{"{{.ID.Foo}}", "template:1:7: a text has no field .Foo"},
		{"{{index .Names 5}}", "template:1:3: index 5 of 2 is out of range"},
		{"{{index .Names \"x\"}}", "template:1:3: the index of a list is a number"},
		{"{{index .Labels 5}}", "template:1:3: the index of a map is a text"},
		{"{{slice .ID 4 2}}", "template:1:3: the slice is out of range: there are 12"},
		{"{{eq .ID 5}}", "template:1:3: a text cannot be compared with a number"},
		{"{{lt .Running true}}", "template:1:3: a boolean has no order"},
		{"{{range .ID}}x{{end}}", "template:1:10: range over a text"},
		{"{{upper .Pid}}", "template:1:3: a text is needed, not a number"},
		{"{{pad \"a\" 99999 1}}", "template:1:3: the number is too large"},
		{"{{split .ID \"\"}}", "template:1:3: split needs something to split at"},
		{"{{range 999999}}{{range 999999}}{{end}}{{end}}",
			"template:1:19: this prints too much"},
	};
	autofini(sample_fini) struct sample sample = {};
	const struct json_value *data = sample_read(&sample, document);
	for (size_t i = 0; i < array_length(cases); i++) {
		autofini(arena_fini) struct arena arena = {};
		autofini(text_fini) struct text out = {};
		const struct template *template;
		error_clear();
		int r = template_parse(&arena, cases[i].source, &template);
		if (r >= 0)
			r = template_print(template, data, &out);
		if (r != -EINVAL || !text_equal(error_text(), cases[i].story))
			fail_msg("%s: %d %s", cases[i].source, r, error_text());
	}
}

static void test_nearest_field(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text out = {};
	autofini(sample_fini) struct sample sample = {};
	const struct json_value *data = sample_read(&sample, document);
	const struct template *template;
	assert_int_equal(template_parse(&arena, "{{.Nmaes}}", &template), 0);
	assert_int_equal(template_print(template, data, &out), -EINVAL);
	assert_string_equal(error_hint(), "did you mean .Names?");
}

/* A source as deep as it likes must not use up our stack. */
static void test_depth(void **state)
{
	static const char *const pieces[] = {"{{if .}}", "{{range .}}", "("};
	for (size_t p = 0; p < array_length(pieces); p++) {
		autofini(arena_fini) struct arena arena = {};
		autofini(text_fini) struct text source = {};
		text_add(&source, pieces[p][0] == '(' ? "{{" : "");
		for (int i = 0; i < 100000; i++)
			text_add(&source, pieces[p]);
		const struct template *template;
		assert_int_equal(template_parse(&arena, text_get(&source), &template), -EINVAL);
		assert_non_null(strstr(error_text(), "nested too deeply"));
	}
}

static void test_heading(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text out = {};
	autofini(sample_fini) struct sample sample = {};
	const struct json_value *headings = sample_read(&sample, "{\"ID\":\"CONTAINER ID\"}");
	const struct template *template;
	static const char source[] =
		"{{truncate .ID 3}}\t{{.RunningFor}}\t{{json .State.Status}}"
		"\t{{range .Mounts}}{{.}}{{end}}\t{{.Label \"com.x.my-role\"}}";
	assert_int_equal(template_parse(&arena, source, &template), 0);
	assert_int_equal(template_print_heading(template, headings, &out), 0);
	assert_string_equal(text_get(&out), "CONTAINER ID\tRUNNING FOR\tSTATUS\t\tmy role");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_trimming_and_comments),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_looking_inside),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_docker_functions),
		cmocka_unit_test(test_printing),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nearest_field),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_heading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
