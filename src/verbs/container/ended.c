// SPDX-License-Identifier: Apache-2.0

/*
 * `rung __ended`: what rung-monitor becomes when its container has ended. The clients' sockets are
 * still open; they are told by our closing them that everything is done.
 */

#include "engine/instance/ended.h"
#include "base/error.h"
#include "base/text.h"
#include "verbs/verbs.h"

struct ended_options {
	const char *clients;
};

static const struct option ended_options[] = {
	{"--clients=FDS", "descriptors to close at the end", text_in(ended_options, clients)},
	{},
};

static void let_clients_go(const char *words, struct arena *arena)
{
	char *rest = arena_strdup(arena, words ? words : ""), *word;
	while ((word = strsep(&rest, ","))) {
		uint64_t fd;
		if (parse_uint64(word, INT32_MAX, &fd) == 0 && fd > 2)
			(void)close((int)fd);
	}
}

static int run(struct invocation *invocation)
{
	const struct ended_options *options = options_of(invocation, ended_options);
	uint64_t exit_code;
	if (parse_uint64(invocation->arguments[1], 255, &exit_code) < 0)
		return usage_error(invocation, "\"%s\" is no status", invocation->arguments[1]);
	const char *id = invocation->arguments[0];
	int64_t pause_ms = 0;
	int again = instance_ended(id, (int)exit_code, invocation->arena, &pause_ms);
	let_clients_go(options->clients, invocation->arena);
	if (again > 0)
		again = instance_start_again(id, pause_ms, invocation->arena);
	if (again < 0)
		return again;
	instance_tidy_up();
	return 0;
}

const struct verb verb_ended = {
	.name = "__ended",
	.summary = "deal with the end of a container",
	.arguments = "ID STATUS",
	.hidden = true,
	.failure_status = 125,
	verb_options(ended_options),
	.run = run,
};
