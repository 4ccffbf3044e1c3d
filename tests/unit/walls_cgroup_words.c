// SPDX-License-Identifier: Apache-2.0

/*
 * The words and numbers of the cgroup wall: paths, keys, records, conversions. No
 * cgroup is touched.
 */
#include "unit.h"

#include "base/error.h"
#include "plan/json.h"
#include "walls/cgroup/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void path_grammar(void **state)
{
	static const char *const good[] = {"/a", "a", "/a/b", "a/b.slice/c-d.scope",
		"/system.slice:foo", "/...", "/.a", "/a b", "/\xc3\xa4"};
	static const char *const bad[] = {"", "/", "..", "/..", "/a/..", "/../a", "/a/../b", "/.",
		"./a", "/a//b", "//a", "/a/", "/a\nb", "/a\x7f", "a\tb", "/a/./b"};
	for (size_t i = 0; i < array_length(good); i++)
		if (cgroup_path_check(good[i]) != 0)
			fail_msg("\"%s\" was refused: %s", good[i], error_text());
	for (size_t i = 0; i < array_length(bad); i++)
		if (cgroup_path_check(bad[i]) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	char path[6000];
	memset(path, 'a', sizeof(path));
	path[256] = '\0';
	assert_int_equal(cgroup_path_check(path), -EINVAL);
	path[255] = '\0';
	assert_int_equal(cgroup_path_check(path), 0);
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 100 == 0 ? '/' : 'a';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(cgroup_path_check(path), -EINVAL);
}

static void controller_lists(void **state)
{
	assert_true(controllers_hold("cpu,cpuacct", "cpu"));
	assert_true(controllers_hold("cpu,cpuacct", "cpuacct"));
	assert_false(controllers_hold("cpuacct", "cpu"));
	assert_false(controllers_hold("cpu", "cpuacct"));
	assert_false(controllers_hold("net_cls,net_prio", "net"));
	assert_true(controllers_hold("", ""));
	assert_false(controllers_hold("cpu", ""));
	assert_false(controllers_hold("", "cpu"));
	assert_false(controllers_hold("name=systemd", "systemd"));
	assert_true(words_hold("cpuset cpu io\n", "io"));
	assert_true(words_hold("cpuset cpu io\n", "cpu"));
	assert_false(words_hold("cpuset io\n", "cpu"));
	assert_false(words_hold("", "cpu"));
}

static void shares_to_weight(void **state)
{
	/* The three fixed points, and what runc and crun make of Kubernetes' usual values. */
	static const uint64_t pairs[][2] = {{0, 0}, {1, 1}, {2, 1}, {1024, 100}, {262144, 10000},
		{999999, 10000}, {102, 17}, {512, 59}, {2048, 174}, {4096, 303}};
	for (size_t i = 0; i < array_length(pairs); i++)
		if (cgroup_weight_of_shares(pairs[i][0]) != pairs[i][1])
			fail_msg("%llu shares became weight %llu", (unsigned long long)pairs[i][0],
				(unsigned long long)cgroup_weight_of_shares(pairs[i][0]));
	uint64_t before = 0;
	for (uint64_t shares = 2; shares <= 262144; shares++) {
		uint64_t weight = cgroup_weight_of_shares(shares);
		assert_true(weight >= before && weight >= 1 && weight <= 10000);
		before = weight;
	}
}

static void io_weight(void **state)
{
	assert_int_equal(cgroup_io_weight(10), 1);
	assert_int_equal(cgroup_io_weight(1000), 10000);
	assert_int_equal(cgroup_io_weight(500), 1 + 490 * 9999 / 990);
	assert_int_equal(cgroup_io_weight(0), 1);
	assert_int_equal(cgroup_io_weight(5000), 10000);
}

static void memory_and_swap(void **state)
{
	static const struct {
		int64_t memsw, memory;
		int result;
		bool given;
		int64_t swap;
	} cases[] = {
		{0, 0, 0, false, 0},
		{0, 100, 0, false, 0},
		{0, -1, 0, true, -1},
		{-1, 0, 0, true, -1},
		{-1, 100, 0, true, -1},
		{300, 100, 0, true, 200},
		{100, 100, 0, true, 0},
		{300, -1, 0, true, 300},
		{300, 0, -EINVAL, false, 0},
		{99, 100, -EINVAL, false, 0},
	};
	for (size_t i = 0; i < array_length(cases); i++) {
		bool given = false;
		int64_t swap = 0;
		assert_int_equal(
			cgroup_swap_of_memsw(cases[i].memsw, cases[i].memory, &given, &swap),
			cases[i].result);
		if (cases[i].result < 0)
			continue;
		assert_int_equal(given, cases[i].given);
		if (given)
			assert_int_equal(swap, cases[i].swap);
	}
}

static void limit_texts(void **state)
{
	assert_string_equal(limit_text(-1).text, "max");
	assert_string_equal(limit_text(0).text, "0");
	assert_string_equal(limit_text(INT64_MAX).text, "9223372036854775807");
	assert_int_equal(cgroup_check_page_size("2MB"), 0);
	assert_int_equal(cgroup_check_page_size("64KB"), 0);
	assert_int_equal(cgroup_check_page_size("1GB"), 0);
	static const char *const bad[] = {
		"", "MB", "2mb", "2M", "2MB/..", "2MB.max", "../2MB", "2 MB", "9999999999999MB"};
	for (size_t i = 0; i < array_length(bad); i++)
		assert_int_equal(cgroup_check_page_size(bad[i]), -EINVAL);
}

static void unified_keys(void **state)
{
	static const char *const bad[] = {"memory/high", "../memory.high", "memory", ".memory", "",
		"memory.high\n", "/memory.high", "memory .high"};
	unsigned mask = 0;
	for (size_t i = 0; i < array_length(bad); i++) {
		struct plan_key_value pair = {bad[i], "1"};
		struct plan_resources resources = {.unified = &pair, .unified_count = 1};
		if (cgroup_unified_controllers(&resources, &mask) != -EINVAL)
			fail_msg("key \"%s\" was taken", bad[i]);
	}
	struct plan_key_value pairs[] = {
		{"memory.high", "1"}, {"cgroup.max.depth", "3"}, {"hugetlb.2MB.max", "0"}};
	struct plan_resources resources = {.unified = pairs, .unified_count = 3};
	assert_int_equal(cgroup_unified_controllers(&resources, &mask), 0);
	assert_int_equal(
		mask, CONTROLLER_BIT(CONTROLLER_MEMORY) | CONTROLLER_BIT(CONTROLLER_HUGETLB));
}

static void what_limits_need(void **state)
{
	struct plan_resources r = {};
	assert_int_equal(cgroup_wanted(&r), 0);
	r.memory_limit = (struct optional_i64){true, -1};
	r.pids_limit = (struct optional_i64){true, 0};
	r.cpu_quota = (struct optional_i64){true, -1};
	assert_int_equal(cgroup_required(&r), 0);
	assert_int_equal(cgroup_wanted(&r), CONTROLLER_BIT(CONTROLLER_MEMORY) |
						    CONTROLLER_BIT(CONTROLLER_PIDS) |
						    CONTROLLER_BIT(CONTROLLER_CPU));
	r.memory_limit.value = 4096;
	r.cpuset_cpus = "0";
	assert_int_equal(cgroup_required(&r),
		CONTROLLER_BIT(CONTROLLER_MEMORY) | CONTROLLER_BIT(CONTROLLER_CPUSET));
}

static int read_location(
	const char *text, size_t length, struct arena *arena, struct cgroup_location *ret_location)
{
	autofini(json_document_fini) struct json_document document = {};
	int r = json_parse(text, length, "record", arena, &document);
	return r < 0 ? r : cgroup_location_read(&document.top, arena, ret_location);
}

static void record_round_trip(void **state)
{
	struct cgroup_place places[] = {
		{"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/a/\"quoted\" \xc3\xa4"},
		{"", "/sys/fs/cgroup/unified", "/user.slice/x.scope"},
	};
	struct cgroup_location before = {.manager = CGROUP_SYSTEMD,
		.places = places,
		.place_count = 2,
		.slice = "user.slice",
		.scope = "x.scope",
		.user_manager = true};
	autofini(text_fini) struct text json = {};
	cgroup_location_write(&before, &json);

	autofini(arena_fini) struct arena arena = {};
	struct cgroup_location after;
	assert_int_equal(read_location(text_get(&json), json.length, &arena, &after), 0);
	assert_int_equal(after.manager, CGROUP_SYSTEMD);
	assert_string_equal(after.slice, "user.slice");
	assert_string_equal(after.scope, "x.scope");
	assert_true(after.user_manager);
	assert_int_equal(after.place_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(after.places[i].controllers, places[i].controllers);
		assert_string_equal(after.places[i].mount_point, places[i].mount_point);
		assert_string_equal(after.places[i].path, places[i].path);
	}
	autofini(text_fini) struct text again = {};
	cgroup_location_write(&after, &again);
	assert_string_equal(text_get(&again), text_get(&json));
}

static void bad_records(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{\"manager\":\"cgroupfs\"}",
		"{\"manager\":\"other\",\"places\":[]}",
		"{\"manager\":7,\"places\":[]}",
		"{\"manager\":\"systemd\",\"places\":[]}",
		"{\"manager\":\"cgroupfs\",\"places\":[7]}",
		"{\"manager\":\"cgroupfs\",\"places\":[{\"controllers\":\"\",\"mount\":\"/m\"}]}",
		"{\"manager\":\"cgroupfs\",\"places\":[{\"controllers\":\"\",\"mount\":\"/m\","
		"\"path\":\"/a/../..\"}]}",
		"{\"manager\":\"cgroupfs\",\"places\":[{\"controllers\":\"\",\"mount\":\"/m\","
		"\"path\":\"/\"}]}",
		"{\"manager\":\"cgroupfs\",\"places\":[{\"controllers\":\"\",\"mount\":\"m\","
		"\"path\":\"/a\"}]}",
	};
	autofini(arena_fini) struct arena arena = {};
	struct cgroup_location location;
	for (size_t i = 0; i < array_length(bad); i++)
		if (read_location(bad[i], strlen(bad[i]), &arena, &location) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

static void refused_plans(void **state)
{
	static const char *const bad[] = {"/../x", "a/../../b", "/a//b", "/", "/x\n"};
	for (size_t i = 0; i < array_length(bad); i++) {
		autofini(arena_fini) struct arena arena = {};
		struct plan plan = {.cgroups_path = bad[i]};
		struct cgroup_location location;
		assert_int_equal(
			cgroup_locate(&plan, "id", CGROUP_CGROUPFS, &arena, &location), -EINVAL);
	}
	autofini(arena_fini) struct arena arena = {};
	struct plan plan = {.cgroups_path = "/../x"};
	struct cgroup_location location;
	assert_int_equal(cgroup_locate(&plan, "id", CGROUP_DISABLED, &arena, &location), 0);
	assert_int_equal(location.place_count, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_grammar),
		cmocka_unit_test(controller_lists),
		cmocka_unit_test(shares_to_weight),
		cmocka_unit_test(io_weight),
		cmocka_unit_test(memory_and_swap),
		cmocka_unit_test(limit_texts),
		cmocka_unit_test(unified_keys),
		cmocka_unit_test(what_limits_need),
		cmocka_unit_test(record_round_trip),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(refused_plans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
