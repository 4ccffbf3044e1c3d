// SPDX-License-Identifier: Apache-2.0

/* Names, challenges, credentials and registries.conf: what each means, and what is refused. */

#include "base/error.h"
#include "base/text.h"
#include "engine/registry/auth.h"
#include "engine/registry/base64.h"
#include "engine/registry/challenge.h"
#include "engine/registry/registries.h"
#include "engine/registry/toml.h"
#include "engine/registry/wire.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_references(void **state)
{
	/* word, full name, as Docker prints it */
	static const char *const known[][3] = {
		{"debian", "docker.io/library/debian:latest", "debian:latest"},
		{"debian:12", "docker.io/library/debian:12", "debian:12"},
		{"joe/app", "docker.io/joe/app:latest", "joe/app:latest"},
		{"docker.io/debian", "docker.io/library/debian:latest", "debian:latest"},
		{"index.docker.io/debian:1", "docker.io/library/debian:1", "debian:1"},
		{"docker.io/library/a", "docker.io/library/a:latest", "a:latest"},
		{"docker://quay.io/a/b:1", "quay.io/a/b:1", "quay.io/a/b:1"},
		{"localhost/a", "localhost/a:latest", "localhost/a:latest"},
		{"localhost:5000/a", "localhost:5000/a:latest", "localhost:5000/a:latest"},
		{"127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest",
			"127.0.0.1:5000/a/b/c:latest"},
		{"[::1]:5000/a:x", "[::1]:5000/a:x", "[::1]:5000/a:x"},
		{"HOST/a", "HOST/a:latest", "HOST/a:latest"},
		{"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"},
		{"a__b.c-d--e:_T.-", "docker.io/library/a__b.c-d--e:_T.-", "a__b.c-d--e:_T.-"},
		{"a@sha256:" HEX64, "docker.io/library/a@sha256:" HEX64, "a@sha256:" HEX64},
		{"a:1@sha256:" HEX64, "docker.io/library/a:1@sha256:" HEX64, "a:1@sha256:" HEX64},
		{"docker.io/localhost/a", "docker.io/localhost/a:latest",
			"docker.io/localhost/a:latest"},
	};
	for (size_t i = 0; i < array_length(known); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct reference reference, again;
		assert_int_equal(reference_parse(known[i][0], &arena, &reference), 0);
		assert_string_equal(reference_name(&reference, &arena), known[i][1]);
		assert_string_equal(reference_familiar(&reference, &arena), known[i][2]);
		/* Both forms mean the same. */
		assert_int_equal(reference_parse(known[i][2], &arena, &again), 0);
		assert_string_equal(reference_name(&again, &arena), known[i][1]);
	}
}

static void test_references_refused(void **state)
{
	static const char *const bad[] = {"", "/", "a/", "/a", "a//b", "A", "a/B", "a:", "a:b:c",
		"a:.x", "a:-x", "a b", "a\n", "a@", "a@sha256", "a@sha256:12", "a@md5:" HEX64,
		"a@sha256:" HEX64 "0", HEX64, "-a", "a-", ".a", "a..b", "a___b", "_a", "a_", "a.-b",
		"../a", "a/../b", "host:port/a", "host:99999/a", "[::1/a", "[]/a", "-h.x/a",
		"h-.x/a", "h..x/a", "a?b", "a%2fb", "a\\b", "\xc3\xa4"};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct reference reference;
		if (reference_parse(bad[i], &arena, &reference) != -EINVAL)
			fail_msg("\"%s\" was taken for a reference", bad[i]);
		assert_true(error_text()[0]);
		error_clear();
	}
	autofini(arena_fini) struct arena arena = {};
	struct reference reference;
	char longest[300] = {};
	memset(longest, 'a', 255 - strlen("docker.io/library/"));
	assert_int_equal(reference_parse(longest, &arena, &reference), 0);
	longest[strlen(longest)] = 'a';
	assert_int_equal(reference_parse(longest, &arena, &reference), -EINVAL);
	error_clear();
}

