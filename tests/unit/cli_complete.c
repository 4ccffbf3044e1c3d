// SPDX-License-Identifier: Apache-2.0

/* What is offered for a half-typed line: "words of the line, the last one unfinished". */

#include "base/error.h"
#include "cli/complete.h"
#include "cli/parse.h"
#include "unit.h"

struct run_options {
	bool interactive, remove, secret;
	const char *name, *directory, *pull;
	enum { FORMAT_TEXT, FORMAT_JSON } format;
};

static const struct option run_options[] = {
	{"-i, --interactive", "keep input open", flag_in(run_options, interactive)},
	{"--rm", "remove it", flag_in(run_options, remove)},
	{"-n, --name, --call=CONTAINER", "its name", text_in(run_options, name)},
	{"--directory=DIR[:ro]", "where", text_in(run_options, directory)},
	{"--pull[=always|never]", "when", text_in(run_options, pull)},
	{"--format=text|json", "how", choice_in(run_options, format)},
	{"--secret", "not shown", flag_in(run_options, secret), .hidden = true},
	{},
};

struct noun_options {
	const char *root;
};

static const struct option noun_options[] = {
	{"--root=DIR", "state", text_in(noun_options, root)},
	{},
};

static int nothing(struct invocation *invocation)
{
	return 0;
}

/* Offers containers that say which --root was typed. */
static void list_containers(const struct invocation *invocation, struct completions *completions)
{
	const struct noun_options *options =
		options_of(invocation_program(invocation), noun_options);
	completion_add(completions, "web", options->root);
	completion_add(completions, "wide", NULL);
}

static const struct completer completers[] = {{"CONTAINER", list_containers}, {}};

static const struct verb verb_run = {
	.name = "run",
	.summary = "run it",
	.arguments = "CONTAINER [COMMAND [ARGUMENT...]]",
	.command = true,
	verb_options(run_options),
	.run = nothing,
};
static const struct verb verb_kill = {
	.name = "kill", .summary = "kill it", .arguments = "CONTAINER [SIGNAL]", .run = nothing};
static const struct verb verb_remove = {
	.name = "remove", .summary = "remove", .arguments = "CONTAINER...", .run = nothing};
static const struct verb verb_secret = {
	.name = "secret", .summary = "hidden", .hidden = true, .run = nothing};

static const struct verb_entry verbs[] = {{.heading = "All"}, {.verb = &verb_run},
	{.verb = &verb_kill}, {.verb = &verb_remove}, {.verb = &verb_remove, .as = "rmi"},
	{.verb = &verb_secret}, {}};

static const struct verb noun = {
	.name = "noun",
	.summary = "all",
	verb_options(noun_options),
	.verbs = verbs,
	.completers = completers,
};

/* Words are separated by one blank; a blank at the end begins an empty word. */
static void offers(const char *line, const char *expected)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text out = {};
	const char *words[32] = {};
	size_t count = 0;
	for (char *at = arena_strdup(&arena, line); at && count < 31;)
		words[count++] = strsep(&at, " ");
	complete_write(invocation_new(&arena, &noun, NULL, "noun"), words, &out);
	if (!text_equal(text_get(&out), expected))
		fail_msg("\"%s\" offers\n%snot\n%s", line, text_get(&out), expected);
	assert_string_equal(error_text(), "");
}

static void test_verbs(void **state)
{
	offers("", "run\trun it\nkill\tkill it\nremove\tremove\nrmi\tremove\n");
	offers("r", "run\trun it\nremove\tremove\nrmi\tremove\n");
	offers("--root /x k", "kill\tkill it\n");
	offers("xyzzy ", "");
}

static void test_options(void **state)
{
	offers("--", "--root\tstate\n--help\tshow how it is used\n");
	offers("run --r", "--rm\tremove it\n--root\tstate\n");
	offers("run --n", "--name\tits name\n");
	offers("run -- --n", "");
	offers("run web --n", ":commands\n");
	offers("kill web --ro", "--root\tstate\n");
	offers("run --sec", "");
}

static void test_values(void **state)
{
	offers("run --format ", "text\njson\n");
	offers("run --format=j", "--format=json\n");
	offers("run --pull=", "--pull=always\n--pull=never\n");
	offers("run --pull w", "web\nwide\n");
	offers("run --rm=", "--rm=true\n--rm=false\n");
	offers("run --directory ", ":directories\n");
	offers("run --directory=/x", ":directories\n");
	offers("run -n w", "web\nwide\n");
	offers("run -in w", "web\nwide\n");
	offers("run -nx w", "web\nwide\n");
	offers("run --call=we", "--call=web\n");
	offers("run --format=x --format=", "--format=text\n--format=json\n");
	offers("run --xyzzy=", "");
	offers("--root /x run --name we", "web\t/x\n");
	offers("--root=/y run --name=we", "--name=web\t/y\n");
}

static void test_arguments(void **state)
{
	offers("run ", "web\nwide\n");
	offers("run --rm wi", "wide\n");
	offers("run web ", ":commands\n");
	offers("run web ls ", ":files\n");
	offers("run web ls a ", ":files\n");
	offers("kill web T", "TERM\nTSTP\n");
	offers("kill web TERM ", "");
	offers("remove a b w", "web\nwide\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
