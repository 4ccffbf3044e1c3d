// SPDX-License-Identifier: Apache-2.0

/* The parser against a verb in a noun with an option of every kind. */

#include "base/error.h"
#include "cli/parse.h"
#include "cli/suggest.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>

struct limit_options {
	int64_t cpus_billionths, memory_bytes;
};

static const struct option limit_options[] = {
	{"--cpus=NUMBER", "cpus", decimal_in(limit_options, cpus_billionths)},
	{"--memory=SIZE", "memory", limit_in(limit_options, memory_bytes)},
	{},
};

struct run_options {
	bool interactive, tty, remove;
	const char *name, *pull, *restart;
	struct option_list volumes;
	struct option_pairs environment;
	uint64_t shm_bytes;
	int priority;
	uint16_t port;
	int64_t timeout_ns;
	enum { TONE_PLAIN, TONE_POLITE, TONE_RUDE } tone;
	struct limit_options limits;
};

static const struct option run_options[] = {
	{"-i, --interactive", "", flag_in(run_options, interactive)},
	{"-t, --tty", "", flag_in(run_options, tty)},
	{"--rm", "", flag_in(run_options, remove), .conflicts = "--restart --pull"},
	{"--name, --call=NAME", "", text_in(run_options, name)},
	{"--pull[=POLICY]", "", text_in(run_options, pull)},
	{"--restart=POLICY", "", text_in(run_options, restart)},
	{"-v, --volume=DIR", "", list_in(run_options, volumes)},
	{"-e, --env=NAME[=VALUE]", "", pairs_in(run_options, environment)},
	{"--shm-size=SIZE", "", size_in(run_options, shm_bytes)},
	{"-p, --priority=NUMBER", "", integer_in(run_options, priority)},
	{"--port=NUMBER", "", integer_in(run_options, port)},
	{"--timeout=TIME", "", duration_in(run_options, timeout_ns)},
	{"--tone=plain|polite|rude", "", choice_in(run_options, tone)},
	{},
};

static int nothing(struct invocation *invocation)
{
	return 0;
}

static const struct verb verb_run = {
	.name = "run",
	.aliases = "start,go",
	.arguments = "IMAGE [COMMAND [ARGUMENT...]]",
	.command = true,
	verb_options(run_options, shared_options("Limits", limit_options, run_options, limits)),
	.defaults = &(const struct run_options){.name = "nobody", .limits.memory_bytes = 7},
	.run = nothing,
};

static const struct verb verb_remove = {.name = "remove", .arguments = "NAME...", .run = nothing};
static const struct verb verb_copy = {.name = "copy", .arguments = "FROM TO", .run = nothing};

struct noun_options {
	bool debug, tty;
	const char *root;
};

static const struct option noun_options[] = {
	{"--debug", "", flag_in(noun_options, debug)},
	{"--root=DIR", "", text_in(noun_options, root)},
	{"-t, --tty", "", flag_in(noun_options, tty)},
	{},
};

static const struct verb_entry noun_verbs[] = {
	{.heading = "All"},
	{.verb = &verb_run},
	{.verb = &verb_remove},
	{.verb = &verb_remove, .as = "rmi"},
	{.verb = &verb_copy},
	{},
};

static const struct verb noun = {
	.name = "noun",
	.failure_status = 9,
	verb_options(noun_options),
	.verbs = noun_verbs,
};

/* One command line, read. */
struct reading {
	struct arena arena;
	char *words[64];
	struct invocation *invocation;
	int r;
};

static void reading_fini(struct reading *reading)
{
	arena_fini(&reading->arena);
}

/* Words are separated by one blank; two blanks make an empty word. */
static void read_line(struct reading *reading, const char *line)
{
	*reading = (struct reading){};
	error_clear();
	size_t count = 0;
	for (char *at = arena_strdup(&reading->arena, line); at && count < 64;)
		reading->words[count++] = strsep(&at, " ");

	struct words words = {reading->words, reading->words + count};
	struct invocation *outer = invocation_new(&reading->arena, &noun, NULL, "noun");
	reading->invocation = outer;
	reading->r = parse_words(outer, &words);
	if (reading->r != PARSE_INNER)
		return;
	const struct verb *verb = verb_find(&noun, *words.next++);
	assert_non_null(verb);
	reading->invocation = invocation_new(&reading->arena, verb, outer, "noun inner");
	reading->r = parse_words(reading->invocation, &words);
	if (reading->r == PARSE_DONE)
		reading->r = parse_check(reading->invocation);
}

#define line_is_read(line) \
	autofini(reading_fini) struct reading reading; \
	read_line(&reading, line); \
	assert_string_equal(error_text(), ""); \
	assert_int_equal(reading.r, PARSE_DONE)

static void refused(const char *line, const char *story, const char *advice)
{
	autofini(reading_fini) struct reading reading;
	read_line(&reading, line);
	assert_int_equal(reading.r, -EINVAL);
	assert_string_equal(error_text(), story);
	if (!strstr(error_hint(), advice))
		assert_string_equal(error_hint(), advice);
}

