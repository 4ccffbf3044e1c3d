// SPDX-License-Identifier: Apache-2.0

/* What rung-door decides by, without any door: rules, memory, profiles learned, words for people.
 */

#include "ask.h"
#include "engine/sandbox/memory.h"
#include "report.h"
#include "rules.h"
#include "unit.h"

#include "base/error.h"
#include "base/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* "allow read=/a", "deny net=*.example.org" */
static void add(struct permissions *list, const char *words, struct arena *arena)
{
	static const struct permission_place nowhere = {};
	struct permission permission;
	enum permission_answer answer = PERMISSION_ALLOW;
	while (!text_starts(words, permission_answer_names[answer]))
		answer++;
	const char *word = words + strlen(permission_answer_names[answer]) + 1;
	assert_int_equal(permission_parse(word, answer, &nowhere, arena, &permission), 0);
	permissions_add(list, &permission, arena);
}

static int answer_of(
	const char *const *rules, enum permission_kind kind, const char *value, uint16_t port)
{
	autofini(arena_fini) struct arena arena = {};
	struct permissions list = {};
	for (; *rules; rules++)
		add(&list, *rules, &arena);
	const struct question question = {.kind = kind, .value = value, .port = port};
	return rules_answer(&list, "/home/u", &question, NULL);
}
#define rules(...) ((const char *const[]){__VA_ARGS__, NULL})

static void files(void **state)
{
	const char *const *list = rules("allow read=/home/u", "deny read=/home/u/.ssh",
		"allow write=/home/u/work", "ask read=/srv");
	(void)state;
	assert_int_equal(answer_of(list, PERMISSION_READ, "/home/u/a", 0), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_READ, "/home/u", 0), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_READ, "/home/ua", 0), RULES_SILENT);
	assert_int_equal(answer_of(list, PERMISSION_READ, "/home/u/.ssh/id", 0), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_READ, "/home/u/.sshd", 0), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_WRITE, "/home/u/a", 0), RULES_SILENT);
	assert_int_equal(answer_of(list, PERMISSION_WRITE, "/home/u/work/a", 0), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_WRITE, "/home/u/.ssh/id", 0), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_EXEC, "/home/u/a", 0), RULES_SILENT);
	assert_int_equal(answer_of(list, PERMISSION_READ, "/srv/a", 0), PERMISSION_ASK);
	assert_int_equal(answer_of(list, PERMISSION_WRITE, "/srv/a", 0), PERMISSION_ASK);
	assert_int_equal(answer_of(list, PERMISSION_DEVICE, "/dev/null", 0), RULES_SILENT);
	list = rules("deny write=/a", "allow read=/a", "allow read=/a/b", "deny read=/a/b");
	assert_int_equal(answer_of(list, PERMISSION_READ, "/a/x", 0), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_WRITE, "/a/x", 0), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_READ, "/a/b/c", 0), PERMISSION_DENY);
	list = rules("allow home:ro", "deny exec=/home/u");
	assert_int_equal(answer_of(list, PERMISSION_READ, "/home/u/x", 0), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_WRITE, "/home/u/x", 0), RULES_SILENT);
	assert_int_equal(answer_of(list, PERMISSION_EXEC, "/home/u/x", 0), PERMISSION_DENY);
}

static void hosts(void **state)
{
	const char *const *list = rules("deny net", "allow net=*.example.org",
		"deny net=bad.example.org", "allow net=example.net:443", "allow net=10.0.0.0/8",
		"deny net=10.1.0.0/16", "allow net=2001:db8::/32");
	(void)state;
	assert_int_equal(answer_of(list, PERMISSION_NET, "www.example.org", 80), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_NET, "bad.example.org", 80), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_NET, "example.org", 80), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_NET, "notexample.org", 80), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_NET, "example.net", 443), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_NET, "example.net", 80), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_NET, "10.2.3.4", 80), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_NET, "10.1.3.4", 80), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_NET, "11.2.3.4", 80), PERMISSION_DENY);
	assert_int_equal(answer_of(list, PERMISSION_NET, "2001:db8::1", 80), PERMISSION_ALLOW);
	assert_int_equal(answer_of(list, PERMISSION_NET, "2001:db9::1", 80), PERMISSION_DENY);
	assert_int_equal(
		answer_of(rules("allow audio"), PERMISSION_AUDIO, NULL, 0), PERMISSION_ALLOW);
	assert_int_equal(answer_of(rules("allow audio"), PERMISSION_CAMERA, NULL, 0), RULES_SILENT);
	assert_int_equal(
		answer_of(rules("allow dbus=a.b"), PERMISSION_DBUS, "a.c", 0), RULES_SILENT);
}

