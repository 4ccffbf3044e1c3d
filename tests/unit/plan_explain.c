// SPDX-License-Identifier: Apache-2.0

/* What --explain tells. Whole lines: they are read by people and quoted in the manual. */

#include "unit.h"

#include "base/error.h"
#include "base/text.h"
#include "plan/oci.h"

static void explain(const char *json, struct text *out)
{
	autofini(plan_fini) struct plan plan = {};
	int r = plan_read(json, strlen(json), "config.json", "/b", &plan);
	if (r < 0)
		print_error("%s\n", error_text());
	assert_int_equal(r, 0);
	plan_explain(&plan, out);
}

static void a_small_plan_is_a_few_lines(void **state)
{
	autofini(text_fini) struct text out = {};
	explain("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"}}", &out);
	assert_string_equal(text_get(&out),
		"root          /b/r, writable\n"
		"its own       no namespace\n"
		"the host's    user pid network mount ipc uts cgroup time\n"
		"network       the host's\n"
		"limits        none\n"
		"system calls  all\n");
}

static void limits_are_in_units_of_people(void **state)
{
	autofini(text_fini) struct text out = {};
	explain("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"resources\":{"
		"\"memory\":{\"limit\":536870912,\"swap\":-1,\"reservation\":1610612736},"
		"\"cpu\":{\"quota\":150000,\"period\":100000,\"cpus\":\"0-1\"},"
		"\"pids\":{\"limit\":100},"
		"\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1048576}"
		"]}}}}",
		&out);
	assert_non_null(
		strstr(text_get(&out), "limits        memory 512 MiB\n"
				       "              memory with swap unlimited\n"
				       "              memory kept under pressure 1.5 GiB\n"
				       "              1.50 CPUs\n"
				       "              on CPUs 0-1\n"
				       "              100 processes\n"
				       "              reads device 8:0 at most 1 MiB a second\n"));
}

static void mounts_are_a_table(void **state)
{
	autofini(text_fini) struct text out = {};
	explain("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\",\"readonly\":true},\"mounts\":["
		"{\"destination\":\"/proc\",\"type\":\"proc\"},"
		"{\"destination\":\"/data\",\"source\":\"v\",\"options\":[\"rbind\",\"ro\"]},"
		"{\"destination\":\"/"
		"tmp\",\"type\":\"tmpfs\",\"options\":[\"nodev\",\"size=1m\"]}]}",
		&out);
	assert_true(
		text_starts(text_get(&out), "root          /b/r, read-only\n"
					    "mounts        /proc  proc   -\n"
					    "              /data  bind   /b/v  rbind,ro\n"
					    "              /tmp   tmpfs  -     nodev,size=1m\n"));
}

static void nothing_reaches_the_terminal_raw(void **state)
{
	autofini(text_fini) struct text out = {};
	explain("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\\u001b[2J\"},\"process\":{"
		"\"cwd\":\"/\\n/x\",\"args\":[\"a b\",\"\\u009b2J\",\"\"],"
		"\"env\":[\"A=\\u0007\"]},\"linux\":{\"resources\":{\"unified\":{"
		"\"a.b\":\"\\u001bc\"}}}}",
		&out);
	for (const unsigned char *c = (const unsigned char *)text_get(&out); *c; c++) {
		assert_true(*c == '\n' || *c >= 0x20);
		assert_false(c[0] == 0xc2 && c[1] < 0xa0);
	}
	assert_non_null(strstr(text_get(&out), "program       \"a b\" \"\\u009b2J\" \"\"\n"));
	assert_non_null(strstr(text_get(&out), "  in          \"/\\n/x\"\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_plan_is_a_few_lines),
		cmocka_unit_test(limits_are_in_units_of_people),
		cmocka_unit_test(mounts_are_a_table),
		cmocka_unit_test(nothing_reaches_the_terminal_raw),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
