// SPDX-License-Identifier: Apache-2.0

/* Which permission covers which host, and which addresses lead inward. */

#include "base/text.h"
#include "plan/host.h"
#include "unit.h"

static void test_names(void **state)
{
	assert_true(host_covers("debian.org", "debian.org"));
	assert_false(host_covers("debian.org", "www.debian.org"));
	assert_false(host_covers("debian.org", "debian.org.evil"));
	assert_true(host_covers("*.debian.org", "www.debian.org"));
	assert_true(host_covers("*.debian.org", "a.b.debian.org"));
	assert_false(host_covers("*.debian.org", "debian.org"));
	assert_false(host_covers("*.debian.org", "evildebian.org"));
	assert_false(host_covers("*.debian.org", ".debian.org"));
	assert_false(host_covers("*.2.3.4", "1.2.3.4")); /* an address is nobody's name */
	assert_false(host_covers("debian.org", "192.0.2.7"));
}

static void test_addresses(void **state)
{
	assert_true(host_covers("192.0.2.7", "192.0.2.7"));
	assert_true(host_covers("192.0.2.7", "::ffff:192.0.2.7"));
	assert_false(host_covers("192.0.2.7", "192.0.2.8"));
	assert_true(host_covers("192.0.2.0/24", "192.0.2.255"));
	assert_false(host_covers("192.0.2.0/24", "192.0.3.0"));
	assert_true(host_covers("10.0.0.0/9", "10.127.0.1"));
	assert_false(host_covers("10.0.0.0/9", "10.128.0.1"));
	assert_true(host_covers("2001:db8::/32", "2001:db8:ffff::1"));
	assert_false(host_covers("2001:db8::/32", "2001:db9::1"));
	assert_false(host_covers("192.0.2.0/24", "2001:db8::1"));
	assert_false(host_covers("192.0.2.0/33", "192.0.2.1"));
	assert_false(host_covers("192.0.2.0/", "192.0.2.1"));
}

static void test_everything(void **state)
{
	assert_true(host_covers(NULL, "debian.org"));
	assert_true(host_covers(NULL, "192.0.2.7"));
	assert_true(host_covers(NULL, "10.0.0.1"));
	static const char *const inward[] = {"localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0",
		"0.1.2.3", "169.254.169.254", "224.0.0.251", "255.255.255.255", "::", "::1",
		"::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0.0.0.0", "fe80::1", "febf::1",
		"ff02::fb", "64:ff9b::127.0.0.1"};
	for (size_t i = 0; i < array_length(inward); i++) {
		if (host_covers(NULL, inward[i]) || host_covers("0.0.0.0/0", inward[i]) ||
			host_covers("::/0", inward[i]))
			fail_msg("\"net\" covers %s", inward[i]);
		assert_true(host_covers(inward[i], inward[i])); /* written out */
	}
	assert_true(host_covers("127.0.0.0/8", "127.0.0.1"));
	assert_true(host_covers("0.0.0.0/0", "192.0.2.7"));
	assert_true(host_covers("::/0", "2001:db8::1"));
	assert_true(host_covers(NULL, "fec0::1"));
}

static void test_reading(void **state)
{
	static const char *const names[] = {
		"a", "debian.org", "_dns.x-y.de", "1e100.net", "3com.com", "x.0y", "face.b00g"};
	static const char *const others[] = {"", ".", "a.", ".a", "a..b", "A.de", "a b", "1.2.3.4",
		"127.1", "0x7f.1", "2130706433", "a.0x7f", "10.0xf", "a\n", "sch\xc3\xb6n.de"};
	for (size_t i = 0; i < array_length(names); i++)
		if (!host_is_name(names[i]))
			fail_msg("%s is a name", names[i]);
	for (size_t i = 0; i < array_length(others); i++)
		if (host_is_name(others[i]))
			fail_msg("\"%s\" is no name", others[i]);
	char long_name[300];
	memset(long_name, 'a', sizeof(long_name));
	long_name[64] = '\0';
	assert_false(host_is_name(long_name));
	long_name[63] = '\0';
	assert_true(host_is_name(long_name));

	struct address address;
	char buffer[ADDRESS_TEXT_SIZE];
	assert_false(address_read("127.1", &address));
	assert_false(address_read("fe80::1%lo", &address));
	assert_true(address_read("::FFFF:10.0.0.1", &address));
	assert_string_equal(address_write(&address, buffer), "10.0.0.1");
	assert_true(address_read("2001:DB8:0:0::7", &address));
	assert_string_equal(address_write(&address, buffer), "2001:db8::7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_reading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
