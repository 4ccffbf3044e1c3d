// SPDX-License-Identifier: Apache-2.0
#include "rungs/container/hooks.h"

#include "base/error.h"
#include "base/log.h"
#include "base/process.h"

#include <sys/wait.h>

static int run_hook(const struct plan_hook *hook, const char *kind, const char *state)
{
	static const char *const nothing[] = {NULL};
	autofini(text_fini) struct text output = {};
	struct process_spawn spawn = {
		.program = hook->path,
		.arguments = hook->arguments.count ? hook->arguments.items : NULL,
		.environment = hook->environment.items ? hook->environment.items : nothing,
		.input = state,
		.input_length = strlen(state),
		.output = &output,
		.timeout_ms = hook->timeout_s * 1000,
	};
	int status;
	int r = process_spawn(&spawn, &status);
	if (r == -ETIMEDOUT)
		return refuse(
			r, "%s hook %s: no end after %u s", kind, hook->path, hook->timeout_s);
	if (r < 0)
		return wrap(r, "%s hook %s", kind, hook->path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	const char *said = text_get(&output);
	const char *separator = *said ? ": " : "";
	if (WIFSIGNALED(status))
		return refuse(-EIO, "%s hook %s: killed by signal %d%s%s", kind, hook->path,
			WTERMSIG(status), separator, said);
	return refuse(-EIO, "%s hook %s: exit status %d%s%s", kind, hook->path, WEXITSTATUS(status),
		separator, said);
}

int hooks_run(const struct plan_hooks *hooks, enum plan_hook_kind kind, const char *state)
{
	for (size_t i = 0; i < hooks->count[kind]; i++) {
		int r = run_hook(&hooks->items[kind][i], plan_hook_names[kind], state);
		if (r < 0)
			return r;
	}
	return 0;
}

void hooks_run_all(const struct plan_hooks *hooks, enum plan_hook_kind kind, const char *state)
{
	for (size_t i = 0; i < hooks->count[kind]; i++) {
		int r = run_hook(&hooks->items[kind][i], plan_hook_names[kind], state);
		if (r < 0) {
			warn("%s", error_text());
			error_clear();
		}
	}
}