static void test_challenges(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct challenge challenge = {};
	assert_int_equal(challenge_parse("Basic realm=\"a, b=\\\"c\\\"\"", &arena, &challenge), 0);
	assert_int_equal(challenge.scheme, CHALLENGE_BASIC);
	assert_string_equal(challenge.realm, "a, b=\"c\"");
	assert_int_equal(challenge_parse("Negotiate, bearer Realm=https://x/t , service = \"s\","
					 "scope=\"a:b:c,d\", Basic realm=z",
				 &arena, &challenge),
		0);
	assert_int_equal(challenge.scheme, CHALLENGE_BEARER);
	assert_string_equal(challenge.realm, "https://x/t");
	assert_string_equal(challenge.service, "s");
	assert_string_equal(challenge.scope, "a:b:c,d");
	/* The better one stays; one without a realm is none. */
	assert_int_equal(challenge_parse("Basic realm=y", &arena, &challenge), 0);
	assert_int_equal(challenge.scheme, CHALLENGE_BEARER);
	struct challenge none = {};
	assert_int_equal(challenge_parse("Bearer service=x", &arena, &none), 0);
	assert_int_equal(challenge_parse("", &arena, &none), 0);
	assert_int_equal(none.scheme, CHALLENGE_NONE);
	static const char *const bad[] = {
		"Basic realm=\"x", "=", "Basic realm=", "a;b", "\"x\"", "Basic realm=\"a\nb\""};
	for (size_t i = 0; i < array_length(bad); i++)
		assert_int_equal(challenge_parse(bad[i], &arena, &none), -EINVAL);
}

static void test_base64(void **state)
{
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"joe:\xff\xfe~", "am9lOv/+fg=="}};
	autofini(arena_fini) struct arena arena = {};
	for (size_t i = 0; i < array_length(pairs); i++) {
		assert_string_equal(base64_encode(pairs[i][0], &arena), pairs[i][1]);
		assert_string_equal(base64_decode(pairs[i][1], &arena), pairs[i][0]);
	}
	static const char *const bad[] = {"Z", "Z===", "Zg==x", "Z g=", "AAAAAGEA", "Zg=\n"};
	for (size_t i = 0; i < array_length(bad); i++)
		assert_null(base64_decode(bad[i], &arena));
}

static int read_auth(const char *text, const char *registry, const char *repository,
	struct arena *arena, struct auth *auth)
{
	return auth_read(text, strlen(text), "auth.json", registry, repository, arena, auth);
}

static void test_credentials(void **state)
{
	autofini(arena_fini) struct arena arena = {};
	struct auth auth = {};
	static const char text[] = "{\"auths\":{"
				   "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOmI6Yw==\"},"
				   "\"quay.io\":{\"auth\":\"YTpi\"},"
				   "\"quay.io/team\":{\"username\":\"t\",\"password\":\"u\"},"
				   "\"empty.io\":{},"
				   "\"http://old.io:5000/v2/\":{\"identitytoken\":\"x\"}}}";
	assert_int_equal(read_auth(text, "docker.io", "library/debian", &arena, &auth), 1);
	assert_string_equal(auth.username, "hub");
	assert_string_equal(auth.password, "b:c");
	assert_int_equal(read_auth(text, "quay.io", "other/x", &arena, &auth), 1);
	assert_string_equal(auth.username, "a");
	assert_int_equal(read_auth(text, "quay.io", "team/x", &arena, &auth), 1);
	assert_string_equal(auth.username, "t");
	assert_int_equal(read_auth(text, "quay.io", "teammate/x", &arena, &auth), 1);
	assert_string_equal(auth.username, "a");
	assert_int_equal(read_auth(text, "old.io:5000", NULL, &arena, &auth), 1);
	assert_string_equal(auth.identity_token, "x");
	assert_int_equal(read_auth(text, "empty.io", NULL, &arena, &auth), 0);
	assert_int_equal(read_auth(text, "quay.io.evil", NULL, &arena, &auth), 0);
	assert_int_equal(read_auth("{}", "a", NULL, &arena, &auth), 0);
	assert_int_equal(
		read_auth("{\"auths\":{\"a\":{\"auth\":\"YQ==\"}}}", "a", NULL, &arena, &auth),
		-EINVAL); /* no colon */
	error_clear();
}

static const char *source_of(
	const struct registries *registries, const char *word, size_t number, struct arena *arena)
{
	struct reference reference;
	struct registries_source *sources;
	size_t count;
	assert_int_equal(reference_parse(word, arena, &reference), 0);
	if (registries_sources(registries, &reference, false, arena, &sources, &count) < 0) {
		error_clear();
		return "refused";
	}
	if (number >= count)
		return NULL;
	return arena_format(arena, "%s/%s%s", sources[number].registry, sources[number].repository,
		sources[number].insecure ? " insecure" : "");
}

