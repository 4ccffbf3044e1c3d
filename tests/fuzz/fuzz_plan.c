// SPDX-License-Identifier: Apache-2.0

/*
 * Foreign bytes as config.json, process.json, resources.json and Landlock rules.
 * Beside not crashing:
 *  - a refusal tells a story, and an acceptance none that was left over;
 *  - what was read can be written, read again, and is written the same;
 *  - the explanation holds no control characters;
 *  - our JSON reader and json-c see the same document (see json_peer.h).
 */

#include "base/error.h"
#include "base/log.h"
#include "json_peer.h"
#include "plan/oci.h"

#include <fcntl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Warnings (unknown capabilities) are not what is tested here. */
static void be_quiet(void)
{
	static bool quiet;
	if (!quiet)
		log_configure(&(struct log_settings){.fd = -1, .level = LOG_ERROR, .program = ""});
	quiet = true;
}

static void check_written(const struct plan *plan)
{
	autofini(text_fini) struct text first = {};
	autofini(text_fini) struct text second = {};
	autofini(plan_fini) struct plan again = {};
	plan_write(plan, &first);
	demand(plan_read(text_get(&first), first.length, "again", "/bundle", &again) == 0);
	plan_write(&again, &second);
	demand(text_equal(text_get(&first), text_get(&second)));
}

static void check_explained(const struct plan *plan)
{
	autofini(text_fini) struct text out = {};
	plan_explain(plan, &out);
	for (const unsigned char *c = (const unsigned char *)text_get(&out); *c; c++)
		demand(*c == '\n' || (*c >= 0x20 && *c != 0x7f && !(c[0] == 0xc2 && c[1] < 0xa0)));
}

static void read_plan(const char *text, size_t size)
{
	autofini(plan_fini) struct plan plan = {};
	int r = plan_read(text, size, "fuzz", "/bundle", &plan);
	demand(r < 0 ? error_text()[0] != '\0' : r == 0 && error_text()[0] == '\0');
	if (r < 0)
		return;
	check_written(&plan);
	check_explained(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	be_quiet();
	autofini(text_fini) struct text text = {};
	text_add(&text, "");
	text_add_bytes(&text, data, size);
	const char *json = text_get(&text);

	error_clear();
	read_plan(json, size);
	error_clear();

	autofini(arena_fini) struct arena arena = {};
	struct plan_process process;
	struct plan_resources resources;
	struct plan_landlock rules;
	struct plan_seccomp seccomp;
	const struct plan_capabilities capabilities = {.given = true, .bounding = 0x5555};
	demand(plan_read_process(json, size, "fuzz", &arena, &process) <= 0);
	demand(plan_read_resources(json, size, "fuzz", &arena, &resources) <= 0);
	demand(plan_landlock_parse(json, "fuzz", &arena, &rules) <= 0);
	demand(plan_read_seccomp(json, size, "fuzz", &capabilities, &arena, &seccomp) <= 0);
	error_clear();

	demand(json_peer_agrees(json, size));
	error_clear();
	return 0;
}
