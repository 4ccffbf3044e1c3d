// SPDX-License-Identifier: Apache-2.0

/* -p taken apart and put together; ids and names of events. */

#include "verbs/container/ports.h"

#include "base/error.h"
#include "base/scope.h"
#include "unit.h"

#include <errno.h>

static void shows(const char *const words[], size_t count, const char *expected)
{
	autofini(arena_fini) struct arena arena = {};
	autofini(text_fini) struct text out = {};
	struct port_mapping *mappings;
	size_t mapping_count;
	const char *copy[8];
	for (size_t i = 0; i < count; i++)
		copy[i] = words[i];
	const struct strings published = {copy, count};
	assert_int_equal(ports_read(&published, &arena, &mappings, &mapping_count), 0);
	ports_write(mappings, mapping_count, &out);
	assert_string_equal(text_get(&out), expected);
}

#define SHOWS(expected, ...) \
	do { \
		static const char *const words[] = {__VA_ARGS__}; \
		shows(words, array_length(words), expected); \
	} while (0)

static void test_ports(void **state)
{
	SHOWS("0.0.0.0:8080->80/tcp", "8080:80");
	SHOWS("0.0.0.0:0->80/tcp", "80");
	SHOWS("127.0.0.1:0->80/udp", "127.0.0.1::80/udp");
	SHOWS("[::1]:8080->80/tcp", "[::1]:8080:80");
	SHOWS("0.0.0.0:8080-8082->80-82/tcp", "8080-8082:80-82");
	SHOWS("0.0.0.0:8080-8081->80-81/tcp, 0.0.0.0:9000->80/tcp", "8080:80", "8081:81",
		"9000:80");
	SHOWS("0.0.0.0:53->53/udp, 0.0.0.0:53->53/tcp", "53:53/udp", "53:53/tcp");
}

static void test_refusals(void **state)
{
	static const char *const words[] = {"", ":", "x", "80:", "80:x", "99999", "0", "8080:0",
		"80-70", "1-2:1-3", "8080:80-", "-80"};
	for (size_t i = 0; i < array_length(words); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct port_mapping *mappings;
		size_t count;
		const char *copy[] = {words[i]};
		const struct strings published = {copy, 1};
		if (ports_read(&published, &arena, &mappings, &count) != -EINVAL)
			fail_msg("\"%s\" was taken for a port", words[i]);
		error_clear();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
