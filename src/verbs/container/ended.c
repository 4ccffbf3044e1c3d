// SPDX-License-Identifier: Apache-2.0

/*
 * `rung __ended`: what rung-monitor becomes when its container has ended. The clients' sockets are
 * still open; they are told by our closing them that everything is done.
 */

#include "engine/instance/ended.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/instance/wire.h"
#include "verbs/verbs.h"

struct ended_options {
	const char *clients;
};

static const struct option ended_options[] = {
	{"--clients=FDS", "descriptors to close at the end", text_in(ended_options, clients)},
	{},
};

/* The person who is attached learns why; the exit status alone says only "killed". */
static void say_out_of_memory(int fd)
{
	static const char text[] = "warning: it reached its memory limit: out-of-memory kill";
	(void)!wire_send(fd, WIRE_MESSAGE, text, sizeof(text) - 1);
}

static void let_clients_go(const char *words, bool oom_killed, struct arena *arena)
{
	char *rest = arena_strdup(arena, words ? words : ""), *word;
	while ((word = strsep(&rest, ","))) {
		uint64_t fd;
		if (parse_uint64(word, INT32_MAX, &fd) < 0 || fd <= 2)
			continue;
		if (oom_killed)
			say_out_of_memory((int)fd);
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
	struct instance_end end = {};
	int again = instance_ended(id, (int)exit_code, invocation->arena, &end);
	let_clients_go(options->clients, end.oom_killed, invocation->arena);
	if (again > 0)
		again = instance_start_again(id, end.pause_ms, invocation->arena);
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