static void test_registries(void **state)
{
	static const char text[] =
		"# a comment\n"
		"unqualified-search-registries = ['a.io', # one\n \"b\\u002eio\",\n]\n"
		"short-name-mode=\"enforcing\"\n"
		"[[registry]]\nprefix = \"x.io/team\"\nlocation = \"y.io/other/\"\n"
		"[[registry.mirror]]\nlocation = \"m.io\"\ninsecure = true\n"
		"[[registry.mirror]]\nlocation = \"n.io/p\"\npull-from-mirror = \"digest-only\"\n"
		"[[registry]]\nlocation = \"x.io\"\nblocked = true\n"
		"[[registry]]\nprefix = \"*.wild.io\"\nlocation = \"w.io\"\ninsecure = true\n"
		"[unknown.table]\nkey = 3\n"
		"[aliases]\n\"short\" = \"quay.io/long/name\"\ngone = \"\"\n";
	autofini(arena_fini) struct arena arena = {};
	struct registries registries = {};
	assert_int_equal(registries_read(text, "file", &arena, &registries), 0);
	assert_int_equal(registries.search.count, 2);
	assert_string_equal(registries.search.items[1], "b.io");
	assert_string_equal(registries_alias(&registries, "short"), "quay.io/long/name");
	assert_null(registries_alias(&registries, "gone"));
	assert_string_equal(source_of(&registries, "x.io/team/a", 0, &arena), "m.io/a insecure");
	assert_string_equal(source_of(&registries, "x.io/team/a", 1, &arena), "y.io/other/a");
	assert_null(source_of(&registries, "x.io/team/a", 2, &arena));
	assert_string_equal(
		source_of(&registries, "x.io/team/a@sha256:" HEX64, 1, &arena), "n.io/p/a");
	assert_string_equal(source_of(&registries, "x.io/teammate/a", 0, &arena), "refused");
	assert_string_equal(source_of(&registries, "b.wild.io/a", 0, &arena), "w.io/a insecure");
	assert_string_equal(source_of(&registries, "wild.io/a", 0, &arena), "wild.io/a");
	assert_string_equal(
		source_of(&registries, "127.0.0.1:1/a", 0, &arena), "127.0.0.1:1/a insecure");
	assert_string_equal(
		source_of(&registries, "127.0.0.1.evil.io/a", 0, &arena), "127.0.0.1.evil.io/a");
}

static void test_toml_refused(void **state)
{
	/* text, the line that is named */
	static const struct {
		const char *text;
		const char *place;
	} bad[] = {{"a", "f:1"}, {"\n\na = ", "f:3"}, {"a = \"x", "f:1"}, {"a = 'x\n'", "f:1"},
		{"a = 1.5", "f:1"}, {"a = [1]", "f:1"}, {"a = ['x'", "f:1"}, {"a.b = 1", "f:1"},
		{"[a", "f:1"}, {"[[a]", "f:1"}, {"[a] b", "f:1"}, {"a = 1 b = 2", "f:1"},
		{"a = \"\\x\"", "f:1"}, {"a = \"\\ud800\"", "f:1"}, {"a = \"\"\"x\"\"\"", "f:1"},
		{"a = {}", "f:1"}, {"a = 1979-05-27", "f:1"}, {"= 1", "f:1"},
		{"a = \"\xff\"", "f:1"}};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct registries registries = {};
		int r = registries_read(bad[i].text, "f", &arena, &registries);
		if (r != -EINVAL || !strstr(error_text(), bad[i].place))
			fail_msg("%s: %d %s", bad[i].text, r, error_text());
		error_clear();
	}
}

static void test_wire(void **state)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	autofini(text_fini) struct text document = {};
	for (int i = 0; i < 1000; i++)
		text_add(&document, "{\"a\":1}");
	int fds[] = {open("/dev/null", O_RDONLY | O_CLOEXEC), ends[0]};
	assert_int_equal(fetch_wire_send(ends[0], &document, fds, 2), 0);
	struct fetch_wire_frame frame = {};
	assert_int_equal(fetch_wire_receive(ends[1], &frame), 1);
	assert_string_equal(frame.text, text_get(&document));
	assert_int_equal(frame.fd_count, 2);
	assert_true(fcntl(frame.fds[1], F_GETFD) & FD_CLOEXEC);
	fetch_wire_frame_fini(&frame);
	/* What is no frame. */
	assert_int_equal(write(ends[0], "\xff\xff\xff\xff", 4), 4);
	assert_int_equal(fetch_wire_receive(ends[1], &frame), -EPROTO);
	assert_int_equal(write(ends[0], "\x09\0\0\0abc", 7), 7);
	close(ends[0]);
	close(fds[0]);
	assert_int_equal(fetch_wire_receive(ends[1], &frame), -EPROTO);
	assert_int_equal(fetch_wire_receive(ends[1], &frame), 0);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_references_refused),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_registries),
		cmocka_unit_test(test_toml_refused),
		cmocka_unit_test(test_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