static void test_every_kind(void **state)
{
	line_is_read(
		"run -it --name=web -v /a --volume /b -e A=1 --env B -eC==x --shm-size 1g "
		"--priority=-5 --port 65535 --timeout 1m30s --tone rude --cpus 1.5 --memory=-1 "
		"debian sh -c -x");
	const struct run_options *o = options_of(reading.invocation, run_options);
	assert_true(o->interactive && o->tty && !o->remove);
	assert_string_equal(o->name, "web");
	assert_int_equal(o->volumes.count, 2);
	assert_string_equal(o->volumes.words[0], "/a");
	assert_string_equal(o->volumes.words[1], "/b");
	assert_int_equal(o->environment.count, 3);
	assert_string_equal(o->environment.pairs[0].name, "A");
	assert_string_equal(o->environment.pairs[0].value, "1");
	assert_string_equal(o->environment.pairs[1].name, "B");
	assert_null(o->environment.pairs[1].value);
	assert_string_equal(o->environment.pairs[2].value, "=x");
	assert_int_equal(o->shm_bytes, 1 << 30);
	assert_int_equal(o->priority, -5);
	assert_int_equal(o->port, 65535);
	assert_int_equal(o->timeout_ns, 90000000000);
	assert_int_equal(o->tone, TONE_RUDE);
	assert_int_equal(o->limits.cpus_billionths, 1500000000);
	assert_int_equal(o->limits.memory_bytes, -1);

	assert_int_equal(reading.invocation->argument_count, 4);
	assert_string_equal(reading.invocation->arguments[0], "debian");
	assert_string_equal(reading.invocation->arguments[3], "-x");
	assert_null(reading.invocation->arguments[4]);
	assert_int_equal(reading.invocation->failure_status, 9);
}

static void test_defaults_and_given(void **state)
{
	line_is_read("run --tty=false --port=0 debian");
	const struct run_options *o = options_of(reading.invocation, run_options);
	assert_string_equal(o->name, "nobody");
	assert_int_equal(o->limits.memory_bytes, 7);
	assert_null(o->pull);
	assert_false(o->tty);
	assert_true(option_given(reading.invocation, &o->tty));
	assert_true(option_given(reading.invocation, &o->port));
	assert_false(option_given(reading.invocation, &o->name));
	assert_false(option_given(reading.invocation, &o->limits.memory_bytes));
}

static void test_values_of_letters(void **state)
{
	line_is_read("run -p7 -v=/x -ie=A=1 debian");
	const struct run_options *o = options_of(reading.invocation, run_options);
	assert_int_equal(o->priority, 7);
	assert_string_equal(o->volumes.words[0], "/x");
	assert_true(o->interactive);
	assert_string_equal(o->environment.pairs[0].name, "A");
}

static void test_optional_value(void **state)
{
	line_is_read("run --pull debian --pull=x");
	const struct run_options *o = options_of(reading.invocation, run_options);
	assert_string_equal(o->pull, "");
	assert_string_equal(reading.invocation->arguments[1], "--pull=x");
}

static void test_options_end(void **state)
{
	line_is_read("run -- -i");
	const struct run_options *o = options_of(reading.invocation, run_options);
	assert_false(o->interactive);
	assert_string_equal(reading.invocation->arguments[0], "-i");
}

static void test_options_between_arguments(void **state)
{
	line_is_read("remove a --debug - --root=/x -- --b");
	const struct noun_options *o = options_of(reading.invocation->outer, noun_options);
	assert_true(o->debug);
	assert_string_equal(o->root, "/x");
	assert_int_equal(reading.invocation->argument_count, 3);
	assert_string_equal(reading.invocation->arguments[1], "-");
	assert_string_equal(reading.invocation->arguments[2], "--b");
}

static void test_noun_before_and_behind(void **state)
{
	line_is_read("--root /r -t go --debug -t image --debug");
	const struct noun_options *outer = options_of(reading.invocation->outer, noun_options);
	const struct run_options *inner = options_of(reading.invocation, run_options);
	assert_ptr_equal(reading.invocation->verb, &verb_run);
	assert_string_equal(outer->root, "/r");
	assert_true(outer->debug && outer->tty);
	assert_true(inner->tty);
	assert_int_equal(reading.invocation->argument_count, 2);
}

static void test_help_anywhere(void **state)
{
	static const char *const lines[] = {
		"--help", "-h", "run --help", "run -ih", "run -e A --help"};
	for (size_t i = 0; i < array_length(lines); i++) {
		autofini(reading_fini) struct reading reading;
		read_line(&reading, lines[i]);
		assert_int_equal(reading.r, PARSE_HELP);
	}
	line_is_read("run debian --help");
}

