// SPDX-License-Identifier: Apache-2.0

/* SHA-256: the standard's examples, every length around a block, and what a digest looks like. */

#include "unit.h"

#include "base/scope.h"
#include "base/sha256.h"
#include "base/text.h"

static void examples_of_the_standard(void **state)
{
	static const struct {
		const char *text, *digest;
	} cases[] = {
		{"", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"sha256:"
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqk"
		 "l"
		 "mnopqrlmnopqrsmnopqrstnopqrstu",
			"sha256:"
			"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		char digest[DIGEST_SIZE];
		digest_of(cases[i].text, strlen(cases[i].text), digest);
		assert_string_equal(digest, cases[i].digest);
	}
}

static void a_million_letters(void **state)
{
	struct sha256 hash;
	char digest[DIGEST_SIZE], letters[1000];
	memset(letters, 'a', sizeof(letters));
	sha256_init(&hash);
	for (int i = 0; i < 1000; i++)
		sha256_add(&hash, letters, sizeof(letters));
	sha256_end(&hash, digest);
	assert_string_equal(
		digest, "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* In one piece or in pieces of any size: the same. */
static void pieces_make_no_difference(void **state)
{
	unsigned char bytes[300];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	for (size_t length = 0; length <= sizeof(bytes); length += 13) {
		char whole[DIGEST_SIZE], pieces[DIGEST_SIZE];
		digest_of(bytes, length, whole);
		for (size_t piece = 1; piece < 80; piece += 11) {
			struct sha256 hash;
			sha256_init(&hash);
			for (size_t at = 0; at < length; at += piece)
				sha256_add(&hash, bytes + at,
					length - at < piece ? length - at : piece);
			sha256_end(&hash, pieces);
			assert_string_equal(whole, pieces);
		}
	}
}

static void digests_are_strict(void **state)
{
	char good[DIGEST_SIZE];
	digest_of("x", 1, good);
	assert_true(digest_is_valid(good));
	assert_true(digest_is_prefix(good));
	assert_true(digest_is_prefix(digest_hex(good)));
	assert_true(digest_is_prefix("sha256:0a"));
	static const char *const bad[] = {
		"", "sha256:", "sha256:0a", "sha512:0a", "sha256:../../../x"};
	for (size_t i = 0; i < array_length(bad); i++)
		assert_false(digest_is_valid(bad[i]));
	assert_false(digest_is_prefix(""));
	assert_false(digest_is_prefix("sha256:"));
	assert_false(digest_is_prefix("0A"));
	good[20] = 'A';
	assert_false(digest_is_valid(good));
	good[20] = '/';
	assert_false(digest_is_valid(good));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_standard),
		cmocka_unit_test(a_million_letters),
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(digests_are_strict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
