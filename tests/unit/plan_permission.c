// SPDX-License-Identifier: Apache-2.0

/* The words of permissions: what they are read as, written as, and refused for. */

#include "base/error.h"
#include "base/scope.h"
#include "base/text.h"
#include "plan/permission.h"
#include "unit.h"

#include <errno.h>

static const struct permission_place place = {"/home/me", "/work"};

/* Each reads as the kind, and is written again as the second word. */
static void test_words(void **state)
{
	static const struct {
		const char *word, *again;
		enum permission_kind kind;
	} cases[] = {
		{"home", "home", PERMISSION_HOME},
		{"home:ro", "home:ro", PERMISSION_HOME},
		{"read=/usr//share/./x/..", "read=/usr/share", PERMISSION_READ},
		{"read=/..", "read=/", PERMISSION_READ},
		{"write=~", "write=/home/me", PERMISSION_WRITE},
		{"write=~/a=b", "write=/home/me/a=b", PERMISSION_WRITE},
		{"exec=bin", "exec=/work/bin", PERMISSION_EXEC},
		{"exec=../x", "exec=/x", PERMISSION_EXEC},
		{"net", "net", PERMISSION_NET},
		{"net=*", "net", PERMISSION_NET},
		{"net=*:443", "net=*:443", PERMISSION_NET},
		{"net=Example.ORG:80", "net=example.org:80", PERMISSION_NET},
		{"net=*.debian.org", "net=*.debian.org", PERMISSION_NET},
		{"net=10.0.0.0/8:22", "net=10.0.0.0/8:22", PERMISSION_NET},
		{"net=[fe80::1]", "net=fe80::1", PERMISSION_NET},
		{"net=[2001:db8::/32]:443", "net=[2001:db8::/32]:443", PERMISSION_NET},
		{"listen=8080", "listen=8080", PERMISSION_LISTEN},
		{"dbus=org.freedesktop.Notifications", "dbus=org.freedesktop.Notifications",
			PERMISSION_DBUS},
		{"env=EDITOR", "env=EDITOR", PERMISSION_ENV},
		{"device=/dev/kvm", "device=/dev/kvm", PERMISSION_DEVICE},
		{"ssh-agent", "ssh-agent", PERMISSION_SSH_AGENT},
		{"userns", "userns", PERMISSION_USERNS},
	};
	struct arena arena = {};
	for (size_t i = 0; i < array_length(cases); i++) {
		struct permission got = {};
		assert_int_equal(
			permission_parse(cases[i].word, PERMISSION_ASK, &place, &arena, &got), 0);
		assert_int_equal(got.kind, cases[i].kind);
		assert_int_equal(got.answer, PERMISSION_ASK);
		const char *again = permission_word(&got, &arena);
		assert_string_equal(again, cases[i].again);
		struct permission twice = {};
		assert_int_equal(
			permission_parse(again, PERMISSION_ASK, &place, &arena, &twice), 0);
		assert_string_equal(permission_word(&twice, &arena), again);
	}
	arena_fini(&arena);
}

static void test_wrong_words(void **state)
{
	static const char *const words[] = {"", "homes", "home:rw", "home=/x", "read",
		"read=", "net=", "net=a b", "net=[::1", "net=x:0", "net=x:65536", "net=x:http",
		"listen", "listen=", "listen=0", "listen=x", "audio=1", "dbus", "dbus=", "dbus=a b",
		"env=A=B", "=", "read:ro=/x", "device"};
	static const struct permission_place nowhere = {};
	struct arena arena = {};
	struct permission got = {.value = "untouched"};
	for (size_t i = 0; i < array_length(words); i++) {
		assert_int_equal(permission_parse(words[i], PERMISSION_ALLOW, &place, &arena, &got),
			-EINVAL);
		assert_string_not_equal(error_text(), "");
		error_clear();
	}
	assert_int_equal(
		permission_parse("read=~/x", PERMISSION_ALLOW, &nowhere, &arena, &got), -EINVAL);
	assert_int_equal(
		permission_parse("read=x", PERMISSION_ALLOW, &nowhere, &arena, &got), -EINVAL);
	assert_string_equal(got.value, "untouched");
	error_clear();
	arena_fini(&arena);
}

static void test_lists(void **state)
{
	struct arena arena = {};
	struct permissions list = {};
	for (unsigned i = 0; i < 100; i++) {
		struct permission one = {};
		const char *word = arena_format(&arena, "read=/p/%u", i % 50);
		enum permission_answer answer = i < 50 ? PERMISSION_ALLOW : PERMISSION_DENY;
		assert_int_equal(permission_parse(word, answer, &place, &arena, &one), 0);
		permissions_add(&list, &one, &arena);
	}
	assert_int_equal(list.count, 100);
	const struct permission *found = permissions_find(&list, PERMISSION_READ, "/p/7");
	assert_ptr_equal(found, &list.items[57]); /* the later one */
	assert_null(permissions_find(&list, PERMISSION_WRITE, "/p/7"));
	assert_null(permissions_find(&list, PERMISSION_READ, NULL));
	assert_false(permissions_allow(&list, PERMISSION_NET));
	struct permission net = {.kind = PERMISSION_NET};
	permissions_add(&list, &net, &arena);
	assert_true(permissions_allow(&list, PERMISSION_NET));
	net.answer = PERMISSION_DENY;
	permissions_add(&list, &net, &arena);
	assert_false(permissions_allow(&list, PERMISSION_NET));
	arena_fini(&arena);
}

static void test_below(void **state)
{
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("/a", "/a"));
	assert_true(path_is_below("/a", "/"));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("/", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_below),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