static void test_refusals(void **state)
{
	refused("run --nmae=x d", "unknown option --nmae", "did you mean --name?");
	refused("run --nam x d", "unknown option --nam", "did you mean --name?");
	refused("run --xyzzy d", "unknown option --xyzzy", "run 'noun inner --help'");
	refused("run --tty2 d", "unknown option --tty2", "did you mean --tty?");
	refused("run -iz d", "unknown option -z in -iz", "--help");
	refused("run -z d", "unknown option -z", "--help");
	refused("run --name", "option --name needs a value: --name=NAME", "--help");
	refused("run -v", "option -v needs a value: -v=DIR", "--help");
	refused("run --tty=maybe d", "--tty: \"maybe\" is not true or false", "on by its name");
	refused("run -e =1 d", "-e: \"=1\" is not NAME=VALUE", "empty");
	refused("run -e  d", "-e: \"\" is not NAME=VALUE", "empty");
	refused("run --shm-size 1x d", "--shm-size: \"1x\" is not a size", "512m");
	refused("run --shm-size -1 d", "--shm-size: \"-1\" is not a size", "512m");
	refused("run --memory -2 d", "--memory: \"-2\" is not a size", "-1");
	refused("run --memory 9000000t d", "--memory: \"9000000t\" is not a size", "-1");
	refused("run --port 65536 d", "--port: 65536 is too large or too small", "");
	refused("run --port -1 d", "--port: \"-1\" is not a whole number", "");
	refused("run -p 2147483648 d", "-p: 2147483648 is too large or too small", "");
	refused("run -p 5x d", "-p: \"5x\" is not a whole number", "");
	refused("run --timeout 5x d", "--timeout: \"5x\" is not a duration", "1m30s");
	refused("run --cpus 1,5 d", "--cpus: \"1,5\" is not a number", "0.5");
	refused("run --tone=Rude d", "--tone: \"Rude\" is none of its words",
		"plain, polite, rude");
	refused("run --tone= d", "--tone: \"\" is none of its words", "one of");
	refused("run --rm --restart=no d", "--rm and --restart cannot be given together", "usage:");
	refused("run --rm --pull d", "--rm and --pull cannot be given together", "usage:");
	refused("run", "IMAGE is missing", "usage: noun inner [OPTION...] IMAGE [COMMAND");
	refused("remove", "NAME is missing", "usage: noun inner NAME...");
	refused("copy a", "TO is missing", "usage:");
	refused("copy a b c", "unexpected argument \"c\"", "usage:");
	refused("run --=x d", "unknown option --", "--help");
}

static void test_alias_is_understood(void **state)
{
	line_is_read("run --call me d");
	const struct run_options *o = options_of(reading.invocation, run_options);
	assert_string_equal(o->name, "me");
	assert_ptr_equal(verb_find(&noun, "rmi"), &verb_remove);
	assert_ptr_equal(verb_find(&noun, "start"), &verb_run);
	assert_null(verb_find(&noun, "star"));
	assert_null(verb_find(&noun, "start,go"));
	assert_null(verb_find(&noun, ""));
}

static void test_argument_ranges(void **state)
{
	static const struct {
		const char *arguments;
		size_t least, most;
	} cases[] = {
		{"", 0, 0},
		{"NAME", 1, 1},
		{"FROM TO", 2, 2},
		{"[NAME]", 0, 1},
		{"NAME...", 1, SIZE_MAX},
		{"[NAME...]", 0, SIZE_MAX},
		{"IMAGE [COMMAND [ARGUMENT...]]", 1, SIZE_MAX},
		{"A [B] [C]", 1, 3},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		struct argument_range range = argument_range(cases[i].arguments);
		assert_int_equal(range.least, cases[i].least);
		assert_int_equal(range.most, cases[i].most);
	}
}

static unsigned distance(const char *a, const char *b)
{
	return edit_distance(a, strlen(a), b, strlen(b));
}

static void test_distance(void **state)
{
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("name", "name"), 0);
	assert_int_equal(distance("nmae", "name"), 1);
	assert_int_equal(distance("", "name"), 4);
	assert_int_equal(distance("kitten", "sitting"), 3);
	assert_int_equal(distance("pus", "push"), 1);
}

static void test_unknown_verb(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct invocation *invocation = invocation_new(&arena, &noun, NULL, "noun");
	assert_int_equal(verb_unknown(invocation, "remvoe"), -EINVAL);
	assert_string_equal(error_text(), "unknown command \"remvoe\"");
	assert_non_null(strstr(error_hint(), "did you mean 'noun remove'?"));
	assert_int_equal(verb_unknown(invocation, "xyzzy"), -EINVAL);
	assert_string_equal(error_hint(), "run 'noun --help' for all commands");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_defaults_and_given),
		cmocka_unit_test(test_values_of_letters),
		cmocka_unit_test(test_optional_value),
		cmocka_unit_test(test_options_end),
		cmocka_unit_test(test_options_between_arguments),
		cmocka_unit_test(test_noun_before_and_behind),
		cmocka_unit_test(test_help_anywhere),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_alias_is_understood),
		cmocka_unit_test(test_argument_ranges),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_unknown_verb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
