// SPDX-License-Identifier: Apache-2.0

/* `rung sandbox`: programs of this system, walled in. */

#include "engine/sandbox/sandbox.h"

#include "base/error.h"
#include "cli/complete.h"
#include "verbs/verbs.h"

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name, not an expression */
#define SANDBOX_ENTRY_(name) {.verb = &verb_##name},
#define SANDBOX_DECLARE_(name) extern const struct verb verb_##name;
SANDBOX_INNER_VERBS(SANDBOX_DECLARE_)

static const struct verb_entry entries[] = {SANDBOX_INNER_VERBS(SANDBOX_ENTRY_){}};

static void complete(const struct invocation *invocation, struct completions *completions)
{
	struct sandbox_record *records = NULL;
	size_t count = 0;
	if (sandbox_list(invocation->arena, &records, &count) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		completion_add(completions, records[i].name[0] ? records[i].name : records[i].id,
			records[i].arguments.count ? records[i].arguments.items[0] : NULL);
	error_clear();
}

static const struct completer completers[] = {{"SANDBOX", complete}, {}};

const struct verb verb_sandbox = {
	.name = "sandbox",
	.summary = "run a program of this system behind walls",
	.failure_status = 125,
	.verbs = entries,
	.otherwise = &verb_sandbox_run,
	.completers = completers,
};