static void memory_files(void **state)
{
	char directory[] = "/tmp/rung-test-memory-XXXXXX";
	autofini(arena_fini) struct arena arena = {};
	struct memory memory, *all;
	struct permissions answers = {};
	const char *file;
	size_t count;
	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(setenv("XDG_CONFIG_HOME", directory, 1), 0);
	assert_int_equal(memory_file_of("/usr/bin/a:b%/vim", &arena, &file), 0);
	assert_true(text_ends(file, "/rung/permissions/usr:bin:a%3Ab%25:vim"));
	assert_int_equal(memory_file_of("vim", &arena, &file), -EINVAL);
	assert_int_equal(memory_file_of("/usr/bin/vim", &arena, &file), 0);
	assert_int_equal(memory_read(file, &arena, &memory), 0);
	assert_int_equal(memory.answers.count, 0);
	add(&answers, "allow read=/a b/c#d", &arena);
	add(&answers, "deny net=[::1]:80", &arena);
	add(&answers, "deny read=/a b/c#d", &arena);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(memory_add(file, "/usr/bin/vim", &answers.items[i]), 0);
	assert_int_equal(memory_read(file, &arena, &memory), 0);
	assert_string_equal(memory.program, "/usr/bin/vim");
	assert_int_equal(memory.answers.count, 2); /* the later answer replaced the first */
	assert_int_equal(memory.answers.items[1].answer, PERMISSION_DENY);
	assert_string_equal(memory.answers.items[1].value, "/a b/c#d");
	answers.items[0].value = "/a\nallow home";
	assert_int_equal(memory_add(file, "/usr/bin/vim", &answers.items[0]), -EINVAL);
	assert_int_equal(memory_list(&arena, &all, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(memory_forget(file, "net=[::1]:80"), 1);
	assert_int_equal(memory_forget(file, "net=[::1]:80"), 0);
	assert_int_equal(memory_forget(file, NULL), 1);
	assert_int_equal(memory_forget(file, NULL), 0);
	assert_int_equal(memory_parse("perhaps read=/a\n", "file", &arena, &memory), -EINVAL);
	assert_string_equal(
		error_text(), "file:1: \"perhaps read=/a\" is none of program, allow and deny");
	assert_int_equal(memory_parse("allow read=a\n", "file", &arena, &memory), -EINVAL);
	assert_int_equal(memory_parse("program vim\n", "file", &arena, &memory), -EINVAL);
	(void)!system(arena_format(&arena, "rm -r %s", directory));
}

static const char *learn(const char *const *words, struct arena *arena)
{
	autofini(text_fini) struct text out = {};
	struct permissions list = {};
	struct policy_note notes[32] = {};
	for (; *words; words++)
		add(&list, *words, arena);
	for (size_t i = 0; i < list.count; i++)
		notes[i].permission = list.items[i];
	report_profile(notes, list.count, "/usr/bin/x", "/home/u", &out);
	return strstr(arena_strdup(arena, text_get(&out)), "program x\n") + strlen("program x\n");
}

static void profiles(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	(void)state;
	assert_string_equal(learn(rules("allow read=/home/u/d/a", "allow write=/home/u/d/a",
					  "deny read=/home/u/no", "allow net=example.org:443"),
				    &arena),
		"allow write=/home/u/d/a\nallow net=example.org:443\n");
	assert_string_equal(learn(rules("allow read=/home/u/d/a", "allow read=/home/u/d/b",
					  "allow read=/home/u/d/c", "allow read=/home/u/d/d"),
				    &arena),
		"allow read=/home/u/d\n");
	/* Never all of the home directory, however many of its files were read. */
	assert_string_equal(learn(rules("allow read=/home/u/a", "allow read=/home/u/b",
					  "allow read=/home/u/c", "allow read=/home/u/d e"),
				    &arena),
		"allow read=/home/u/a\nallow read=/home/u/b\nallow read=/home/u/c\n"
		"allow read=/home/u/d\\ e\n");
}

static void plain_words(void **state)
{
	autofini(text_fini) struct text out = {};
	(void)state;
	ask_plain("gr\xc3\xbc\xc3\x9f\x1b[2J\n\x80\xe2\x80\xae|\xe2\x81\xa6|\xc2\x9b|\x7f", &out);
	assert_string_equal(text_get(&out), "gr\xc3\xbc\xc3\x9f\\x1b[2J\\x0a\\x80\\xe2\\x80\\xae|"
					    "\\xe2\\x81\\xa6|\\xc2\\x9b|\\x7f");
}

static void wider_trees(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	const struct ask_item item = {
		.question = {.kind = PERMISSION_READ, .value = "/home/u/a/b", .top = "/home/u"}};
	(void)state;
	assert_string_equal(ask_wider(&item, "/home/u/a/b", &arena), "/home/u/a");
	assert_string_equal(ask_wider(&item, "/home/u/a", &arena), "/home/u");
	assert_string_equal(ask_wider(&item, "/home/u", &arena), "/home/u");
	const struct ask_item alone = {.question = {.kind = PERMISSION_NET, .value = "a.org"}};
	assert_string_equal(ask_wider(&alone, "a.org", &arena), "a.org");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(hosts),
		cmocka_unit_test(memory_files),
		cmocka_unit_test(profiles),
		cmocka_unit_test(plain_words),
		cmocka_unit_test(wider_trees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
